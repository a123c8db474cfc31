#pragma once

#include <cstddef>
#include <cstdint>

/// The part of limits.h that is about key files; include that.
namespace fob::limits {

// --- key files: what of them is believed ---

/// A private or public key file (OpenSSH's MAX_KEY_FILE_SIZE).
inline constexpr std::size_t key_file_bytes = 1024 * 1024;
/// Rounds of bcrypt_pbkdf that a file may ask for: some minutes; ssh-keygen's default is 24.
inline constexpr std::uint32_t key_file_rounds = 10'000;
inline constexpr std::size_t key_file_salt_bytes = 1024;
/// Rounds of PBKDF2 in PKCS#8 (RFC 8018 §5.2), and of the PKCS#12 functions: some seconds.
inline constexpr std::uint32_t pkcs8_rounds = 10'000'000;
/// Memory of scrypt in PKCS#8 (RFC 7914): OpenSSL's own limit; its default takes half of it.
inline constexpr std::size_t pkcs8_scrypt_bytes = 32 * 1024 * 1024;
/// 128·N·r·p: a minute.
inline constexpr std::uint64_t pkcs8_scrypt_work_bytes = 16ULL * 1024 * 1024 * 1024;
/// What Argon2 in a PPK file may ask for: PuTTY writes 8 MiB and as many passes as 0.1 s takes.
inline constexpr std::uint32_t ppk_argon2_kib = 1024 * 1024;
inline constexpr std::uint32_t ppk_argon2_passes = 10'000;
inline constexpr std::uint32_t ppk_argon2_lanes = 64;
/// Passes times KiB: some minutes.
inline constexpr std::uint64_t ppk_argon2_work_kib = 256ULL * 1024 * 1024;
/// Lines of a text, and bytes of one line, in formats that have headers.
inline constexpr std::size_t key_file_line_bytes = 16 * 1024;

}  // namespace fob::limits
