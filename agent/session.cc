#include "agent/session.h"

#include <sys/socket.h>

#include "agent/agent.h"
#include "agent/server.h"
#include "protocol/error.h"
#include "protocol/reply.h"
#include "protocol/stack_wiper.h"

namespace fob {

Session::Session(Server& server, Agent& agent, Socket socket, Peer peer)
    : server_(server), agent_(agent), socket_(std::move(socket)), peer_(peer), input_(server.buffers()) {}

Awaitable<void> Session::run() {
  bool open = true;
  while (open) {
    co_await socket_.async_wait(Socket::wait_read, asio::use_awaitable);
    open = input_.read_from(socket_.native_handle()) != InputBuffer::Outcome::end;
    server_.touch(*this);
    for (auto message = input_.message(); message; message = input_.message()) {
      co_await serve(*message);
      // A client that has sent several requests waits its turn like the others.
      if (input_.message()) co_await asio::post(asio::use_awaitable);
    }
    server_.count_bytes(*this);
  }
}

Outgoing success() { return {frame_reply(Success{}), nullptr}; }

Awaitable<void> Session::gone() {
  // The kernel reports a hang-up whenever anything is waited for; wait_error waits for that alone.
  boost::system::error_code closed_here;
  co_await socket_.async_wait(Socket::wait_error, asio::redirect_error(asio::use_awaitable, closed_here));
}

void Session::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

Awaitable<void> Session::serve(ByteView message) {
  busy_ = true;
  const Outgoing reply = co_await agent_.answer(*this, message);
  busy_ = false;
  wipe_traces();
  const ByteView bytes = reply.view();
  const std::size_t sent = send_now(bytes);
  if (sent < bytes.size()) co_await send_rest(reply, sent);
}

/// Before the client has its reply: the request may have held a key or a passphrase, which may have left traces on the
/// stack too (registers saved by the dynamic linker, for one).
void Session::wipe_traces() {
  const StackWiper wiper;
  input_.consume();
}

Awaitable<void> Session::send_rest(const Outgoing& reply, std::size_t sent) {
  const ByteView bytes = reply.view();
  while (sent < bytes.size()) {
    unsent_bytes_ = reply.shared ? 0 : reply.own.size();
    server_.count_bytes(*this);
    co_await socket_.async_wait(Socket::wait_write, asio::use_awaitable);
    sent += send_now(bytes.subspan(sent));
  }
  unsent_bytes_ = 0;
}

std::size_t Session::send_now(ByteView bytes) {
  const ssize_t sent = send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno == EAGAIN || errno == EINTR) return 0;
  throw Error(Errc::cancelled, "the client has gone");
}

}  // namespace fob
