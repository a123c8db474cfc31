#pragma once

#include <cstddef>
#include <cstdint>

/// The part of limits.h that is about the vault's file; include that.
namespace fob::limits {

// --- the vault's file: what of it is believed ---

/// All variable parts of one key together; and of one keyslot.
inline constexpr std::size_t stored_key_bytes = 64 * 1024;
inline constexpr std::size_t stored_keyslot_bytes = 16 * 1024;
/// Any one value in it, so that a damaged length does not make SQLite allocate a gigabyte.
inline constexpr int stored_value_bytes = 256 * 1024;
/// What a passphrase's slot may ask of Argon2id: at most some 20 seconds.
inline constexpr std::uint32_t argon2_passes = 16;
inline constexpr std::uint32_t argon2_min_kib = 8 * 1024;
inline constexpr std::uint32_t argon2_max_kib = 2 * 1024 * 1024;
/// RSA keys of tokens that open the vault: no easier to break than what they open.
inline constexpr unsigned keyslot_rsa_min_bits = 2048;

}  // namespace fob::limits
