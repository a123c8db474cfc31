#include "tests/faults/vault/known_vault.h"

#include <sodium.h>

#include <array>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/wire.h"

namespace fob::faults {
namespace {

constexpr std::uint32_t few_passes = 1;

std::array<std::uint8_t, crypto_sign_SEEDBYTES> seed_of(int number) {
  std::array<std::uint8_t, crypto_sign_SEEDBYTES> out{};
  out.fill(static_cast<std::uint8_t>(number));
  return out;
}

/// PrivateKey::secret of an Ed25519 key; its last 32 bytes are the public half.
SecretBytes secret_of(int number) {
  std::array<std::uint8_t, crypto_sign_PUBLICKEYBYTES> point{};
  Bytes secret(crypto_sign_SECRETKEYBYTES);
  crypto_sign_seed_keypair(point.data(), secret.data(), seed_of(number).data());
  Writer out;
  out.string(secret);
  return SecretBytes(ByteView(out.bytes()));
}

PublicKey public_key_of(int number, KeyKind kind) {
  const SecretBytes secret = secret_of(number);
  Writer blob;
  blob.string(traits(kind).name).string(secret.view().last(crypto_sign_PUBLICKEYBYTES));
  if (is_sk(kind)) blob.string("ssh:");
  return PublicKey::parse(blob.bytes());
}

/// All of it but what is sealed.
StoredKey open_part(int number) {
  if (number >= changed) {
    StoredKey out = open_part(number - changed);
    out.name = "changed-" + out.name;
    out.comment = "another comment";
    out.services.emplace_back("added.example");
    return out;
  }
  constexpr StoredKey::Holder holders[] = {StoredKey::Holder::vault, StoredKey::Holder::fido,
                                           StoredKey::Holder::pkcs11};
  StoredKey out;
  out.identity.fill(static_cast<std::uint8_t>(number));
  out.name = "key" + std::to_string(number);
  out.comment = "comment of " + std::to_string(number) + " " + std::string(40, 'c');
  out.holder = holders[number % 3];
  const bool on_fido = out.holder == StoredKey::Holder::fido;
  out.public_key = public_key_of(number, on_fido ? KeyKind::sk_ed25519 : KeyKind::ed25519);
  out.created = 1'700'000'000U + static_cast<unsigned>(number);
  out.confirm = number % 2 == 0;
  out.services = {"git.example.org", "host" + std::to_string(number)};
  if (out.in_vault()) return out;
  out.key_handle = to_bytes(as_bytes(on_fido ? std::string(96, 'h') : "pkcs11:token=fob;id=" + out.name));
  out.provider = on_fido ? "internal" : "/usr/lib/softhsm/libsofthsm2.so";
  out.token = "token " + std::to_string(number);
  if (on_fido) out.sk_flags = 1;
  return out;
}

std::string hex(ByteView bytes) {
  std::string out(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), bytes.data(), bytes.size());
  out.pop_back();
  return out;
}

/// One line: the name for people, then all fields in wire form.
std::string line_of(const StoredKey& key, ByteView secret) {
  Writer fields;
  fields.raw(key.identity).string(key.comment).string(key.public_key.blob).string(key.key_handle);
  fields.u8(static_cast<std::uint8_t>(key.holder)).u8(key.sk_flags).string(key.provider).string(key.token);
  fields.u64(key.created).u8(key.confirm ? 1 : 0);
  for (const std::string& service : key.services) fields.string(service);
  fields.string(secret);
  return "key " + key.name + " " + hex(fields.bytes());
}

std::string line_of(const std::string& slot_name, KeyslotKind kind) {
  return "slot " + slot_name + " of kind " + std::string(name_of(kind));
}

KeyslotKind kind_of(const std::string& slot_name) {
  if (slot_name == "token") return KeyslotKind::fido;
  return slot_name == "word" ? KeyslotKind::passphrase : KeyslotKind::recovery;
}

/// What a person has of this slot: a code, a passphrase, or a token that gives a secret.
SecretBytes secret_of_slot(const std::string& name) {
  const std::size_t size = kind_of(name) == KeyslotKind::fido ? 32 : 20;
  Bytes out(size, static_cast<std::uint8_t>(name[0]));
  return SecretBytes(ByteView(out));
}

SecretBytes slot_key_of(const std::string& name, KeyslotKind kind, ByteView parameters) {
  const SecretBytes secret = secret_of_slot(name);
  switch (kind) {
    case KeyslotKind::passphrase: return PassphraseParameters::read(parameters).key(secret);
    case KeyslotKind::recovery: return RecoveryParameters::read(parameters).key(secret);
    case KeyslotKind::fido: return FidoParameters::read(parameters).key(secret);
    case KeyslotKind::pkcs11: break;
  }
  throw Error(Errc::unsupported, "no slot that is known is of kind " + std::string(name_of(kind)));
}

Bytes new_parameters(KeyslotKind kind) {
  if (kind == KeyslotKind::recovery) return RecoveryParameters::random().write();
  if (kind == KeyslotKind::passphrase) {
    PassphraseParameters out = PassphraseParameters::random();
    out.passes = few_passes;
    out.memory_kib = limits::argon2_min_kib;
    return out.write();
  }
  FidoParameters out;
  out.key_handle = Bytes(64, 'k');
  out.salt = Bytes(32, 's');
  return out.write();
}

}  // namespace

StoredKey known_key(int number, const VaultKey& vault_key) {
  StoredKey out = open_part(number);
  if (out.in_vault()) out.sealed = vault_key.seal(out, secret_of(number % changed));
  return out;
}

Keyslot known_slot(const std::string& name, const VaultKey& vault_key) {
  const KeyslotKind kind = kind_of(name);
  Bytes parameters = new_parameters(kind);
  const SecretBytes slot_key = slot_key_of(name, kind, parameters);
  return vault_key.wrap(kind, name, std::move(parameters), slot_key);
}

std::optional<VaultKey> open_known_slot(const Keyslot& slot) {
  return VaultKey::unwrap(slot, slot_key_of(slot.name, slot.kind, slot.parameters));
}

Contents known_contents(const std::vector<int>& keys, const std::vector<std::string>& slots) {
  Contents out;
  for (const int number : keys) {
    const StoredKey key = open_part(number);
    const SecretBytes secret = key.in_vault() ? secret_of(number % changed) : SecretBytes();
    out.insert(line_of(key, secret.view()));
  }
  for (const std::string& name : slots) out.insert(line_of(name, kind_of(name)));
  return out;
}

Contents contents_of(VaultFile& file) {
  Contents out;
  const std::vector<StoredKey> keys = file.keys();
  std::vector<VaultKey> vault_keys;
  for (const Keyslot& slot : file.slots()) {
    std::optional<VaultKey> vault_key = open_known_slot(slot);
    out.insert(line_of(slot.name, slot.kind) + (vault_key ? "" : " that does not open"));
    if (vault_key) vault_keys.push_back(std::move(*vault_key));
  }
  for (const StoredKey& key : keys) {
    if (!key.in_vault()) out.insert(line_of(key, {}));
    if (key.in_vault() && vault_keys.empty()) out.insert("key " + key.name + " that nothing opens");
    for (const VaultKey& vault_key : vault_keys) {
      if (key.in_vault()) out.insert(line_of(key, vault_key.open(key).view()));
    }
  }
  return out;
}

}  // namespace fob::faults
