#include "agent/token_socket.h"

#include <fcntl.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/peer.h"
#include "agent/socket_path.h"
#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {

TokenSocket::TokenSocket(asio::io_context& io, Config::Fido::Socket settings, Listener listener)
    : settings_(std::move(settings)),
      listener_(std::move(listener)),
      acceptor_(io, asio::local::stream_protocol(), listen_replacing_stale(settings_.path).descriptor) {
  asio::co_spawn(io, accept_tokens(), asio::detached);
}

TokenSocket::~TokenSocket() { unlink(settings_.path.c_str()); }

Awaitable<void> TokenSocket::accept_tokens() {
  for (;;) {
    boost::system::error_code fault;
    Stream::socket token = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, fault));
    if (fault == asio::error::operation_aborted) co_return;  // the agent is ending
    if (fault) {
      co_await sleep_for(limits::accept_pause);  // out of descriptors
    } else if (may_connect(peer_of(token.native_handle()))) {
      co_await hold(std::move(token));
    } else {
      log_error("refused a token of another user at " + settings_.path);
    }
  }
}

/// Until the token hangs up. Only the hang-up is waited for here: what it sends is for its token host.
Awaitable<void> TokenSocket::hold(Stream::socket token) {
  // The host blocks and shares the flag; nothing is read or written here.
  token.native_non_blocking(false);
  const int connection = token.native_handle();
  std::function<int()> open = [connection] {
    const int descriptor = fcntl(connection, F_DUPFD_CLOEXEC, 0);
    if (descriptor < 0) throw_system_error("cannot hand the token's connection over", errno);
    return descriptor;
  };
  listener_.plugged(settings_, std::move(open));
  boost::system::error_code closed;
  co_await token.async_wait(Stream::socket::wait_error, asio::redirect_error(asio::use_awaitable, closed));
  listener_.unplugged(settings_);
}

}  // namespace fob
