#pragma once

#include <set>

#include "tests/virtual/transport.h"

namespace fob::virt {

/// CTAPHID (CTAP 2.1 §11.2): frames to messages and back, channels, one transaction at a time.
class HidSession : public Host {
 public:
  HidSession(Wire& wire, Authenticator& token) : wire_(wire), token_(token) {}

  /// Until the host goes or the token is unplugged.
  End run();

  void keep_alive(KeepAlive status) override;
  void wait(Milliseconds longest) override;
  bool cancelled() const override { return cancelled_; }

 private:
  struct Message {
    std::uint32_t channel = 0;
    std::uint8_t command = 0;
    std::size_t size = 0;
    Bytes data;
    std::uint8_t next_sequence = 0;
    Clock::time_point last_frame;
  };

  /// Handles one report, or waits for one.
  void step(Milliseconds longest);
  void poll_wire(Milliseconds longest);
  void on_report(const Report& report);
  void on_first_frame(std::uint32_t channel, const Report& report);
  void on_next_frame(std::uint32_t channel, const Report& report);
  void on_init(std::uint32_t channel, ByteView nonce);
  void expire();
  void answer(const Message& message);
  void answer_long(const Message& message);
  Bytes answer_body(const Message& message);
  bool knows(const Message& message) const;

  void send(std::uint32_t channel, std::uint8_t command, ByteView data);
  void send_report(const Report& report);
  void send_error(std::uint32_t channel, std::uint8_t code);
  void unplug_if(UnplugRule::Phase phase);

  Wire& wire_;
  Authenticator& token_;
  std::deque<Report> inbox_;
  std::uint32_t last_channel_ = 0;
  std::optional<Message> arriving_;
  std::optional<std::uint32_t> busy_;  ///< the channel whose command is at work
  std::uint8_t busy_command_ = 0;
  bool cancelled_ = false;
  bool replying_ = false;
  unsigned keepalives_ = 0;
};

}  // namespace fob::virt
