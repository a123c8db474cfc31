#pragma once

#include <optional>
#include <string>

#include "protocol/keyslot_kind.h"
#include "protocol/public_key.h"
#include "protocol/secret_bytes.h"
#include "protocol/wire.h"

namespace fob {

/// One of the things that open the vault: the vault key under a key of its own, the slot key. Nothing in it is secret.
struct Keyslot {
  std::uint32_t id = 0;  ///< from 1; never used again while its successors are there
  KeyslotKind kind = KeyslotKind::passphrase;
  std::string name;  ///< for people: which token; at most limits::name_bytes
  std::uint64_t created = 0;
  Bytes parameters;  ///< what follows, by kind, in wire form: bound to the wrapped key, so that none can be changed
  Bytes wrapped;     ///< aead_seal of the vault key
};

// Each read() takes the whole of Keyslot::parameters; errors: malformed, too_large, unsupported. Each key() is the slot
// key, 32 bytes.

/// Argon2id, version 1.3, one lane (RFC 9106 §4, the second choice with more memory).
struct PassphraseParameters {
  Bytes salt;  ///< 16 bytes
  std::uint32_t passes = 4;
  std::uint32_t memory_kib = 256 * 1024;

  static PassphraseParameters random();
  static PassphraseParameters read(ByteView parameters);
  Bytes write() const;
  /// Takes about 0.6 s and 256 MiB: for a worker. Throws system where the memory cannot be had.
  SecretBytes key(const SecretBytes& passphrase) const;
};

/// HKDF-SHA-256 of the code's 160 bits and a salt.
struct RecoveryParameters {
  Bytes salt;  ///< 16 bytes

  static RecoveryParameters random();
  static RecoveryParameters read(ByteView parameters);
  Bytes write() const;
  /// `code`: the 20 bytes of recovery_code.h.
  SecretBytes key(const SecretBytes& code) const;
};

/// HKDF-SHA-256 of the token's hmac-secret.
struct FidoParameters {
  static constexpr char application[] = "fob:vault";  ///< relying party id

  Bytes key_handle;
  Bytes salt;           ///< limits::fido_salt_bytes
  bool verify = false;  ///< with the PIN; a touch it always wants

  static FidoParameters read(ByteView parameters);
  Bytes write() const;
  SecretBytes key(const SecretBytes& hmac_secret) const;
};

/// HKDF-SHA-256 of what the token's key makes of `sealed` (host::OpenSecret), with the key's blob.
struct Pkcs11Parameters {
  std::string module;  ///< resolved path
  std::string uri;
  PublicKey public_key;  ///< RSA or ECDSA kinds
  Bytes sealed;          ///< RSAES-OAEP ciphertext of 32 random bytes, or an ephemeral point

  static Pkcs11Parameters read(ByteView parameters);
  Bytes write() const;
  SecretBytes key(const SecretBytes& opened) const;
  /// Chooses a secret that `public_key` alone opens; sets `sealed`, and returns what key() is to be given.
  SecretBytes seal_new();
};

}  // namespace fob
