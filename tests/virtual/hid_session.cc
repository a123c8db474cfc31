#include "tests/virtual/hid_session.h"

#include <errno.h>
#include <poll.h>

#include <algorithm>

#include "protocol/error.h"

namespace fob::virt {
namespace {

constexpr std::uint32_t broadcast = 0xffffffff;
constexpr std::uint8_t first_frame_bit = 0x80;
constexpr std::size_t first_header = 7;
constexpr std::size_t next_header = 5;
constexpr std::size_t max_message = report_bytes - first_header + 128 * (report_bytes - next_header);
constexpr std::size_t nonce_bytes = 8;
constexpr Milliseconds idle{60'000};

namespace hid {
constexpr std::uint8_t ping = 0x01;
constexpr std::uint8_t msg = 0x03;
constexpr std::uint8_t init = 0x06;
constexpr std::uint8_t wink = 0x08;
constexpr std::uint8_t cbor = 0x10;
constexpr std::uint8_t cancel = 0x11;
constexpr std::uint8_t keepalive = 0x3b;
constexpr std::uint8_t error = 0x3f;
}  // namespace hid

enum HidError : std::uint8_t {
  invalid_command = 0x01,
  invalid_length = 0x03,
  invalid_sequence = 0x04,
  message_timeout = 0x05,
  channel_busy = 0x06,
  invalid_channel = 0x0b,
  other_error = 0x7f,
};
enum Capability : std::uint8_t { can_wink = 0x01, can_cbor = 0x04, no_msg = 0x08 };

struct HostGone {};
struct Unplugged {};
/// The host started over in the middle of a command.
struct Aborted {};

std::uint32_t read_u32(ByteView bytes) {
  return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
         static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3];
}

void write_u32(std::uint8_t* to, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) to[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

}  // namespace

End HidSession::run() try {
  while (true) step(arriving_ ? token_.personality().frame_timeout : idle);
} catch (const HostGone&) {
  return End::host_gone;
} catch (const Unplugged&) {
  return End::unplugged;
}

void HidSession::wait(Milliseconds longest) { step(longest); }

void HidSession::step(Milliseconds longest) {
  if (inbox_.empty()) poll_wire(longest);
  if (token_.unplug_requested()) throw Unplugged{};
  expire();
  if (inbox_.empty()) return;
  const Report report = inbox_.front();
  inbox_.pop_front();
  on_report(report);
}

void HidSession::poll_wire(Milliseconds longest) {
  std::array<pollfd, 2> fds{pollfd{wire_.fd(), POLLIN, 0}, pollfd{token_.wakeup().fd(), POLLIN, 0}};
  const int ready = poll(fds.data(), fds.size(), static_cast<int>(longest.count()));
  if (ready < 0 && errno != EINTR) throw_system_error("poll", errno);
  if (ready <= 0) return;
  if (fds[1].revents != 0) token_.wakeup().drain();
  if (fds[0].revents != 0 && !wire_.receive(inbox_)) throw HostGone{};
}

/// A message whose frames stopped coming.
void HidSession::expire() {
  if (!arriving_ || Clock::now() - arriving_->last_frame < token_.personality().frame_timeout) return;
  // Its next frame may be here already, only not looked at.
  if (!inbox_.empty() && read_u32(inbox_.front()) == arriving_->channel) return;
  const std::uint32_t channel = arriving_->channel;
  arriving_.reset();
  send_error(channel, message_timeout);
}

void HidSession::on_report(const Report& report) {
  const std::uint32_t channel = read_u32(report);
  if ((report[4] & first_frame_bit) != 0) {
    on_first_frame(channel, report);
  } else {
    on_next_frame(channel, report);
  }
}

void HidSession::on_first_frame(std::uint32_t channel, const Report& report) {
  Message message{.channel = channel,
                  .command = static_cast<std::uint8_t>(report[4] & ~first_frame_bit),
                  .size = static_cast<std::size_t>(report[5] << 8 | report[6]),
                  .data = {},
                  .next_sequence = 0,
                  .last_frame = Clock::now()};
  const ByteView data = ByteView(report).subspan(first_header);
  if (message.command == hid::init) {
    if (message.size != nonce_bytes) return send_error(channel, invalid_length);
    return on_init(channel, data.first(nonce_bytes));
  }
  if (channel == 0 || channel > last_channel_) return send_error(channel, invalid_channel);
  if (message.command == hid::cancel) {
    token_.count_cancel();
    cancelled_ = cancelled_ || busy_ == channel;
    return;
  }
  if (busy_ || (arriving_ && arriving_->channel != channel)) return send_error(channel, channel_busy);
  if (arriving_) {
    arriving_.reset();
    return send_error(channel, invalid_sequence);
  }
  if (message.size > max_message) return send_error(channel, invalid_length);
  const ByteView first = data.first(std::min(message.size, data.size()));
  message.data.assign(first.begin(), first.end());
  if (message.data.size() == message.size) return answer(message);
  arriving_ = std::move(message);
}

void HidSession::on_next_frame(std::uint32_t channel, const Report& report) {
  if (!arriving_ || arriving_->channel != channel) return;  // spurious: ignored
  if (report[4] != arriving_->next_sequence) {
    arriving_.reset();
    return send_error(channel, invalid_sequence);
  }
  ++arriving_->next_sequence;
  arriving_->last_frame = Clock::now();
  const ByteView data = ByteView(report).subspan(next_header);
  const ByteView part = data.first(std::min(arriving_->size - arriving_->data.size(), data.size()));
  arriving_->data.insert(arriving_->data.end(), part.begin(), part.end());
  if (arriving_->data.size() < arriving_->size) return;
  const Message whole = std::move(*arriving_);
  arriving_.reset();
  answer(whole);
}

/// On broadcast: a new channel. On a channel: starts over there.
void HidSession::on_init(std::uint32_t channel, ByteView nonce) {
  const bool known = channel != 0 && channel <= last_channel_;
  if (channel != broadcast && !known) return send_error(channel, invalid_channel);
  token_.count("init");
  const Personality& personality = token_.personality();
  Bytes body(nonce_bytes + 9);
  std::ranges::copy(nonce, body.begin());
  write_u32(body.data() + nonce_bytes, known ? channel : ++last_channel_);
  constexpr std::uint8_t protocol_version = 2;
  const std::uint32_t firmware = personality.firmware;
  body[nonce_bytes + 4] = protocol_version;
  body[nonce_bytes + 5] = static_cast<std::uint8_t>(firmware >> 16);
  body[nonce_bytes + 6] = static_cast<std::uint8_t>(firmware >> 8);
  body[nonce_bytes + 7] = static_cast<std::uint8_t>(firmware);
  body[nonce_bytes + 8] = static_cast<std::uint8_t>(can_wink | (personality.ctap2 ? can_cbor : 0) |
                                                    (personality.speaks_u2f() ? 0 : no_msg));
  const bool aborts = known && busy_ == channel && !replying_;
  if (known && arriving_ && arriving_->channel == channel) arriving_.reset();
  send(channel, hid::init, body);
  if (aborts) throw Aborted{};
}

bool HidSession::knows(const Message& message) const {
  const Personality& personality = token_.personality();
  switch (message.command) {
    case hid::ping:
    case hid::wink: return true;
    case hid::msg: return personality.speaks_u2f();
    case hid::cbor: return personality.ctap2;
    default: return false;
  }
}

void HidSession::answer(const Message& message) {
  if (!knows(message)) return send_error(message.channel, invalid_command);
  if (message.command == hid::ping || message.command == hid::wink) {
    token_.count(message.command == hid::ping ? "ping" : "wink");
    if (message.command == hid::wink && message.size != 0) return send_error(message.channel, invalid_length);
    return send(message.channel, message.command, message.data);
  }
  const std::size_t name_at = message.command == hid::cbor ? 0 : 1;
  if (message.data.size() <= name_at) return send_error(message.channel, invalid_length);
  busy_ = message.channel;
  busy_command_ = message.data[name_at];
  cancelled_ = false;
  keepalives_ = 0;
  try {
    answer_long(message);
  } catch (const Aborted&) {
    // The host has its answer to INIT.
  }
  busy_.reset();
}

void HidSession::answer_long(const Message& message) {
  unplug_if(UnplugRule::Phase::arrival);
  const Bytes body = answer_body(message);
  unplug_if(UnplugRule::Phase::reply);
  replying_ = true;
  send(message.channel, message.command, body);
  replying_ = false;
}

Bytes HidSession::answer_body(const Message& message) {
  return message.command == hid::cbor ? token_.answer_ctap2(message.data, *this) : token_.answer_u2f(message.data);
}

void HidSession::keep_alive(KeepAlive status) {
  if (!busy_) return;
  const Bytes body{static_cast<std::uint8_t>(status)};
  send(*busy_, hid::keepalive, body);
  ++keepalives_;
  unplug_if(UnplugRule::Phase::keepalives);
}

void HidSession::send(std::uint32_t channel, std::uint8_t command, ByteView data) {
  Report report{};
  write_u32(report.data(), channel);
  report[4] = command | first_frame_bit;
  report[5] = static_cast<std::uint8_t>(data.size() >> 8);
  report[6] = static_cast<std::uint8_t>(data.size());
  ByteView part = data.first(std::min(data.size(), report_bytes - first_header));
  std::ranges::copy(part, report.begin() + first_header);
  send_report(report);
  if (replying_) unplug_if(UnplugRule::Phase::mid_reply);
  data = data.subspan(part.size());
  for (std::uint8_t sequence = 0; !data.empty(); ++sequence) {
    report.fill(0);
    write_u32(report.data(), channel);
    report[4] = sequence;
    part = data.first(std::min(data.size(), report_bytes - next_header));
    std::ranges::copy(part, report.begin() + next_header);
    send_report(report);
    data = data.subspan(part.size());
  }
}

void HidSession::send_report(const Report& report) {
  if (!wire_.send(report)) throw HostGone{};
}

void HidSession::send_error(std::uint32_t channel, std::uint8_t code) {
  const Bytes body{code};
  send(channel, hid::error, body);
}

void HidSession::unplug_if(UnplugRule::Phase phase) {
  if (busy_ && token_.unplugs(busy_command_, phase, keepalives_)) throw Unplugged{};
}

End serve(Wire& wire, Authenticator& token) {
  token.plugged_in();
  End end = End::host_gone;
  try {
    end = HidSession(wire, token).run();
  } catch (...) {
    token.pulled_out();
    throw;
  }
  token.pulled_out();
  return end;
}

}  // namespace fob::virt
