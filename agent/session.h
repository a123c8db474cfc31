#pragma once

#include <list>
#include <memory>

#include "agent/async.h"
#include "agent/input_buffer.h"
#include "agent/peer.h"

namespace fob {

class Agent;
class Server;

/// A framed reply: its own bytes, or bytes shared by many clients (a list answer may be 256 KiB).
struct Outgoing {
  Bytes own;
  std::shared_ptr<const Bytes> shared;

  ByteView view() const { return shared ? ByteView(*shared) : ByteView(own); }
};
/// SSH_AGENT_SUCCESS.
Outgoing success();

/// One client: reads its requests, has the agent answer them in order, writes the replies.
///
/// A client that does not read its reply is not read from either; a request that waits (a dialog, a worker) holds
/// up this client only. Owned by its own coroutine and by the server's list.
class Session {
 public:
  using Socket = asio::local::stream_protocol::socket;
  using Place = std::list<std::shared_ptr<Session>>::iterator;

  Session(Server& server, Agent& agent, Socket socket, Peer peer);

  /// Serves the client until it or the server closes the connection. Throws what ends it.
  Awaitable<void> run();
  /// Completes when the client has closed the connection in both directions: nobody waits for an answer then.
  /// Half-closed clients still do.
  Awaitable<void> gone();
  void close();

  const Peer& peer() const { return peer_; }
  Route& route() { return route_; }
  /// Whether a request is being answered: such a session is not taken to make room for others.
  bool busy() const { return busy_; }
  std::size_t held_bytes() const { return input_.held_bytes() + unsent_bytes_; }

  Place place;                    ///< in the server's list; the server's to use
  std::size_t counted_bytes = 0;  ///< held_bytes() as the server last counted it

 private:
  Awaitable<void> serve(ByteView message);
  Awaitable<void> send_rest(const Outgoing& reply, std::size_t sent);
  std::size_t send_now(ByteView bytes);
  void wipe_traces();

  Server& server_;
  Agent& agent_;
  Socket socket_;
  Peer peer_;
  Route route_;
  InputBuffer input_;
  std::size_t unsent_bytes_ = 0;
  bool busy_ = false;
};

}  // namespace fob
