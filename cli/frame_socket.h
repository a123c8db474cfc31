#pragma once

#include <chrono>

#include "cli/descriptor.h"
#include "cli/dialog.h"
#include "cli/interrupts.h"
#include "protocol/bytes.h"

namespace fob::cli {

/// The two ways of a connection to the agent, on which messages have a length word before them. While it lives,
/// Ctrl-C is noticed as Interrupted.
class FrameSocket {
 public:
  static constexpr std::chrono::milliseconds forever{-1};
  /// What becomes of an agent that does nothing: AgentSilent is thrown, or a notice says so and it is waited on.
  enum class Silence { is_thrown, is_told };

  /// Both are the caller's; `socket` must not block. `dialog` is ticked while it is waited for the agent. `patience`:
  /// how long the agent may do nothing, except while a notice is shown.
  FrameSocket(int socket, Dialog& dialog, std::chrono::milliseconds patience = forever,
              Silence silence = Silence::is_thrown)
      : socket_(socket), dialog_(dialog), patience_(patience), silence_(silence) {}

  /// With its length word. An agent that has gone is noticed by receive(): it may have said why before it went. Throws
  /// AgentSilent (agent_socket.h), as receive() does.
  void send(ByteView frame);
  /// Without its length word. Throws malformed over `max_bytes`; removed where the agent goes away.
  Bytes receive(std::size_t max_bytes);

  /// While a notice is shown, the person sees that fob lives.
  void set_noticing(bool noticing) { noticing_ = noticing; }

 private:
  void wait(short events);
  void tell_silence();
  void receive_up_to(Bytes& out, std::size_t size);

  int socket_;
  Dialog& dialog_;
  std::chrono::milliseconds patience_;
  Silence silence_;
  bool noticing_ = false;
  Interrupts interrupts_;
};

}  // namespace fob::cli
