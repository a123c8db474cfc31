#pragma once

#include <optional>

#include "protocol/bytes.h"

namespace fob::host {

/// The host's end of the socketpair to the agent: length-prefixed messages (message.h), and the way in which a running
/// request learns that it is to end.
///
/// Reads whatever has arrived at once, as many requests may have; what is taken out of the buffer is wiped there.
/// Threads: one. The descriptor stays the caller's.
class Channel {
 public:
  explicit Channel(int descriptor);

  /// The next message without its length word; waits. Nothing once the agent has closed its end. Errors: too_large,
  /// malformed, system: the channel is of no use then.
  std::optional<Bytes> receive();
  /// Whether receive() has a message without waiting. Errors: as receive().
  bool has_more();

  /// Whether the agent has sent Cancel, or closed its end, since the last message that receive() gave. Never waits and
  /// never throws, for C code calls it. A message other than Cancel is kept for receive().
  bool cancelled() noexcept;
  /// To poll(2) beside a token's descriptor: readable when cancelled() may have changed; -1 once it will not.
  int descriptor() const;

  /// A whole frame. Errors: removed (the agent is gone), system.
  void send(ByteView frame);
  /// The same; false where the agent is gone.
  bool send_if_there(ByteView frame);

 private:
  enum class Outcome { data, nothing_yet, end };

  Outcome read_some(bool wait);
  void make_room();
  /// The first message that is in the buffer whole, without its length word.
  std::optional<ByteView> first() const;
  void consume(std::size_t message_bytes);

  int descriptor_;
  Bytes buffer_;
  std::size_t begin_ = 0;  ///< what has arrived and was not taken is between begin_ and end_
  std::size_t end_ = 0;
  bool cancelled_ = false;
  bool ended_ = false;
};

}  // namespace fob::host
