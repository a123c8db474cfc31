#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/virtual/cbor.h"
#include "tests/virtual/crypto.h"

namespace fob::virt {

struct UserEntity {
  Bytes id;
  std::string name;
  std::string display_name;

  /// CtapError where a field is missing, of a wrong type or too long; names are cut to 64 bytes.
  static UserEntity parse(const Value& map);
  /// Only the id where the person was not verified (CTAP 2.1 §6.2.3).
  Value value(bool identifiable = true) const;
};

struct Credential {
  Bytes id;  ///< the key handle: all but the names is wrapped in it
  Alg alg = Alg::es256;
  unsigned protection = 1;  ///< credProtect
  bool hmac_secret = false;
  bool resident = false;
  Bytes rp_hash;
  Bytes key;  ///< 32 bytes

  // Of resident credentials only.
  std::string rp_id;
  std::string rp_name;
  UserEntity user;

  KeyPair key_pair() const { return KeyPair::from_raw(alg, key); }
};

/// The COSE form of the public key.
Value cose_key(const KeyPair& key);

/// All that survives a loss of power: secrets, PIN, counter, resident credentials.
class Store {
 public:
  static constexpr unsigned full_retries = 8;

  Store();
  /// New secrets, no PIN, no credentials. The attestation key stays.
  void reset();

  /// A new key, wrapped for its relying party; not yet stored.
  Credential create(Alg alg, ByteView rp_hash, unsigned protection, bool hmac_secret, bool resident) const;
  /// What is in the key handle; nothing if it is another token's, another relying party's, or was deleted.
  std::optional<Credential> open(ByteView rp_hash, ByteView id) const;
  /// CredRandomWithUV or CredRandomWithoutUV.
  Bytes credential_random(const Credential& credential, bool uv) const;

  /// In the order in which they were made.
  const std::vector<Credential>& residents() const { return residents_; }
  /// Replaces the one of the same relying party and user.
  void keep(Credential credential);
  bool has(ByteView rp_hash, ByteView user_id) const;
  Credential* find(ByteView id);
  const Credential* find(ByteView id) const;
  bool remove(ByteView id);

  const KeyPair& attestation_key() const { return attestation_key_; }
  const Bytes& attestation_certificate() const { return attestation_certificate_; }

  std::uint32_t next_counter() { return ++counter; }

  Bytes save() const;
  /// Throws Error{Errc::malformed} where it is not what `save` gave.
  void load(ByteView saved);

  std::optional<Bytes> pin_hash;  ///< LEFT(SHA-256(pin), 16)
  unsigned pin_retries = full_retries;
  std::uint32_t counter = 0;
  Bytes last_secret;  ///< that hmac-secret gave; for tests that look for it

 private:
  Credential unseal(ByteView rp_hash, ByteView id) const;

  KeyPair attestation_key_ = KeyPair::generate(Alg::es256);
  Bytes attestation_certificate_;
  Bytes master_;
  std::vector<Credential> residents_;
};

}  // namespace fob::virt
