#include "tokens/message.h"

#include <utility>

#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob::host {
namespace {

constexpr std::uint8_t first_request = 1;
constexpr std::uint8_t first_reply = 101;
/// Most messages have no more: they grow no buffer.
constexpr std::size_t usual_bytes = 512;

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
Variant parse(ByteView message, std::uint8_t first, std::size_t most_bytes) {
  if (message.size() > most_bytes) throw Error(Errc::too_large, "message between agent and host");
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
  out.reserve(usual_bytes);
  const std::size_t mark = out.begin_string();
  out.u8(static_cast<std::uint8_t>(first + message.index()));
  std::visit([&out](const auto& alternative) { alternative.write(out); }, message);
  out.end_string(mark);
  return out.take();
}

}  // namespace

Request parse_request(ByteView message) { return parse<Request>(message, first_request, limits::host_message_bytes); }
Bytes frame_request(const Request& request) { return frame(request, first_request); }

Failed Failed::read(Reader& in) {
  const std::uint32_t code = in.u32();
  if (code > static_cast<std::uint32_t>(Errc::system)) throw Error(Errc::malformed, "unknown kind of failure");
  return {static_cast<Errc>(code), printable(in.text(limits::failure_text_bytes))};
}

void Failed::write(Writer& out) const { out.u32(static_cast<std::uint32_t>(code)).string(text); }

Signed Signed::read(Reader& in) { return {to_bytes(in.string(limits::signature_bytes))}; }
void Signed::write(Writer& out) const { out.string(signature); }

Reply parse_reply(ByteView message) { return parse<Reply>(message, first_reply, limits::host_reply_bytes); }
Bytes frame_reply(const Reply& reply) { return frame(reply, first_reply); }

}  // namespace fob::host
