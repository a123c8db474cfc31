#pragma once

#include <memory>
#include <set>

#include "agent/async.h"
#include "agent/control_session.h"

namespace fob {

/// Accepts `fob` on the control socket (docs/control-protocol.md).
///
/// Only the agent's own user and root may connect; at most limits::control_sessions at a time, further ones wait.
/// Threads: the main one only.
class ControlServer {
 public:
  /// Takes over `listener`, a listening Unix stream socket, non-blocking.
  ControlServer(asio::io_context& io, Control& control, int listener);

  Awaitable<void> accept_clients();
  /// Closes all connections; their coroutines end when the io_context runs on.
  void close_all();
  std::size_t session_count() const { return sessions_.size(); }

 private:
  using Stream = asio::local::stream_protocol;

  Awaitable<void> run_session(std::shared_ptr<ControlSession> session);

  asio::io_context& io_;
  Control& control_;
  Stream::acceptor acceptor_;
  asio::steady_timer free_place_;
  std::set<std::shared_ptr<ControlSession>> sessions_;
};

}  // namespace fob
