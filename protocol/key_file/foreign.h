#pragma once

#include <string_view>

#include "protocol/public_key.h"

/// What is not read, and what helps: the answers for files of other kinds.
namespace fob {

/// PublicKey::parse with a better reason for DSA keys.
PublicKey parse_key_blob(ByteView blob);

/// `text` is no private key file that fob reads: throws unsupported where it is known what it is, else malformed.
[[noreturn]] void throw_no_private_key(std::string_view text);
/// The same for public key files.
[[noreturn]] void throw_no_public_key(std::string_view text);

}  // namespace fob
