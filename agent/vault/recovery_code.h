#pragma once

#include <optional>

#include "protocol/secret_bytes.h"

namespace fob {

/// The code that opens the vault when all else is lost: 160 random bits and a check sum, for paper.

inline constexpr std::size_t recovery_secret_bytes = 20;

/// 20 random bytes.
SecretBytes new_recovery_secret();
/// As people write it: nine groups of four letters of base32 (RFC 4648 §6), "-" between them. 32 letters are the
/// secret, the last four the first 20 bits of its SHA-256.
SecretBytes recovery_code_of(const SecretBytes& secret);
/// The secret; nothing where `typed` is no such code. Case, spaces and dashes do not count; 0, 1 and 8, which base32
/// does not have, are taken for O, I and B.
std::optional<SecretBytes> parse_recovery_code(ByteView typed);

}  // namespace fob
