#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cli/descriptor.h"
#include "protocol/control_reply.h"
#include "protocol/control_request.h"
#include "tests/daemon/temp_dir.h"

namespace fob::test {

/// The agent's end of one control connection, blocking.
class Peer {
 public:
  explicit Peer(cli::Descriptor socket) : socket_(std::move(socket)) {}

  /// Nothing where the client has gone.
  std::optional<control::Request> receive();
  void send(const control::Reply& reply) { send_raw(control::frame_reply(reply)); }
  void send_raw(ByteView bytes);
  /// Sends a question; what was typed, or nothing where the person declined or the client has gone.
  std::optional<std::string> ask(control::Question::Kind kind, const std::string& text);
  /// Waits for the client to close. False after five seconds.
  bool closed_by_client();

 private:
  cli::Descriptor socket_;
};

/// Two connected sockets; the second one does not block, as AgentConnection wants it.
std::pair<cli::Descriptor, cli::Descriptor> connected_sockets();

/// An agent that does as a test says: it listens at a control socket, and hands each connection's request to `handle`,
/// on a thread of its own.
class FakeAgent {
 public:
  using Handle = std::function<void(const control::Request&, Peer&)>;

  explicit FakeAgent(Handle handle);
  /// Waits for the connection that is being handled.
  ~FakeAgent();

  /// "SSH_AUTH_SOCK=…": what fob finds it by.
  std::string environment() const { return "SSH_AUTH_SOCK=" + folder_.file("agent"); }
  std::string control_path() const { return folder_.file("agent.control"); }
  /// How many requests have come.
  std::size_t requests() const;

 private:
  void serve();

  Handle handle_;
  TempDir folder_;
  cli::Descriptor listener_;
  mutable std::mutex mutex_;
  std::size_t requests_ = 0;
  std::thread thread_;
};

}  // namespace fob::test
