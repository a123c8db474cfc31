#pragma once

#include "agent/vault/keyslot.h"
#include "agent/vault/stored_key.h"
#include "protocol/private_key.h"

namespace fob {

/// The random 256-bit key under which the private keys of one vault are sealed. Wiped when it dies.
///
/// Threads: any, once made. docs/vault.md has the formats.
class VaultKey {
 public:
  static VaultKey random();

  /// For StoredKey::sealed, bound to identity and public key of `key`.
  Bytes seal(const StoredKey& key, const SecretBytes& secret) const;
  /// PrivateKey::secret of a key. Throws Error{Errc::malformed} where it was changed, or sealed in another place.
  SecretBytes open(const StoredKey& key) const;

  /// A keyslot that `slot_key` (keyslot.h) opens. Its id is 0 as yet.
  Keyslot wrap(KeyslotKind kind, std::string name, Bytes parameters, const SecretBytes& slot_key) const;
  /// Nothing where `slot_key` does not open `slot`, or the slot was changed.
  static std::optional<VaultKey> unwrap(const Keyslot& slot, const SecretBytes& slot_key);

 private:
  explicit VaultKey(SecretBytes key) : key_(std::move(key)) {}

  SecretBytes key_;
};

}  // namespace fob
