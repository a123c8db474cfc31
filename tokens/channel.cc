#include "tokens/channel.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "protocol/limits.h"
#include "tokens/message.h"

namespace fob::host {
namespace {

constexpr std::size_t length_bytes = 4;
/// Room for some dozens of requests.
constexpr std::size_t buffer_bytes = 32 * 1024;

bool is_cancel(ByteView message) {
  if (message.size() != 1) return false;
  try {
    return std::holds_alternative<Cancel>(parse_request(message));
  } catch (const Error&) {
    return false;  // receive() will say what is wrong with it
  }
}

void wait_for(int descriptor, short events) {
  pollfd waiting{descriptor, events, 0};
  while (poll(&waiting, 1, -1) < 0) {
    if (errno != EINTR) throw_system_error("poll", errno);
  }
}

}  // namespace

Channel::Channel(int descriptor) : descriptor_(descriptor), buffer_(buffer_bytes) {}

std::optional<Bytes> Channel::receive() {
  cancelled_ = false;
  for (;;) {
    if (const std::optional<ByteView> message = first()) {
      Bytes out = to_bytes(*message);
      consume(out.size());
      return out;
    }
    if (ended_) return std::nullopt;
    ended_ = read_some(true) == Outcome::end;
  }
}

bool Channel::has_more() {
  if (first()) return true;
  if (!ended_) ended_ = read_some(false) == Outcome::end;
  return first().has_value();
}

bool Channel::cancelled() noexcept {
  if (ended_ || cancelled_) return true;
  try {
    if (!first()) ended_ = read_some(false) == Outcome::end;
    const std::optional<ByteView> message = first();
    if (message && is_cancel(*message)) {
      consume(message->size());
      cancelled_ = true;
    }
  } catch (const std::exception&) {
    ended_ = true;  // there is nobody left to work for
  }
  return ended_ || cancelled_;
}

int Channel::descriptor() const {
  try {
    return ended_ || cancelled_ || first() ? -1 : descriptor_;
  } catch (const std::exception&) {
    return -1;  // receive() will say what is wrong
  }
}

void Channel::send(ByteView frame) {
  while (!frame.empty()) {
    const ssize_t sent = ::send(descriptor_, frame.data(), frame.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      frame = frame.subspan(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      wait_for(descriptor_, POLLOUT);
    } else if (errno == EPIPE || errno == ECONNRESET) {
      throw Error(Errc::removed, "the agent is gone");
    } else if (errno != EINTR) {
      throw_system_error("cannot write to the agent", errno);
    }
  }
}

bool Channel::send_if_there(ByteView frame) {
  try {
    send(frame);
    return true;
  } catch (const Error& error) {
    if (error.code() == Errc::removed) return false;
    throw;
  }
}

Channel::Outcome Channel::read_some(bool wait) {
  make_room();
  for (;;) {
    const ssize_t got = recv(descriptor_, buffer_.data() + end_, buffer_.size() - end_, wait ? 0 : MSG_DONTWAIT);
    if (got > 0) {
      end_ += static_cast<std::size_t>(got);
      return Outcome::data;
    }
    if (got == 0 || errno == ECONNRESET) return Outcome::end;
    if (errno == EAGAIN && !wait) return Outcome::nothing_yet;
    if (errno == EAGAIN) {
      wait_for(descriptor_, POLLIN);
    } else if (errno != EINTR) {
      throw_system_error("cannot read from the agent", errno);
    }
  }
}

/// Moves what is there to the front, and wipes where it was; grows the buffer only for a message that is larger.
void Channel::make_room() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    const std::size_t kept = end_ - begin_;
    explicit_bzero(buffer_.data() + kept, end_ - kept);
    begin_ = 0;
    end_ = kept;
  }
  if (end_ < buffer_.size()) return;
  buffer_.resize(std::min(2 * buffer_.size(), limits::host_message_bytes + length_bytes));
}

std::optional<ByteView> Channel::first() const {
  const ByteView arrived = ByteView(buffer_).subspan(begin_, end_ - begin_);
  if (arrived.size() < length_bytes) return std::nullopt;
  const std::size_t announced = Reader(arrived).u32();
  if (announced == 0) throw Error(Errc::malformed, "empty message from the agent");
  if (announced > limits::host_message_bytes) throw Error(Errc::too_large, "message from the agent too long");
  if (arrived.size() < length_bytes + announced) return std::nullopt;
  return arrived.subspan(length_bytes, announced);
}

void Channel::consume(std::size_t message_bytes) {
  const std::size_t size = length_bytes + message_bytes;
  explicit_bzero(buffer_.data() + begin_, size);
  begin_ += size;
  if (begin_ == end_) begin_ = end_ = 0;
}

}  // namespace fob::host
