#pragma once

#include <optional>
#include <vector>

#include "protocol/bytes.h"

namespace fob {

/// Spare input buffers, so that a client at rest holds none and a request allocates none.
class BufferPool {
 public:
  /// With malloc's header just one page.
  static constexpr std::size_t buffer_bytes = 4096 - 32;

  Bytes take();
  void give_back(Bytes buffer);

 private:
  std::vector<Bytes> spare_;
};

/// What a client has sent and is not answered yet: length-prefixed messages (RFC 9987 §3), in whatever pieces they
/// arrive. Grows with what has arrived, never with what is announced; wiped as it is consumed.
class InputBuffer {
 public:
  enum class Outcome { data, nothing_yet, end };

  explicit InputBuffer(BufferPool& pool) : pool_(pool) {}
  ~InputBuffer() { release(); }
  InputBuffer(const InputBuffer&) = delete;
  InputBuffer& operator=(const InputBuffer&) = delete;

  /// One read from a non-blocking descriptor. A broken connection counts as its end.
  Outcome read_from(int descriptor);
  /// The first message without its length word, if it is there whole; stays in place until consume(). Throws
  /// too_large or malformed for a length that no message has: the connection is of no use then.
  std::optional<ByteView> message() const;
  void consume();
  /// Bytes of memory held.
  std::size_t held_bytes() const { return buffer_.size(); }

 private:
  std::size_t message_bytes() const;
  void make_room();
  void release();

  BufferPool& pool_;
  Bytes buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace fob
