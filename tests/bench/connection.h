// One connection to an agent, over plain POSIX sockets.
#pragma once

#include <optional>
#include <stdexcept>

#include "wire.h"

namespace fob {

/// The agent closed a connection that it should have kept.
class ConnectionLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A connected Unix stream socket that reads whole frames. Closes it at the end of its life.
///
/// Errors: ConnectionLost from send and receive; std::system_error where connecting fails.
class Connection {
 public:
  /// Waits where the agent's queue of new connections is full.
  static Connection open(const std::string& path);
  /// As open, but returns nothing where that queue is full. For receive_some only.
  static std::optional<Connection> try_open(const std::string& path);

  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  int fd() const { return fd_; }

  /// Sends a framed request; one that does not fit into the socket's buffer counts as lost.
  void send(ByteView request) const;
  /// Waits for a whole answer. The view is valid until the next call.
  ByteView receive();
  /// Reads once without waiting; returns the answer when it is whole. The view is valid until the
  /// next call.
  std::optional<ByteView> receive_some();

  /// Sends, waits, and throws std::runtime_error where the answer is not the expected one.
  ByteView exchange(const Exchange& exchange);

 private:
  explicit Connection(int fd) : fd_(fd) {}
  static std::optional<Connection> connect(const std::string& path, int socket_flags);

  std::optional<ByteView> read(int flags);

  int fd_;
  Bytes buffer_;
  std::size_t filled_bytes_ = 0;
};

/// Opens so many connections, each of which is answered once: so the agent has really taken it, and
/// holds what a used connection costs. In batches, as agents that poll() would be slow otherwise.
std::vector<Connection> open_used(const std::string& path, std::size_t count);

}  // namespace fob
