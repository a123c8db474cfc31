#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// The part of limits.h that is about tokens; include that.
namespace fob::limits {

// --- tokens: what a token, and the host that speaks to it, may say ---

/// One message between agent and host without its length word: data to sign as large as an agent message, and a key.
inline constexpr std::size_t host_message_bytes = (256 + 16) * 1024;
/// One reply of a token host: every key that a PKCS#11 module may list.
inline constexpr std::size_t host_reply_bytes = 4 * 1024 * 1024;
/// Credential id of an sk key.
inline constexpr std::size_t key_handle_bytes = 1024;
/// Salt and secret of hmac-secret (CTAP 2.1 §12.5).
inline constexpr std::size_t fido_salt_bytes = 32;
inline constexpr std::size_t fido_secret_bytes = 32;
/// What OpenSecret gives: an x coordinate of P-521 is the longest.
inline constexpr std::size_t opened_secret_bytes = 66;
/// What OpenSecret takes: a ciphertext of the largest RSA key that tokens have.
inline constexpr std::size_t sealed_secret_bytes = 1024;
/// Relying party id of an sk key, "ssh:…".
inline constexpr std::size_t application_bytes = 256;
/// User id and user name of a credential (CTAP 2.1 §6.1.2 lets a token cut names at 64).
inline constexpr std::size_t credential_user_bytes = 64;
/// A PIN as UTF-8. A FIDO2 token takes 63 bytes (CTAP 2.1 §6.5.1), a middleware what it likes.
inline constexpr std::size_t fido_pin_bytes = 63;
inline constexpr std::size_t pin_bytes = 255;
/// What an attestation signs, as ssh-keygen -O challenge= reads it from a file.
inline constexpr std::size_t challenge_bytes = 64 * 1024;
/// Each part of an attestation; libfido2 takes no message over 4 KiB.
inline constexpr std::size_t attestation_bytes = 8 * 1024;
/// A signature blob of a key on a token: RSA of `rsa_max_bits` is the largest.
inline constexpr std::size_t signature_bytes = 2560;
/// A PKCS#11 URI.
inline constexpr std::size_t uri_bytes = 1024;
/// CKA_LABEL as far as it is shown, and what a new one may have.
inline constexpr std::size_t label_bytes = 256;
/// A PIV key's slot as two hexadecimal digits.
inline constexpr std::size_t piv_slot_bytes = 2;
/// CKA_ID.
inline constexpr std::size_t object_id_bytes = 255;
/// Modules that p11-kit's configuration and fob's may name.
inline constexpr std::size_t pkcs11_modules = 64;
/// Slots, and tokens in them, of one module.
inline constexpr std::size_t pkcs11_tokens = 256;
/// Keys on one module's tokens that are listed.
inline constexpr std::size_t pkcs11_keys = 2048;
/// An X.509 certificate on a token.
inline constexpr std::size_t certificate_bytes = 16 * 1024;
inline constexpr std::size_t attestation_chain = 8;
inline constexpr std::size_t card_readers = 64;
/// Resident keys of one token; the largest on sale hold 300.
inline constexpr std::size_t resident_keys = 512;
/// Versions, extensions, transports that a token names, each.
inline constexpr std::size_t token_names = 32;
inline constexpr std::size_t token_name_bytes = 64;
/// Why a request failed.
inline constexpr std::size_t failure_text_bytes = 1024;
/// Memory of a token host, libraries included: a token that announces a billion credentials gets an error.
inline constexpr std::size_t token_host_memory_bytes = 512 * 1024 * 1024;
/// A token that waits says so each 100 ms (CTAP 2.1 §11.2.9.2.2): one that is silent for longer is stuck.
inline constexpr std::chrono::milliseconds token_silence{5'000};
/// A touch on a U2F token, which does not end its waiting by itself; FIDO2 tokens wait 30 s (CTAP 2.1 §6.1.2).
inline constexpr std::chrono::milliseconds u2f_touch{30'000};
/// The longest that one request may keep a token at work, touches included.
inline constexpr std::chrono::milliseconds token_request{120'000};

}  // namespace fob::limits
