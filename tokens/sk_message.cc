#include "tokens/sk_message.h"

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"
#include "tokens/message_fields.h"

namespace fob::host {
namespace {

KeyKind read_kind(Reader& in) {
  const std::optional<KeyTypeName> type = key_type_from_name(in.text(limits::name_bytes));
  if (!type || type->is_certificate || !is_sk(type->kind)) throw Error(Errc::malformed, "not a kind of sk key");
  return type->kind;
}

void write_kind(Writer& out, KeyKind kind) { out.string(traits(kind).name); }

Bytes read_key_handle(Reader& in) { return to_bytes(in.string(limits::key_handle_bytes)); }

Bytes read_salt(Reader& in) {
  Bytes out = to_bytes(in.string(limits::fido_salt_bytes));
  if (out.size() == limits::fido_salt_bytes) return out;
  throw Error(Errc::malformed, "a salt of " + std::to_string(out.size()) + " bytes, " +
                                   std::to_string(limits::fido_salt_bytes) + " wanted");
}

std::string read_application(Reader& in) { return std::string(in.text(limits::application_bytes)); }

std::string read_user(Reader& in) { return std::string(in.text(limits::credential_user_bytes)); }

KeyRef read_key_ref(Reader& in) {
  KeyRef out;
  out.kind = read_kind(in);
  out.application = read_application(in);
  out.key_handle = read_key_handle(in);
  out.flags = in.u8();
  return out;
}

void write_key_ref(Writer& out, const KeyRef& key) {
  write_kind(out, key.kind);
  out.string(key.application).string(key.key_handle).u8(key.flags);
}

PublicKey read_public_key(Reader& in) {
  PublicKey out = PublicKey::parse_plain(in.string());
  if (!is_sk(out.kind)) throw Error(Errc::malformed, "a key of a token that is not an sk key");
  if (out.application.size() > limits::application_bytes) throw Error(Errc::too_large, "application too long");
  return out;
}

ResidentKey read_resident_key(Reader& in) {
  ResidentKey out;
  out.public_key = read_public_key(in);
  out.key_handle = read_key_handle(in);
  out.flags = in.u8();
  out.user_id = to_bytes(in.string(limits::credential_user_bytes));
  out.user = printable(in.text(limits::failure_text_bytes));
  return out;
}

}  // namespace

HasKey HasKey::read(Reader& in) { return {read_key_ref(in)}; }
void HasKey::write(Writer& out) const { write_key_ref(out, key); }

Generate Generate::read(Reader& in) {
  Generate out;
  out.key.kind = read_kind(in);
  out.key.application = read_application(in);
  out.key.user = read_user(in);
  out.key.flags = in.u8();
  out.key.challenge = to_bytes(in.string(limits::challenge_bytes));
  out.pin = read_pin(in);
  return out;
}

void Generate::write(Writer& out) const {
  write_kind(out, key.kind);
  out.string(key.application).string(key.user).u8(key.flags).string(key.challenge).string(pin.view());
}

Sign Sign::read(Reader& in) {
  Sign out;
  out.key = read_key_ref(in);
  out.data = in.string(limits::message_bytes);
  out.pin = read_pin(in);
  return out;
}

void Sign::write(Writer& out) const {
  write_key_ref(out, key);
  out.string(data).string(pin.view());
}

ListResident ListResident::read(Reader& in) { return {read_pin(in)}; }
void ListResident::write(Writer& out) const { out.string(pin.view()); }

RemoveResident RemoveResident::read(Reader& in) {
  RemoveResident out;
  out.key_handle = read_key_handle(in);
  out.pin = read_pin(in);
  return out;
}

void RemoveResident::write(Writer& out) const { out.string(key_handle).string(pin.view()); }

RenameResident RenameResident::read(Reader& in) {
  RenameResident out;
  out.key_handle = read_key_handle(in);
  out.user = read_user(in);
  out.pin = read_pin(in);
  return out;
}

void RenameResident::write(Writer& out) const { out.string(key_handle).string(user).string(pin.view()); }

SetPin SetPin::read(Reader& in) { return {read_pin(in)}; }
void SetPin::write(Writer& out) const { out.string(new_pin.view()); }

ChangePin ChangePin::read(Reader& in) {
  ChangePin out;
  out.old_pin = read_pin(in);
  out.new_pin = read_pin(in);
  return out;
}

void ChangePin::write(Writer& out) const { out.string(old_pin.view()).string(new_pin.view()); }

MakeSecretCredential MakeSecretCredential::read(Reader& in) {
  MakeSecretCredential out;
  out.application = read_application(in);
  out.pin = read_pin(in);
  return out;
}

void MakeSecretCredential::write(Writer& out) const { out.string(application).string(pin.view()); }

DeriveSecret DeriveSecret::read(Reader& in) {
  DeriveSecret out;
  out.application = read_application(in);
  out.key_handle = read_key_handle(in);
  out.salt = read_salt(in);
  out.verify = read_flag(in);
  out.pin = read_pin(in);
  return out;
}

void DeriveSecret::write(Writer& out) const {
  out.string(application).string(key_handle).string(salt).boolean(verify).string(pin.view());
}

Described Described::read(Reader& in) { return {TokenInfo::read(in)}; }
void Described::write(Writer& out) const { info.write(out); }

Found Found::read(Reader& in) { return {in.boolean()}; }
void Found::write(Writer& out) const { out.boolean(found); }

Generated Generated::read(Reader& in) {
  Generated out;
  out.key.public_key = read_public_key(in);
  out.key.key_handle = read_key_handle(in);
  out.key.flags = in.u8();
  out.key.attestation_certificate = to_bytes(in.string(limits::attestation_bytes));
  out.key.attestation_signature = to_bytes(in.string(limits::attestation_bytes));
  out.key.authenticator_data = to_bytes(in.string(limits::attestation_bytes));
  out.key.challenge = to_bytes(in.string(limits::challenge_bytes));
  return out;
}

void Generated::write(Writer& out) const {
  out.string(key.public_key.blob).string(key.key_handle).u8(key.flags).string(key.attestation_certificate);
  out.string(key.attestation_signature).string(key.authenticator_data).string(key.challenge);
}

SecretCredential SecretCredential::read(Reader& in) {
  SecretCredential out{read_key_handle(in)};
  if (out.key_handle.empty()) throw Error(Errc::malformed, "a credential without key handle");
  return out;
}

void SecretCredential::write(Writer& out) const { out.string(key_handle); }

Secret Secret::read(Reader& in) {
  Secret out{SecretBytes(in.string(limits::opened_secret_bytes))};
  if (out.secret.empty()) throw Error(Errc::malformed, "a secret without bytes");
  return out;
}

void Secret::write(Writer& out) const { out.string(secret.view()); }

ResidentKeys ResidentKeys::read(Reader& in) {
  ResidentKeys out;
  const std::uint32_t count = in.u32();
  if (count > limits::resident_keys) throw Error(Errc::too_large, std::to_string(count) + " resident keys");
  for (std::uint32_t i = 0; i < count; ++i) out.keys.push_back(read_resident_key(in));
  return out;
}

void ResidentKeys::write(Writer& out) const {
  out.u32(static_cast<std::uint32_t>(keys.size()));
  for (const ResidentKey& key : keys) {
    out.string(key.public_key.blob).string(key.key_handle).u8(key.flags).string(key.user_id).string(key.user);
  }
}

}  // namespace fob::host
