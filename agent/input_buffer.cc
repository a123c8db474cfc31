#include "agent/input_buffer.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/wire.h"

namespace fob {
namespace {

constexpr std::size_t length_bytes = 4;
constexpr std::size_t max_spare_buffers = 64;

}  // namespace

Bytes BufferPool::take() {
  if (spare_.empty()) return Bytes(buffer_bytes);
  Bytes out = std::move(spare_.back());
  spare_.pop_back();
  return out;
}

void BufferPool::give_back(Bytes buffer) {
  if (buffer.size() == buffer_bytes && spare_.size() < max_spare_buffers) spare_.push_back(std::move(buffer));
}

InputBuffer::Outcome InputBuffer::read_from(int descriptor) {
  make_room();
  const ssize_t got = recv(descriptor, buffer_.data() + end_, buffer_.size() - end_, MSG_DONTWAIT);
  if (got > 0) {
    end_ += static_cast<std::size_t>(got);
    return Outcome::data;
  }
  if (begin_ == end_) release();
  return got < 0 && (errno == EAGAIN || errno == EINTR) ? Outcome::nothing_yet : Outcome::end;
}

std::optional<ByteView> InputBuffer::message() const {
  if (end_ - begin_ < length_bytes) return std::nullopt;
  const std::size_t length = message_bytes();
  if (length == 0) throw Error(Errc::malformed, "message of length 0");
  if (length > limits::message_bytes) {
    throw Error(Errc::too_large, "message of " + std::to_string(length) + " bytes, at most " +
                                     std::to_string(limits::message_bytes) + " allowed");
  }
  if (end_ - begin_ < length_bytes + length) return std::nullopt;
  return ByteView(buffer_).subspan(begin_ + length_bytes, length);
}

void InputBuffer::consume() {
  const std::size_t bytes = length_bytes + message_bytes();
  explicit_bzero(buffer_.data() + begin_, bytes);
  begin_ += bytes;
  if (begin_ == end_) release();
}

std::size_t InputBuffer::message_bytes() const { return Reader(ByteView(buffer_).subspan(begin_, length_bytes)).u32(); }

void InputBuffer::make_room() {
  if (buffer_.empty()) {
    buffer_ = pool_.take();
    return;
  }
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    // Past the end lie the last bytes of what has moved.
    explicit_bzero(buffer_.data() + (end_ - begin_), begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(std::min(2 * buffer_.size(), limits::message_bytes + length_bytes));
}

void InputBuffer::release() {
  if (buffer_.empty()) return;
  explicit_bzero(buffer_.data() + begin_, end_ - begin_);
  pool_.give_back(std::move(buffer_));
  buffer_ = Bytes();
  begin_ = 0;
  end_ = 0;
}

}  // namespace fob
