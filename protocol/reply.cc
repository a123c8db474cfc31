#include "protocol/reply.h"

#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {
namespace {

/// SSH2_AGENT_FAILURE and SSH_COM_AGENT2_FAILURE of OpenSSH's authfd.h.
constexpr std::uint8_t other_failures[] = {30, 102};

void write(const Failure&, Writer& out) { out.u8(static_cast<std::uint8_t>(MessageType::failure)); }
void write(const Success&, Writer& out) { out.u8(static_cast<std::uint8_t>(MessageType::success)); }
void write(const ExtensionFailure&, Writer& out) { out.u8(static_cast<std::uint8_t>(MessageType::extension_failure)); }
template <class Message>
void write(const Message& message, Writer& out) {
  message.write(out);
}

}  // namespace

IdentitiesAnswer IdentitiesAnswer::read(Reader& in) {
  IdentitiesAnswer out;
  const std::uint32_t count = in.u32();
  // Each takes 8 bytes at least: a count that cannot be true allocates nothing.
  if (count > in.remaining() / 8) throw Error(Errc::malformed, "more identities announced than there are bytes");
  out.identities.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    Bytes blob = to_bytes(in.string());
    out.identities.push_back({std::move(blob), std::string(in.text())});
  }
  return out;
}

void IdentitiesAnswer::write(Writer& out) const {
  out.u8(static_cast<std::uint8_t>(MessageType::identities_answer)).u32(static_cast<std::uint32_t>(identities.size()));
  for (const Identity& identity : identities) out.string(identity.key_blob).string(identity.comment);
}

SignResponse SignResponse::read(Reader& in) { return {to_bytes(in.string())}; }

void SignResponse::write(Writer& out) const {
  out.u8(static_cast<std::uint8_t>(MessageType::sign_response)).string(signature);
}

ExtensionResponse ExtensionResponse::read(Reader& in) {
  ExtensionResponse out;
  out.name = in.text(limits::name_bytes);
  out.contents = to_bytes(in.raw(in.remaining()));
  return out;
}

void ExtensionResponse::write(Writer& out) const {
  out.u8(static_cast<std::uint8_t>(MessageType::extension_response)).string(name).raw(contents);
}

Reply parse_reply(ByteView message) {
  Reader in(message);
  const std::uint8_t number = in.u8();
  const auto whole = [&in](auto reply) -> Reply {
    in.done();
    return reply;
  };
  switch (static_cast<MessageType>(number)) {
    case MessageType::failure: return whole(Failure{});
    case MessageType::success: return whole(Success{});
    case MessageType::extension_failure: return whole(ExtensionFailure{});
    case MessageType::identities_answer: return whole(IdentitiesAnswer::read(in));
    case MessageType::sign_response: return whole(SignResponse::read(in));
    case MessageType::extension_response: return whole(ExtensionResponse::read(in));
    default: break;
  }
  for (const std::uint8_t other : other_failures) {
    if (number == other) return whole(Failure{});
  }
  throw Error(Errc::unsupported, "unknown reply type " + std::to_string(number));
}

Bytes frame_reply(const Reply& reply) {
  Writer out;
  const std::size_t mark = out.begin_string();
  std::visit([&out](const auto& message) { write(message, out); }, reply);
  out.end_string(mark);
  return out.take();
}

}  // namespace fob
