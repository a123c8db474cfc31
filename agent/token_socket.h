#pragma once

#include <functional>
#include <string>

#include "agent/async.h"
#include "agent/config.h"

namespace fob {

/// A Unix stream socket on which a FIDO2 token may plug itself in: a connection carries CTAPHID reports of 64 bytes,
/// and lasts as long as the token is there. One token at a time; for tokens of containers, virtual machines and tests.
///
/// Only the agent's own user and root may connect. Threads: the main one only.
class TokenSocket {
 public:
  struct Listener {
    /// `open` gives a descriptor of the connection for a token host.
    std::function<void(const Config::Fido::Socket& socket, std::function<int()> open)> plugged;
    std::function<void(const Config::Fido::Socket& socket)> unplugged;
  };

  /// Listens at settings.path, mode 0600; a stale socket there is replaced. Throws system.
  TokenSocket(asio::io_context& io, Config::Fido::Socket settings, Listener listener);
  ~TokenSocket();

 private:
  using Stream = asio::local::stream_protocol;

  Awaitable<void> accept_tokens();
  Awaitable<void> hold(Stream::socket token);

  Config::Fido::Socket settings_;
  Listener listener_;
  Stream::acceptor acceptor_;
};

}  // namespace fob
