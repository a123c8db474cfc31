#pragma once

#include <string>
#include <variant>

#include "protocol/wire.h"

/// What fob-agent and fob-desktop say to each other over their socketpair: a u32 length, a type byte and SSH wire types
/// (RFC 4251 §5), as on the agent socket. Both sides check all of it.
namespace fob::desktop {

/// A message without its length word.
inline constexpr std::size_t message_bytes = 8 * 1024;
inline constexpr std::size_t summary_bytes = 256;
inline constexpr std::size_t body_bytes = 4 * 1024;

// --- from the agent ---

/// Shows a notification until it is withdrawn. One of the same id is replaced.
struct Notify {
  std::uint32_t id = 0;
  std::string summary;
  std::string body;
};
struct Withdraw {
  std::uint32_t id = 0;
};
/// What was to be done before sleep is done: the machine may go on.
struct Acknowledge {};

using Order = std::variant<Notify, Withdraw, Acknowledge>;

// --- to the agent ---

enum class Event : std::uint8_t {
  sleep = 1,  ///< the machine is about to sleep, and waits for Acknowledge, as long as logind lets it (5 s)
  resume = 2,
  lock = 3,  ///< the session's screen is to be locked
  unlock = 4,
  idle = 5,  ///< nobody has used the session for a while, says its desktop
};

/// How fob-desktop exits where there is no bus to speak on; 0 at the end of the channel.
inline constexpr int exit_no_bus = 3;

/// Texts become printable (pattern.h) but for line ends, and are cut short where they are too long.
Bytes frame_order(const Order& order);
Bytes frame_event(Event event);

/// From a whole message without its length word; nothing may be left over. Errors: malformed, too_large, unsupported.
Order parse_order(ByteView message);
Event parse_event(ByteView message);

/// The length of the message that begins with these four bytes. Throws too_large, or malformed for 0.
std::size_t parse_length(ByteView prefix);

}  // namespace fob::desktop
