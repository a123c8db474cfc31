#include "tokens/pkcs11_message.h"

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"
#include "tokens/message_fields.h"

namespace fob::host {
namespace {

std::string read_uri(Reader& in) {
  std::string out(in.text(limits::uri_bytes));
  check_pkcs11_uri(out);
  return out;
}

/// The largest value of both policies.
constexpr std::uint8_t last_policy = 3;

template <class Policy>
Policy read_policy(Reader& in) {
  const std::uint8_t value = in.u8();
  if (value > last_policy) throw Error(Errc::malformed, "unknown PIV policy");
  return static_cast<Policy>(value);
}

KeyKind read_kind(Reader& in) {
  const std::optional<KeyTypeName> type = key_type_from_name(in.text(limits::name_bytes));
  const bool fits = type && !type->is_certificate &&
                    (type->kind == KeyKind::rsa || type->kind == KeyKind::ed25519 || is_ecdsa(type->kind));
  if (!fits) throw Error(Errc::malformed, "not a kind of key on PKCS#11 tokens");
  return type->kind;
}

Pkcs11NewKey read_new_key(Reader& in) {
  Pkcs11NewKey out;
  out.token = read_uri(in);
  out.kind = read_kind(in);
  out.rsa_bits = in.u32();
  out.label = in.text(limits::label_bytes);
  out.slot = in.text(limits::token_name_bytes);
  out.pin_policy = read_policy<PivPinPolicy>(in);
  out.touch_policy = read_policy<PivTouchPolicy>(in);
  out.replace = read_flag(in);
  out.opens_secrets = read_flag(in);
  return out;
}

void write_new_key(Writer& out, const Pkcs11NewKey& key) {
  out.string(key.token).string(traits(key.kind).name).u32(key.rsa_bits).string(key.label).string(key.slot);
  out.u8(static_cast<std::uint8_t>(key.pin_policy)).u8(static_cast<std::uint8_t>(key.touch_policy));
  out.boolean(key.replace).boolean(key.opens_secrets);
}

Pkcs11Secrets read_secrets(Reader& in) {
  Pkcs11Secrets out;
  out.pin = read_pin(in);
  out.management_key = read_pin(in);
  return out;
}

void write_secrets(Writer& out, const Pkcs11Secrets& secrets) {
  out.string(secrets.pin.view()).string(secrets.management_key.view());
}

/// The items of a list, each by `read_item`.
template <class Item, class ReadItem>
std::vector<Item> read_list(Reader& in, std::size_t most, const char* what, ReadItem read_item) {
  const std::uint32_t count = in.u32();
  if (count > most) {
    throw Error(Errc::too_large, std::to_string(count) + " " + what + ", at most " + std::to_string(most) + " allowed");
  }
  std::vector<Item> out;
  for (std::uint32_t i = 0; i < count; ++i) out.push_back(read_item(in));
  return out;
}

template <class Items>
void write_count(Writer& out, const Items& items) {
  out.u32(static_cast<std::uint32_t>(items.size()));
}

/// Of a list that the agent will load from: its path is taken as it is, so it must be fit for people already.
RegisteredModule read_module(Reader& in) {
  RegisteredModule out;
  out.name = printable(in.text(limits::name_bytes));
  out.path = in.text(limits::path_bytes);
  if (out.path.empty() || out.path[0] != '/' || printable(out.path, limits::path_bytes) != out.path) {
    throw Error(Errc::malformed, "a module without a proper path");
  }
  return out;
}

CardReader read_reader(Reader& in) {
  CardReader out;
  out.name = printable(in.text(limits::name_bytes));
  out.has_card = in.boolean();
  out.in_use = in.boolean();
  out.exclusive = in.boolean();
  return out;
}

}  // namespace

ListTokens ListTokens::read(Reader& in) { return {read_uri(in)}; }
void ListTokens::write(Writer& out) const { out.string(uri); }

ListKeys ListKeys::read(Reader& in) {
  ListKeys out;
  out.uri = read_uri(in);
  out.pin = read_pin(in);
  out.stay_logged_in = read_flag(in);
  out.opening = read_flag(in);
  return out;
}

void ListKeys::write(Writer& out) const { out.string(uri).string(pin.view()).boolean(stay_logged_in).boolean(opening); }

SignWithKey SignWithKey::read(Reader& in) {
  SignWithKey out;
  out.uri = read_uri(in);
  out.key_blob = in.string(limits::message_bytes);
  out.flags = in.u32();
  out.data = in.string(limits::message_bytes);
  out.pin = read_pin(in);
  out.stay_logged_in = read_flag(in);
  return out;
}

void SignWithKey::write(Writer& out) const {
  out.string(uri).string(key_blob).u32(flags).string(data).string(pin.view()).boolean(stay_logged_in);
}

GenerateKey GenerateKey::read(Reader& in) {
  GenerateKey out;
  out.key = read_new_key(in);
  out.secrets = read_secrets(in);
  return out;
}

void GenerateKey::write(Writer& out) const {
  write_new_key(out, key);
  write_secrets(out, secrets);
}

StoreKey StoreKey::read(Reader& in) {
  StoreKey out;
  out.key = read_new_key(in);
  out.private_key = PrivateKey::read(in);
  if (out.private_key.public_key.kind != out.key.kind || out.private_key.public_key.is_certificate()) {
    throw Error(Errc::malformed, "a private key of another kind than announced");
  }
  out.secrets = read_secrets(in);
  return out;
}

void StoreKey::write(Writer& out) const {
  write_new_key(out, key);
  private_key.write(out);
  write_secrets(out, secrets);
}

DeleteKey DeleteKey::read(Reader& in) {
  DeleteKey out;
  out.uri = read_uri(in);
  out.key_blob = to_bytes(in.string());
  out.secrets = read_secrets(in);
  return out;
}

void DeleteKey::write(Writer& out) const {
  out.string(uri).string(key_blob);
  write_secrets(out, secrets);
}

AttestKey AttestKey::read(Reader& in) {
  AttestKey out;
  out.uri = read_uri(in);
  out.key_blob = to_bytes(in.string());
  return out;
}

void AttestKey::write(Writer& out) const { out.string(uri).string(key_blob); }

OpenSecret OpenSecret::read(Reader& in) {
  OpenSecret out;
  out.uri = read_uri(in);
  out.key_blob = to_bytes(in.string());
  out.sealed = to_bytes(in.string(limits::sealed_secret_bytes));
  out.pin = read_pin(in);
  return out;
}

void OpenSecret::write(Writer& out) const { out.string(uri).string(key_blob).string(sealed).string(pin.view()); }

ChangeTokenPin ChangeTokenPin::read(Reader& in) {
  ChangeTokenPin out;
  out.uri = read_uri(in);
  out.old_pin = read_pin(in);
  out.new_pin = read_pin(in);
  return out;
}

void ChangeTokenPin::write(Writer& out) const { out.string(uri).string(old_pin.view()).string(new_pin.view()); }

ResetTokenPin ResetTokenPin::read(Reader& in) {
  ResetTokenPin out;
  out.uri = read_uri(in);
  out.unblocking_pin = read_pin(in);
  out.new_pin = read_pin(in);
  return out;
}

void ResetTokenPin::write(Writer& out) const { out.string(uri).string(unblocking_pin.view()).string(new_pin.view()); }

ModuleList ModuleList::read(Reader& in) {
  return {read_list<RegisteredModule>(in, limits::pkcs11_modules, "modules", read_module)};
}

void ModuleList::write(Writer& out) const {
  write_count(out, modules);
  for (const RegisteredModule& module : modules) out.string(module.name).string(module.path);
}

ReaderList ReaderList::read(Reader& in) {
  return {read_list<CardReader>(in, limits::card_readers, "readers", read_reader)};
}

void ReaderList::write(Writer& out) const {
  write_count(out, readers);
  for (const CardReader& reader : readers) {
    out.string(reader.name).boolean(reader.has_card).boolean(reader.in_use).boolean(reader.exclusive);
  }
}

TokenList TokenList::read(Reader& in) {
  return {read_list<Pkcs11TokenInfo>(in, limits::pkcs11_tokens, "tokens", Pkcs11TokenInfo::read)};
}

void TokenList::write(Writer& out) const {
  write_count(out, tokens);
  for (const Pkcs11TokenInfo& token : tokens) token.write(out);
}

KeyList KeyList::read(Reader& in) { return {read_list<Pkcs11Key>(in, limits::pkcs11_keys, "keys", Pkcs11Key::read)}; }

void KeyList::write(Writer& out) const {
  write_count(out, keys);
  for (const Pkcs11Key& key : keys) key.write(out);
}

Attested Attested::read(Reader& in) {
  return {read_list<Bytes>(in, limits::attestation_chain, "certificates",
                           [](Reader& from) { return to_bytes(from.string(limits::certificate_bytes)); })};
}

void Attested::write(Writer& out) const {
  write_count(out, certificates);
  for (const Bytes& certificate : certificates) out.string(certificate);
}

}  // namespace fob::host
