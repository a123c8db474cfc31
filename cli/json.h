#pragma once

#include <string>
#include <vector>

#include "protocol/control_reply.h"

namespace fob::cli {

/// What --json prints: one JSON value and an end of line. ASCII only, so that no text of a token or client can do
/// anything to a terminal, and nothing is lost. Field names and types stay; new fields may join (fob(1)).
std::string json_of(const control::Tokens& tokens);
std::string json_of(const control::Keys& keys);
std::string json_of(const control::Key& key);
/// With the attestation, in base64.
std::string json_of(const control::Kept& kept);
std::string json_of(const std::vector<control::Kept>& kept);
std::string json_of(const control::Residents& residents);
/// Of `fob attest`: the certificates in DER as base64.
std::string json_of(const control::Attested& attested, const std::string& name);

/// Of a command that only does something: {"done": true, "<what>": "<name>"}.
std::string json_of_done(const std::string& what, const std::string& name);
/// {"agent": "<socket>" or null, "fault": "<why>" or null, "tokens": <count>, "keys": <count>}, of `fob --json` alone.
std::string json_of_state(const std::string& socket, const std::string& fault, std::size_t tokens, std::size_t keys);

}  // namespace fob::cli
