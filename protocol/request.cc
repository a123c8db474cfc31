#include "protocol/request.h"

#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {
namespace {

Writer& type(Writer& out, MessageType message) { return out.u8(static_cast<std::uint8_t>(message)); }

}  // namespace

void RequestIdentities::write(Writer& out) const { type(out, MessageType::request_identities); }

SignRequest SignRequest::read(Reader& in) {
  SignRequest out;
  out.key_blob = in.string();
  out.data = in.string();
  out.flags = in.u32();
  return out;
}

void SignRequest::write(Writer& out) const {
  type(out, MessageType::sign_request).string(key_blob).string(data).u32(flags);
}

AddIdentity AddIdentity::read(Reader& in) {
  AddIdentity out;
  out.key = PrivateKey::read(in);
  out.comment = in.text();
  out.constraints = Constraints::read(in);
  if (out.constraints.associated_certificates) {
    throw Error(Errc::malformed, "associated certificates are for tokens' keys only");
  }
  if (out.constraints.sk_provider && !is_sk(out.key.public_key.kind)) {
    throw Error(Errc::malformed, "sk provider for a key that is not on an authenticator");
  }
  return out;
}

void AddIdentity::write(Writer& out) const {
  type(out, constraints.empty() ? MessageType::add_identity : MessageType::add_id_constrained);
  key.write(out);
  out.string(comment);
  constraints.write(out);
}

RemoveIdentity RemoveIdentity::read(Reader& in) { return {in.string()}; }

void RemoveIdentity::write(Writer& out) const { type(out, MessageType::remove_identity).string(key_blob); }

void RemoveAllIdentities::write(Writer& out) const { type(out, MessageType::remove_all_identities); }

AddSmartcardKey AddSmartcardKey::read(Reader& in) {
  AddSmartcardKey out;
  out.provider = in.text();
  out.pin = as_bytes(in.text());
  out.constraints = Constraints::read(in);
  if (out.constraints.sk_provider) throw Error(Errc::malformed, "sk provider for a smartcard's keys");
  return out;
}

void AddSmartcardKey::write(Writer& out) const {
  type(out, constraints.empty() ? MessageType::add_smartcard_key : MessageType::add_smartcard_key_constrained);
  out.string(provider).string(pin);
  constraints.write(out);
}

RemoveSmartcardKey RemoveSmartcardKey::read(Reader& in) {
  RemoveSmartcardKey out;
  out.provider = in.text();
  out.pin = as_bytes(in.text());
  return out;
}

void RemoveSmartcardKey::write(Writer& out) const {
  type(out, MessageType::remove_smartcard_key).string(provider).string(pin);
}

Lock Lock::read(Reader& in) { return {as_bytes(in.text())}; }
void Lock::write(Writer& out) const { type(out, MessageType::lock).string(passphrase); }

Unlock Unlock::read(Reader& in) { return {as_bytes(in.text())}; }
void Unlock::write(Writer& out) const { type(out, MessageType::unlock).string(passphrase); }

Extension Extension::read(Reader& in) {
  Extension out;
  out.name = in.text(limits::name_bytes);
  out.contents = in.raw(in.remaining());
  return out;
}

void Extension::write(Writer& out) const { type(out, MessageType::extension).string(name).raw(contents); }

Request parse_request(ByteView message) {
  Reader in(message);
  const std::uint8_t number = in.u8();
  const auto whole = [&in](auto request) -> Request {
    in.done();
    return request;
  };
  switch (static_cast<MessageType>(number)) {
    case MessageType::request_identities: return whole(RequestIdentities::read(in));
    case MessageType::sign_request: return whole(SignRequest::read(in));
    case MessageType::add_identity:
    case MessageType::add_id_constrained: return whole(AddIdentity::read(in));
    case MessageType::remove_identity: return whole(RemoveIdentity::read(in));
    case MessageType::remove_all_rsa1:
    case MessageType::remove_all_identities: return whole(RemoveAllIdentities::read(in));
    case MessageType::add_smartcard_key:
    case MessageType::add_smartcard_key_constrained: return whole(AddSmartcardKey::read(in));
    case MessageType::remove_smartcard_key: return whole(RemoveSmartcardKey::read(in));
    case MessageType::lock: return whole(Lock::read(in));
    case MessageType::unlock: return whole(Unlock::read(in));
    case MessageType::extension: return whole(Extension::read(in));
    default: throw Error(Errc::unsupported, "unknown message type " + std::to_string(number));
  }
}

Bytes frame_request(const Request& request) {
  Writer out;
  const std::size_t mark = out.begin_string();
  std::visit([&out](const auto& message) { message.write(out); }, request);
  out.end_string(mark);
  return out.take();
}

}  // namespace fob
