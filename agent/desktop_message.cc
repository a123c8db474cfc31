#include "agent/desktop_message.h"

#include <algorithm>

#include "protocol/error.h"
#include "protocol/pattern.h"

namespace fob::desktop {
namespace {

enum class Type : std::uint8_t { notify = 1, withdraw = 2, acknowledge = 3, event = 10 };

constexpr std::size_t ellipsis_bytes = 3;

std::string fit(std::string_view text, std::size_t max_bytes) {
  std::string out;
  for (;;) {
    const std::size_t line = std::min(text.find('\n'), text.size());
    out += printable(text.substr(0, line), max_bytes - ellipsis_bytes - out.size());
    if (line == text.size() || out.size() + ellipsis_bytes >= max_bytes) return out;
    out += '\n';
    text.remove_prefix(line + 1);
  }
}

/// D-Bus takes UTF-8 only.
std::string read_text(Reader& in, std::size_t max_bytes) {
  const std::string_view text = in.text(max_bytes);
  if (!utf8_characters(text)) throw Error(Errc::malformed, "a text to show is not UTF-8");
  return std::string(text);
}

Bytes framed(const Writer& body) {
  Writer out;
  out.string(body.bytes());
  return out.take();
}

void write(Writer& out, const Notify& order) {
  out.u8(static_cast<std::uint8_t>(Type::notify)).u32(order.id);
  out.string(fit(order.summary, summary_bytes)).string(fit(order.body, body_bytes));
}
void write(Writer& out, const Withdraw& order) { out.u8(static_cast<std::uint8_t>(Type::withdraw)).u32(order.id); }
void write(Writer& out, const Acknowledge&) { out.u8(static_cast<std::uint8_t>(Type::acknowledge)); }

Order read_order(Type type, Reader& in) {
  switch (type) {
    case Type::notify: {
      Notify out;
      out.id = in.u32();
      out.summary = read_text(in, summary_bytes);
      out.body = read_text(in, body_bytes);
      return out;
    }
    case Type::withdraw: {
      Withdraw out;
      out.id = in.u32();
      return out;
    }
    case Type::acknowledge: return Acknowledge{};
    case Type::event: break;
  }
  throw Error(Errc::unsupported, "unknown order " + std::to_string(static_cast<int>(type)));
}

}  // namespace

Bytes frame_order(const Order& order) {
  Writer body;
  std::visit([&](const auto& value) { write(body, value); }, order);
  return framed(body);
}

Bytes frame_event(Event event) {
  Writer body;
  body.u8(static_cast<std::uint8_t>(Type::event)).u8(static_cast<std::uint8_t>(event));
  return framed(body);
}

Order parse_order(ByteView message) {
  Reader in(message);
  Order out = read_order(static_cast<Type>(in.u8()), in);
  in.done();
  return out;
}

Event parse_event(ByteView message) {
  Reader in(message);
  const std::uint8_t type = in.u8();
  if (type != static_cast<std::uint8_t>(Type::event)) {
    throw Error(Errc::unsupported, "unknown message " + std::to_string(type) + " from fob-desktop");
  }
  const std::uint8_t event = in.u8();
  in.done();
  if (event < static_cast<std::uint8_t>(Event::sleep) || event > static_cast<std::uint8_t>(Event::idle)) {
    throw Error(Errc::malformed, "unknown event " + std::to_string(event) + " from fob-desktop");
  }
  return static_cast<Event>(event);
}

std::size_t parse_length(ByteView prefix) {
  const std::uint32_t length = Reader(prefix).u32();
  if (length == 0) throw Error(Errc::malformed, "empty message");
  if (length > message_bytes) {
    throw Error(Errc::too_large, "message of " + std::to_string(length) + " bytes, at most " +
                                     std::to_string(message_bytes) + " are allowed");
  }
  return length;
}

}  // namespace fob::desktop
