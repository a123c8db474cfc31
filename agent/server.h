#pragma once

#include <list>
#include <memory>

#include "agent/async.h"
#include "agent/input_buffer.h"
#include "agent/session.h"

namespace fob {

/// Accepts clients and keeps what they may use together within limits.h.
///
/// Only the agent's own user and root may connect. When descriptors or memory run out, the session that has been idle
/// longest gives way: a new client is always answered.
/// Threads: the main one only.
class Server {
 public:
  /// Takes over `listener`, a listening Unix stream socket, non-blocking.
  Server(asio::io_context& io, Agent& agent, int listener);
  ~Server();

  Awaitable<void> accept_clients();
  /// Closes all connections; their coroutines end when the io_context runs on.
  void close_all();
  std::size_t session_count() const { return sessions_.size(); }

  BufferPool& buffers() { return buffers_; }
  /// The session has just been active.
  void touch(Session& session);
  /// Counts what the session holds now; makes room if all together hold too much.
  void count_bytes(Session& session);

 private:
  void admit(int descriptor);
  void accept_one(Session::Socket socket);
  bool accept_at_limit();
  /// Closes the session that has been idle longest, of those that hold at least so much; false if there is none.
  bool evict(const Session* keep, std::size_t min_bytes, const char* reason);
  Awaitable<void> run_session(std::shared_ptr<Session> session);
  void end_session(Session& session);
  void give_memory_back();
  void prepare_states();

  asio::io_context& io_;
  Agent& agent_;
  asio::local::stream_protocol::acceptor acceptor_;
  BufferPool buffers_;
  std::list<std::shared_ptr<Session>> sessions_;  // the one that has been idle longest in front
  std::size_t max_sessions_;
  std::size_t buffered_bytes_ = 0;
  std::size_t prepared_states_ = 0;
  std::size_t ended_ = 0;  // sessions since memory was last given back
  asio::steady_timer give_back_timer_;
  int spare_descriptor_;  // given up for a moment when there are no others
};

}  // namespace fob
