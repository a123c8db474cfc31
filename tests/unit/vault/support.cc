#include "tests/unit/vault/support.h"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "protocol/control_key_requests.h"
#include "protocol/error.h"

namespace fob {
namespace {

StoredKey named(int number) {
  const std::string text = std::to_string(number);
  StoredKey out;
  std::copy(text.begin(), text.end(), out.identity.begin());
  out.name = "key" + text;
  out.comment = "a comment of " + text;
  out.created = 1'700'000'000U + static_cast<unsigned>(number);
  return out;
}

template <class Values>
std::vector<std::string> described(const Values& values) {
  std::vector<std::string> out;
  for (const auto& value : values) out.push_back(description(value));
  return out;
}

}  // namespace

StoredKey stored_key(int number) {
  const std::string text = std::to_string(number);
  const std::string point = text + std::string(ed25519_public_bytes - text.size(), '.');
  Writer blob;
  blob.string(traits(KeyKind::sk_ed25519).name).string(point).string("ssh:");
  StoredKey out = named(number);
  out.public_key = PublicKey::parse(blob.bytes());
  out.holder = StoredKey::Holder::fido;
  out.key_handle = to_bytes(as_bytes(std::string(64, 'h') + text));
  out.sk_flags = static_cast<std::uint8_t>(number);
  out.provider = "internal";
  out.token = "Virtual Token (serial " + text + ")";
  return out;
}

SecretBytes secret_of(int number) {
  const std::string text = std::to_string(number);
  std::array<std::uint8_t, crypto_sign_SEEDBYTES> seed{};
  std::copy(text.begin(), text.end(), seed.begin());
  std::array<std::uint8_t, crypto_sign_PUBLICKEYBYTES> public_part{};
  std::array<std::uint8_t, crypto_sign_SECRETKEYBYTES> pair{};
  crypto_sign_seed_keypair(public_part.data(), pair.data(), seed.data());
  Writer out;
  out.string(ByteView(pair));
  return SecretBytes(out.bytes());
}

StoredKey sealed_key(int number, const VaultKey& vault_key) {
  const SecretBytes secret = secret_of(number);
  Writer blob;
  blob.string(traits(KeyKind::ed25519).name).string(secret.view().last(ed25519_public_bytes));
  StoredKey out = named(number);
  out.public_key = PublicKey::parse(blob.bytes());
  out.holder = StoredKey::Holder::vault;
  out.confirm = number % 2 == 1;
  out.services = {"a service of " + std::to_string(number), "github.com"};
  out.sealed = vault_key.seal(out, secret);
  return out;
}

SecretBytes recovery_secret(int number) {
  const std::string text = std::to_string(number);
  SecretBytes out(20);
  std::copy(text.begin(), text.end(), out.data());
  return out;
}

Keyslot recovery_slot(const VaultKey& vault_key, const SecretBytes& code) {
  const RecoveryParameters parameters = RecoveryParameters::random();
  return vault_key.wrap(KeyslotKind::recovery, "a code", parameters.write(), parameters.key(code));
}

std::string description(const StoredKey& key) {
  Writer out;
  out.string(ByteView(key.identity)).string(key.name).string(key.comment).string(key.public_key.blob);
  out.u8(static_cast<std::uint8_t>(key.holder)).string(key.key_handle).string(key.sealed).u8(key.sk_flags);
  out.string(key.provider).string(key.token).u64(key.created).boolean(key.confirm);
  control::write_services(key.services, out);
  return std::string(as_text(out.bytes()));
}

std::string description(const Keyslot& slot) {
  Writer out;
  out.u32(slot.id).u8(static_cast<std::uint8_t>(slot.kind)).string(slot.name).u64(slot.created);
  out.string(slot.parameters).string(slot.wrapped);
  return std::string(as_text(out.bytes()));
}

std::vector<std::string> descriptions(const std::vector<StoredKey>& keys) { return described(keys); }
std::vector<std::string> descriptions(const std::vector<Keyslot>& slots) { return described(slots); }

VaultFile open_vault(const std::string& path, VaultFile::Create create) {
  std::optional<VaultFile> out = VaultFile::open(path, create);
  if (!out) throw Error(Errc::not_found, "no vault at " + path);
  return std::move(*out);
}

std::vector<std::string> keys_in(const std::string& path) {
  return descriptions(open_vault(path, VaultFile::Create::no).keys());
}

std::vector<std::string> slots_in(const std::string& path) {
  return descriptions(open_vault(path, VaultFile::Create::no).slots());
}

std::string VaultFixture::refusal(Create create) const {
  try {
    std::optional<VaultFile> vault = VaultFile::open(path_, create);
    if (vault) vault->keys();
    if (vault) vault->slots();
  } catch (const Error& error) {
    return coded(error.code(), error.what());
  }
  return "";
}

std::string VaultFixture::coded(Errc code, const std::string& text) {
  return std::to_string(static_cast<int>(code)) + ": " + text;
}

void VaultFixture::run_sql(const std::string& sql) const { sqlite::Database::open(path_).run(sql); }

}  // namespace fob
