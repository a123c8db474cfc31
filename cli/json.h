#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "protocol/control_reply.h"

namespace fob::cli {

struct AllKeys;
struct RotatedKey;

/// What --json prints: one JSON value and an end of line. ASCII only, so that no text of a token or client can do
/// anything to a terminal, and nothing is lost. Field names and types stay; new fields may join (fob(1)).
std::string json_of(const control::Tokens& tokens);
std::string json_of(const control::Key& key);
/// With the attestation, in base64. Recovery codes are for print_json (recovery_code.h), here and below.
std::string json_of(const control::Kept& kept);
std::string json_of(const std::vector<control::Kept>& kept);
/// Of `fob attest`: the certificates in DER as base64.
std::string json_of(const control::Attested& attested, const std::string& name);

/// Lists that may be long, written as they are made.
void write_json(std::ostream& out, const control::Keys& keys);
void write_json(std::ostream& out, const control::Residents& residents);
/// Of `fob keys`.
void write_json(std::ostream& out, const AllKeys& all);

std::string json_of(const control::Slots& slots);
std::string json_of(const control::SlotAdded& added);
/// Of `fob backup`.
std::string json_of(const control::BackedUp& backed_up, const std::string& path);

/// Of `fob rotate`: {"old": key, "new": key as of `fob new`, "places": […], "then": "fob remove …"}.
std::string json_of(const RotatedKey& rotated);

/// Of `fob watch`: one line.
std::string json_line_of(const control::Activity& activity);

/// Of a command that only does something: {"done": true, "<what>": "<name>"}.
std::string json_of_done(const std::string& what, const std::string& name);
/// {"agent": "<socket>" or null, "fault": "<why>" or null, "tokens": <count>, "keys": <count>, "vault": "<state>" or
/// null}, of `fob --json` alone.
std::string json_of_state(const std::string& socket, const std::string& fault, std::size_t tokens, std::size_t keys,
                          const std::string& vault);

}  // namespace fob::cli
