#include "tokens/channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "protocol/limits.h"
#include "tokens/message.h"

namespace fob::host {
namespace {

bool is_cancel(ByteView message) {
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

std::optional<Bytes> Channel::receive() {
  cancelled_ = false;
  if (next_) return std::exchange(next_, std::nullopt);
  while (!ended_) {
    switch (read_on(0)) {
      case Outcome::whole: return std::exchange(body_, {});
      case Outcome::partial: wait_for(descriptor_, POLLIN); break;
      case Outcome::end: ended_ = true; break;
    }
  }
  return std::nullopt;
}

bool Channel::cancelled() noexcept {
  if (ended_ || cancelled_ || next_) return ended_ || cancelled_;
  try {
    switch (read_on(MSG_DONTWAIT)) {
      case Outcome::whole: {
        Bytes message = std::exchange(body_, {});
        if (is_cancel(message)) {
          cancelled_ = true;
        } else {
          next_ = std::move(message);
        }
        break;
      }
      case Outcome::partial: break;
      case Outcome::end: ended_ = true; break;
    }
  } catch (const std::exception&) {
    ended_ = true;  // there is nobody left to work for
  }
  return ended_ || cancelled_;
}

int Channel::descriptor() const { return ended_ || cancelled_ || next_ ? -1 : descriptor_; }

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

Channel::Outcome Channel::read_into(std::uint8_t* to, std::size_t size, std::size_t& got, int flags) const {
  while (got < size) {
    const ssize_t read = recv(descriptor_, to + got, size - got, flags);
    if (read > 0) {
      got += static_cast<std::size_t>(read);
    } else if (read == 0 || errno == ECONNRESET) {
      return Outcome::end;
    } else if (errno == EAGAIN) {
      return Outcome::partial;
    } else if (errno != EINTR) {
      throw_system_error("cannot read from the agent", errno);
    }
  }
  return Outcome::whole;
}

/// Goes on with the message that has begun; the whole of it is then in body_.
Channel::Outcome Channel::read_on(int flags) {
  if (length_got_ < length_.size()) {
    const Outcome outcome = read_into(length_.data(), length_.size(), length_got_, flags);
    if (outcome != Outcome::whole) return outcome;
    const std::size_t announced = Reader(length_).u32();
    if (announced == 0) throw Error(Errc::malformed, "empty message from the agent");
    if (announced > limits::host_message_bytes) throw Error(Errc::too_large, "message from the agent too long");
    body_.assign(announced, 0);
    body_got_ = 0;
  }
  const Outcome outcome = read_into(body_.data(), body_.size(), body_got_, flags);
  if (outcome == Outcome::whole) length_got_ = 0;
  return outcome;
}

}  // namespace fob::host
