#pragma once

#include <optional>

#include "protocol/secret_bytes.h"

namespace fob {

/// AES-256-GCM (NIST SP 800-38D) as the vault's file has it: 12 bytes of random nonce, ciphertext, 16 bytes of tag.

inline constexpr std::size_t aead_key_bytes = 32;
inline constexpr std::size_t aead_overhead_bytes = 12 + 16;

Bytes aead_seal(const SecretBytes& key, ByteView secret, ByteView associated);
/// Nothing, an empty optional, where key, associated data or the sealed bytes are not the right ones.
std::optional<SecretBytes> aead_open(const SecretBytes& key, ByteView sealed, ByteView associated);

/// HKDF-SHA-256 (RFC 5869) without salt; 32 bytes.
SecretBytes hkdf(ByteView secret, ByteView info);

}  // namespace fob
