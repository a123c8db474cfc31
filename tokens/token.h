#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "protocol/key_kind.h"
#include "protocol/public_key.h"
#include "protocol/secret_bytes.h"
#include "protocol/token_info.h"

namespace fob {

/// Flags of an sk key (PROTOCOL.u2f, "SSH_SK_*" in OpenSSH's sk-api.h).
namespace sk_flags {
inline constexpr std::uint8_t user_presence_required = 0x01;
inline constexpr std::uint8_t user_verification_required = 0x04;
inline constexpr std::uint8_t force_operation = 0x10;
inline constexpr std::uint8_t resident_key = 0x20;
}  // namespace sk_flags

/// What is needed to have a token use an sk key; the token itself keeps no more than it wants to.
struct KeyRef {
  KeyKind kind = KeyKind::sk_ecdsa_p256;
  std::string application;  ///< relying party id, "ssh:" or "ssh:…"
  Bytes key_handle;         ///< credential id
  std::uint8_t flags = sk_flags::user_presence_required;
};

/// What a key should be.
struct NewKeyRequest {
  KeyKind kind = KeyKind::sk_ecdsa_p256;
  std::string application = "ssh:";
  std::string user;  ///< user name of a resident credential, may be empty; at most 64 bytes
  /// Presence and verification as they will be needed to sign; resident_key; force_operation: a resident credential of
  /// the same application and user may be replaced.
  std::uint8_t flags = sk_flags::user_presence_required;
  Bytes challenge;  ///< signed by the attestation; empty: 32 random bytes
};

/// A key that a token has just made.
struct NewKey {
  PublicKey public_key;
  Bytes key_handle;
  std::uint8_t flags = 0;  ///< as asked, without force_operation
  /// For ssh-keygen's "ssh-sk-attest-v01" file (PROTOCOL.u2f); empty where the token attests nothing.
  Bytes attestation_certificate;
  Bytes attestation_signature;
  Bytes authenticator_data;  ///< CBOR byte string, as OpenSSH keeps it
  Bytes challenge;
};

/// A resident (discoverable) credential whose application begins with "ssh:".
struct ResidentKey {
  PublicKey public_key;  ///< application included
  Bytes key_handle;
  std::uint8_t flags = 0;
  Bytes user_id;
  std::string user;  ///< may be empty
};

/// What a credential of make_secret_credential() makes a secret of.
struct SecretRequest {
  std::string application;
  Bytes key_handle;
  Bytes salt;           ///< limits::fido_salt_bytes
  bool verify = false;  ///< with the PIN, or what the token has in its place; the secret is another one then
};

/// One holder of private keys; every call may block.
///
/// `pin` is nullptr where none is to be sent; an implementation sends it once and never again by itself.
/// Threads: used by one thread only. Cancelling is the host's business (ctaphid_link.h).
/// Errors: throws Error: pin_required, wrong_pin, pin_blocked, timed_out (nobody touched), cancelled, not_found,
/// unsupported, refused, removed, system. After `removed` discard the object; after any other it stays usable.
class Token {
 public:
  virtual ~Token() = default;

  virtual TokenInfo describe() = 0;
  /// Whether the token made this key, found out without touch, PIN or blinking (up=false). A key that wants user
  /// verification may be hidden (credProtect): then the answer is no.
  virtual bool has_key(const KeyRef& key) = 0;
  /// Waits for a touch.
  virtual NewKey generate(const NewKeyRequest& request, const SecretBytes* pin) = 0;
  /// Signs `data` (unhashed); returns an SSH signature blob (PROTOCOL.u2f). Waits for a touch if the key wants one.
  virtual Bytes sign(const KeyRef& key, ByteView data, const SecretBytes* pin) = 0;
  /// The key handle of a new credential for derive_secret(), not resident (hmac-secret, CTAP 2.1 §12.5). Waits for a
  /// touch.
  virtual Bytes make_secret_credential(const std::string& application, const SecretBytes* pin) = 0;
  /// limits::fido_secret_bytes, always the same of the same request. Waits for a touch. Refused unless the token says
  /// that it was touched, and has verified whoever uses it just as `verify` has it; `pin` is sent only then.
  virtual SecretBytes derive_secret(const SecretRequest& request, const SecretBytes* pin) = 0;
  virtual std::vector<ResidentKey> resident_keys(const SecretBytes* pin) = 0;
  virtual void remove_resident(ByteView key_handle, const SecretBytes* pin) = 0;
  virtual void rename_resident(ByteView key_handle, const std::string& user, const SecretBytes* pin) = 0;
  virtual void set_pin(const SecretBytes& new_pin) = 0;
  virtual void change_pin(const SecretBytes& old_pin, const SecretBytes& new_pin) = 0;
  /// Erases every credential and the PIN. Waits for a touch; most tokens allow it only just after they were plugged in.
  virtual void reset() = 0;
};

}  // namespace fob
