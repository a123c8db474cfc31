#include "tests/unit/vault/damaged_vault.h"

#include "protocol/limits.h"
#include "tests/daemon/test_key.h"
#include "tests/unit/vault/support.h"

namespace fob {
namespace {

using Create = VaultFile::Create;

StoredKey on_card(int number) {
  StoredKey out = sealed_key(number, VaultKey::random());
  out.holder = StoredKey::Holder::pkcs11;
  out.sealed.clear();
  out.key_handle = to_bytes(as_bytes("pkcs11:token=card;object=" + out.name));
  out.provider = "/usr/lib/softhsm/libsofthsm2.so";
  return out;
}

/// As sealed_key, of any kind.
StoredKey software_key(const TestKey& key, const VaultKey& vault_key) {
  StoredKey out = sealed_key(100 + static_cast<int>(key.kind()), vault_key);
  out.public_key = key.public_key();
  out.sealed = vault_key.seal(out, key.private_key().secret);
  return out;
}

const SecretBytes& passphrase() {
  static const SecretBytes out(as_bytes("correct horse"));
  return out;
}

Keyslot passphrase_slot(const VaultKey& vault_key) {
  PassphraseParameters parameters = PassphraseParameters::random();
  parameters.passes = 1;
  parameters.memory_kib = limits::argon2_min_kib;
  return vault_key.wrap(KeyslotKind::passphrase, "", parameters.write(), parameters.key(passphrase()));
}

}  // namespace

DamagedVault::DamagedVault() {
  VaultFile vault = open_vault(path_);
  vault.add(sealed_key(1, key_), {passphrase_slot(key_), recovery_slot(key_, recovery_secret(1))});
  for (const KeyKind kind : software_kinds) vault.add(software_key(TestKey::any(kind), key_));
  for (int i = 2; i < 40; ++i) vault.add(i % 3 == 0 ? on_card(i) : i % 3 == 1 ? stored_key(i) : sealed_key(i, key_));
  // Free space and free pages are among what is damaged.
  StoredKey large = stored_key(50);
  large.key_handle = Bytes(5'000, 'l');
  vault.add(large);
  for (const int i : {50, 5, 7, 9, 12}) vault.remove("key" + std::to_string(i));
  keys_ = descriptions(vault.keys());
  slots_ = descriptions(vault.slots());
  for (const StoredKey& key : vault.keys()) {
    if (key.in_vault()) secrets_.push_back(key_.open(key));
  }
}

SecretBytes DamagedVault::slot_key_of(const Keyslot& slot) {
  if (slot.kind == KeyslotKind::passphrase) return PassphraseParameters::read(slot.parameters).key(passphrase());
  return RecoveryParameters::read(slot.parameters).key(recovery_secret(1));
}

std::string DamagedVault::verdict_on(const std::string& contents) {
  std::filesystem::remove(path_ + "-journal");
  write_file(path_, contents);
  return verdict();
}

std::string DamagedVault::verdict() {
  try {
    VaultFile vault = open_vault(path_, Create::no);
    const std::vector<StoredKey> keys = vault.keys();
    const std::vector<Keyslot> slots = vault.slots();
    if (descriptions(keys) != keys_) return "wrong keys";
    if (descriptions(slots) != slots_) return "wrong keyslots";
    ++harmless_;
    const std::string fault = verdict_on_secrets(keys, slots);
    return fault.empty() ? verdict_on_a_change(vault, keys) : fault;
  } catch (const Error& error) {
    const std::string text = error.what();
    const bool clear = error.code() == Errc::malformed || error.code() == Errc::refused;
    if (clear && text.find(path_) != std::string::npos) return "";
    return "not clear: " + std::to_string(static_cast<int>(error.code())) + ": " + text;
  } catch (const std::exception& error) {
    return error.what();
  }
}

std::string DamagedVault::verdict_on_secrets(const std::vector<StoredKey>& keys,
                                             const std::vector<Keyslot>& slots) const {
  for (const Keyslot& slot : slots) {
    // Argon2id takes longer than all the rest.
    if (slot.kind == KeyslotKind::passphrase && harmless_ % 50 != 0) continue;
    const std::optional<VaultKey> vault_key = VaultKey::unwrap(slot, slot_key_of(slot));
    if (!vault_key) return "a keyslot does not open";
    std::size_t i = 0;
    for (const StoredKey& key : keys) {
      if (key.in_vault() && !(vault_key->open(key) == secrets_.at(i++))) return "a wrong private key";
    }
  }
  return "";
}

/// What reads well may still be written to badly.
std::string DamagedVault::verdict_on_a_change(VaultFile& vault, const std::vector<StoredKey>& keys) {
  std::vector<std::string> wanted = keys_;
  if (harmless_ % 2 == 0) {
    vault.add(stored_key(1000));
    wanted.push_back(description(stored_key(1000)));
  } else {
    const std::size_t one = below(keys.size());
    vault.remove(keys[one].name);
    wanted.erase(wanted.begin() + static_cast<std::ptrdiff_t>(one));
  }
  return descriptions(vault.keys()) == wanted ? "" : "wrong keys after a change";
}

}  // namespace fob
