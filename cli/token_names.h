#pragma once

#include <string>
#include <vector>

#include "protocol/control_reply.h"

namespace fob::cli {

bool is_fido2(const control::Token& token);
/// False for a PKCS#11 module that shows no token, for it does not work; its `fault` says why.
bool is_there(const control::Token& token);

/// What --on takes for each of the tokens: a FIDO2 token's id, a short URI of another. Not made printable.
std::vector<std::string> on_names(const std::vector<control::Token>& tokens);

/// The token that `on` names (control::TokenName), among those that the agent has. Throws not_found, or refused where
/// it could be several.
control::Token token_named(const std::string& on);

/// Tokens that are one device, by their serial numbers, stand one after the other, the FIDO2 ones first; else the order
/// stays.
std::vector<control::Token> by_device(std::vector<control::Token> tokens);
bool are_one_device(const control::Token& one, const control::Token& other);

}  // namespace fob::cli
