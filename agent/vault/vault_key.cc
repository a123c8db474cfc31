#include "agent/vault/vault_key.h"

#include <sodium.h>

#include "agent/vault/aead.h"
#include "protocol/error.h"

namespace fob {
namespace {

Bytes associated_with(const StoredKey& key) {
  Writer out;
  out.string("fob sealed key 1").string(ByteView(key.identity)).string(key.public_key.blob);
  return out.take();
}

Bytes associated_with(KeyslotKind kind, ByteView parameters) {
  Writer out;
  out.string("fob keyslot 1").u8(static_cast<std::uint8_t>(kind)).string(parameters);
  return out.take();
}

}  // namespace

VaultKey VaultKey::random() {
  SecretBytes key(aead_key_bytes);
  randombytes_buf(key.data(), key.size());
  return VaultKey(std::move(key));
}

Bytes VaultKey::seal(const StoredKey& key, const SecretBytes& secret) const {
  return aead_seal(key_, secret.view(), associated_with(key));
}

SecretBytes VaultKey::open(const StoredKey& key) const {
  std::optional<SecretBytes> secret = aead_open(key_, key.sealed, associated_with(key));
  if (secret) return std::move(*secret);
  throw Error(Errc::malformed, "the private key of " + key.name +
                                   " does not open: it was changed in the vault's file, or is another key's; "
                                   "restore a backup");
}

Keyslot VaultKey::wrap(KeyslotKind kind, std::string name, Bytes parameters, const SecretBytes& slot_key) const {
  Keyslot out;
  out.kind = kind;
  out.name = std::move(name);
  out.parameters = std::move(parameters);
  out.wrapped = aead_seal(slot_key, key_.view(), associated_with(kind, out.parameters));
  return out;
}

std::optional<VaultKey> VaultKey::unwrap(const Keyslot& slot, const SecretBytes& slot_key) {
  std::optional<SecretBytes> key = aead_open(slot_key, slot.wrapped, associated_with(slot.kind, slot.parameters));
  if (!key || key->size() != aead_key_bytes) return std::nullopt;
  return VaultKey(std::move(*key));
}

}  // namespace fob
