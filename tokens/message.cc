#include "tokens/message.h"

#include <utility>

#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob::host {
namespace {

constexpr std::uint8_t first_request = 1;
constexpr std::uint8_t first_reply = 101;

// --- what several messages hold ---

SecretBytes read_pin(Reader& in) { return SecretBytes(as_bytes(in.text(limits::pin_bytes))); }

KeyKind read_kind(Reader& in) {
  const std::optional<KeyTypeName> type = key_type_from_name(in.text(limits::name_bytes));
  if (!type || type->is_certificate || !is_sk(type->kind)) throw Error(Errc::malformed, "not a kind of sk key");
  return type->kind;
}

void write_kind(Writer& out, KeyKind kind) { out.string(traits(kind).name); }

Bytes read_key_handle(Reader& in) { return to_bytes(in.string(limits::key_handle_bytes)); }

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

// --- variants ---

template <class Variant, std::size_t index = 0>
Variant read_alternative(std::size_t wanted, Reader& in) {
  if constexpr (index == std::variant_size_v<Variant>) {
    throw Error(Errc::unsupported, "unknown message type");
  } else {
    if (wanted == index) return std::variant_alternative_t<index, Variant>::read(in);
    return read_alternative<Variant, index + 1>(wanted, in);
  }
}

template <class Variant>
Variant parse(ByteView message, std::uint8_t first) {
  if (message.size() > limits::host_message_bytes) throw Error(Errc::too_large, "message between agent and host");
  Reader in(message);
  // A byte below `first` becomes an index that no variant has.
  const std::size_t index = static_cast<std::size_t>(in.u8()) - first;
  Variant out = read_alternative<Variant>(index, in);
  in.done();
  return out;
}

template <class Variant>
Bytes frame(const Variant& message, std::uint8_t first) {
  Writer out;
  const std::size_t mark = out.begin_string();
  out.u8(static_cast<std::uint8_t>(first + message.index()));
  std::visit([&out](const auto& alternative) { alternative.write(out); }, message);
  out.end_string(mark);
  return out.take();
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

Request parse_request(ByteView message) { return parse<Request>(message, first_request); }
Bytes frame_request(const Request& request) { return frame(request, first_request); }

Failed Failed::read(Reader& in) {
  const std::uint32_t code = in.u32();
  if (code > static_cast<std::uint32_t>(Errc::system)) throw Error(Errc::malformed, "unknown kind of failure");
  return {static_cast<Errc>(code), printable(in.text(limits::failure_text_bytes))};
}

void Failed::write(Writer& out) const { out.u32(static_cast<std::uint32_t>(code)).string(text); }

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

Signed Signed::read(Reader& in) { return {to_bytes(in.string(limits::signature_bytes))}; }
void Signed::write(Writer& out) const { out.string(signature); }

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

Reply parse_reply(ByteView message) { return parse<Reply>(message, first_reply); }
Bytes frame_reply(const Reply& reply) { return frame(reply, first_reply); }

}  // namespace fob::host
