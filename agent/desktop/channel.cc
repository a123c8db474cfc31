#include "agent/desktop/channel.h"

#include <sys/socket.h>

#include <array>

#include "protocol/error.h"

namespace fob::desktop {
namespace {

constexpr std::size_t length_bytes = sizeof(std::uint32_t);

}  // namespace

std::vector<Order> Channel::receive() {
  std::array<std::uint8_t, message_bytes> piece{};
  const ssize_t got = recv(descriptor_, piece.data(), piece.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (got <= 0) {
    closed_ = true;
    return {};
  }
  received_.insert(received_.end(), piece.data(), piece.data() + got);
  std::vector<Order> out;
  ByteView rest = received_;
  while (rest.size() >= length_bytes) {
    const std::size_t length = parse_length(rest.first(length_bytes));
    if (rest.size() < length_bytes + length) break;
    out.push_back(parse_order(rest.subspan(length_bytes, length)));
    rest = rest.subspan(length_bytes + length);
  }
  received_ = to_bytes(rest);
  return out;
}

void Channel::send(Event event) {
  const Bytes frame = frame_event(event);
  const ssize_t sent = ::send(descriptor_, frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(frame.size())) throw Error(Errc::removed, "the agent does not read");
}

}  // namespace fob::desktop
