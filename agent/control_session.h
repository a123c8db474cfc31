#pragma once

#include "agent/control.h"

namespace fob {

/// One `fob`: reads its requests, answers them in order, and is the person to ask meanwhile.
///
/// Threads: the main one only.
class ControlSession : public Asker {
 public:
  using Socket = asio::local::stream_protocol::socket;

  ControlSession(Control& control, Socket socket) : control_(control), socket_(std::move(socket)) {}

  /// Serves until the client closes the connection, which cancels what it asked for. Throws what ends it.
  Awaitable<void> run();
  void close();

  Awaitable<TypedAnswer> ask(Kind kind, std::string text) override;
  std::shared_ptr<void> announce(const std::string& text) override;

 private:
  /// A reply by itself: Asio's || would take a variant apart.
  struct Answered {
    control::Reply reply;
  };

  struct ReadRequest {
    std::optional<control::Request> request;
    std::exception_ptr fault;
  };

  Awaitable<ReadRequest> try_to_read();
  Awaitable<control::Request> read_within(std::chrono::milliseconds time);
  Awaitable<Answered> answer(control::Request request);
  Awaitable<control::Request> read_request();
  Awaitable<void> send(control::Reply reply);
  Awaitable<void> gone();
  void send_notice(const std::string& text);

  Control& control_;
  Socket socket_;
};

}  // namespace fob
