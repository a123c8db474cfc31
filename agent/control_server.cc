#include "agent/control_server.h"

#include <unistd.h>

#include "agent/log.h"
#include "agent/peer.h"
#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {

ControlServer::ControlServer(asio::io_context& io, Control& control, int listener)
    : io_(io),
      control_(control),
      acceptor_(io, asio::local::stream_protocol(), listener),
      free_place_(io, asio::steady_timer::time_point::max()) {}

Awaitable<void> ControlServer::accept_clients() {
  for (;;) {
    while (sessions_.size() >= limits::control_sessions) {
      boost::system::error_code woken;
      co_await free_place_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
    boost::system::error_code fault;
    Stream::socket socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, fault));
    if (fault == asio::error::operation_aborted || !acceptor_.is_open()) co_return;
    if (fault) {
      // Out of descriptors: they come back when other clients leave.
      co_await sleep_for(limits::accept_pause);
      continue;
    }
    const Peer peer = peer_of(socket.native_handle());
    if (!may_connect(peer) || is_own_descendant(peer)) {
      log_error("refused a control connection of " + peer.program_chain() + ", uid " + std::to_string(peer.uid));
      continue;
    }
    auto session = std::make_shared<ControlSession>(control_, std::move(socket));
    sessions_.insert(session);
    asio::co_spawn(io_, run_session(std::move(session)), asio::detached);
  }
}

Awaitable<void> ControlServer::run_session(std::shared_ptr<ControlSession> session) {
  try {
    co_await session->run();
  } catch (const Error& error) {
    log_info(std::string("closed a control connection: ") + error.what());
  } catch (const boost::system::system_error&) {
    // The client has closed the connection, or the agent is ending.
  } catch (const std::exception& error) {
    log_error(std::string("closed a control connection: ") + error.what());
  }
  session->close();
  sessions_.erase(session);
  free_place_.cancel();
}

void ControlServer::close_all() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  for (const std::shared_ptr<ControlSession>& session : sessions_) session->close();
}

}  // namespace fob
