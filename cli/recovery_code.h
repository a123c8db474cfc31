#pragma once

#include <string_view>
#include <vector>

#include "protocol/secret_bytes.h"

namespace fob::cli {

/// A recovery code goes from secret memory to standard output, and through no other memory of fob's on its way. All of
/// these throw system where it cannot be written, and say how to get another one; malformed where it is no code.

/// For people: the code, what it is for, and that it is not shown again. Nothing if it is empty.
void print_recovery_code(const SecretBytes& code);

/// Prints what json_of has made, and in the places that it has left for them, in their order, those of `codes` that are
/// not empty.
void print_json(std::string_view json, const std::vector<const SecretBytes*>& codes);

/// What json_of writes where print_json puts a code. No text can look like it: quotes in texts are escaped.
inline constexpr std::string_view recovery_code_place = "\"recovery_code\": \"\"";

}  // namespace fob::cli
