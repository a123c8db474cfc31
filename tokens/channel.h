#pragma once

#include <array>
#include <optional>

#include "protocol/bytes.h"

namespace fob::host {

/// The host's end of the socketpair to the agent: length-prefixed messages (message.h), and the way in which a running
/// request learns that it is to end.
///
/// It never reads further than a message's end, so no copy of a PIN stays behind in a buffer.
/// Threads: one. The descriptor stays the caller's.
class Channel {
 public:
  explicit Channel(int descriptor) : descriptor_(descriptor) {}

  /// The next message without its length word; waits. Nothing once the agent has closed its end. Errors: too_large,
  /// malformed, system: the channel is of no use then.
  std::optional<Bytes> receive();

  /// Whether the agent has sent Cancel, or closed its end, since the last message that receive() gave. Never waits and
  /// never throws, for C code calls it. A message other than Cancel is kept for receive().
  bool cancelled() noexcept;
  /// To poll(2) beside a token's descriptor: readable when cancelled() may have changed; -1 once it will not.
  int descriptor() const;

  /// A whole frame. Errors: removed (the agent is gone), system.
  void send(ByteView frame);

 private:
  enum class Outcome { whole, partial, end };

  Outcome read_on(int flags);
  Outcome read_into(std::uint8_t* to, std::size_t size, std::size_t& got, int flags) const;

  int descriptor_;
  std::array<std::uint8_t, 4> length_{};
  std::size_t length_got_ = 0;
  Bytes body_;
  std::size_t body_got_ = 0;
  std::optional<Bytes> next_;  ///< came while a request ran
  bool cancelled_ = false;
  bool ended_ = false;
};

}  // namespace fob::host
