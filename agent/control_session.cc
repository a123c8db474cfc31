#include "agent/control_session.h"

#include <sys/socket.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/stack_wiper.h"

namespace fob {
namespace {

control::Question::Kind question_kind(Asker::Kind kind) {
  switch (kind) {
    case Asker::Kind::new_pin: return control::Question::Kind::new_pin;
    case Asker::Kind::text: return control::Question::Kind::text;
    case Asker::Kind::passphrase: return control::Question::Kind::passphrase;
    case Asker::Kind::new_passphrase: return control::Question::Kind::new_passphrase;
    default: return control::Question::Kind::pin;
  }
}

/// A PIN may have passed.
void wipe_stack() { const StackWiper wiper; }

}  // namespace

Awaitable<void> ControlSession::run() {
  using namespace asio::experimental::awaitable_operators;
  for (;;) {
    control::Request request = co_await read_within(limits::control_idle);
    auto outcome = co_await (answer(std::move(request)) || gone());
    if (outcome.index() == 1) co_return;
    wipe_stack();
    co_await send(std::move(std::get<0>(outcome).reply));
  }
}

Awaitable<ControlSession::Answered> ControlSession::answer(control::Request request) {
  Answered out;
  out.reply = co_await control_.answer(std::move(request), *this);
  co_return out;
}

void ControlSession::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

/// Throws boost::system::system_error at the end of the connection.
Awaitable<control::Request> ControlSession::read_request() {
  std::array<std::uint8_t, 4> head{};
  const auto into_head = asio::buffer(head);
  co_await asio::async_read(socket_, into_head, asio::use_awaitable);
  const std::uint32_t size = Reader(head).u32();
  if (size == 0 || size > limits::message_bytes) {
    throw Error(Errc::too_large, "a control message of " + std::to_string(size) + " bytes");
  }
  Bytes body(size);
  const auto into_body = asio::buffer(body);
  co_await asio::async_read(socket_, into_body, asio::use_awaitable);
  control::Request request = control::parse_request(body);
  co_return request;
}

/// Closes the connection where nothing comes in time: an answer that is typed later would be taken for another one's.
Awaitable<control::Request> ControlSession::read_within(std::chrono::milliseconds time) {
  using namespace asio::experimental::awaitable_operators;
  auto outcome = co_await (try_to_read() || sleep_for(time));
  if (outcome.index() == 1) {
    close();
    throw Error(Errc::timed_out, "nobody answered");
  }
  ReadRequest& read = std::get<0>(outcome);
  if (read.fault) std::rethrow_exception(read.fault);
  co_return std::move(*read.request);
}

/// Without throwing: to be awaited beside the clock.
Awaitable<ControlSession::ReadRequest> ControlSession::try_to_read() {
  ReadRequest out;
  try {
    out.request = co_await read_request();
  } catch (const std::exception&) {
    out.fault = std::current_exception();
  }
  co_return out;
}

Awaitable<void> ControlSession::send(control::Reply reply) {
  const Bytes frame = control::frame_reply(reply);
  const auto from = asio::buffer(frame);
  co_await asio::async_write(socket_, from, asio::use_awaitable);
}

Awaitable<void> ControlSession::gone() {
  boost::system::error_code closed_here;
  co_await socket_.async_wait(Socket::wait_error, asio::redirect_error(asio::use_awaitable, closed_here));
}

Awaitable<TypedAnswer> ControlSession::ask(Kind kind, std::string text) {
  const std::shared_ptr<void> waiting = control_.activity().wait_for(text);
  control::Reply question = control::Question{question_kind(kind), std::move(text)};
  co_await send(std::move(question));
  // Without end a forgotten question would keep the token from everybody else.
  control::Request request = co_await read_within(limits::prompt_deadline);
  auto* answer = std::get_if<control::Answer>(&request);
  if (answer == nullptr) throw Error(Errc::malformed, "fob did not answer the question");
  if (!answer->given) co_return TypedAnswer{SecretBytes(), "the user gave no answer"};
  co_return TypedAnswer{std::move(answer->text), ""};
}

std::shared_ptr<void> ControlSession::announce(const std::string& text) {
  send_notice(text);
  return {nullptr, [this, waiting = control_.activity().wait_for(text)](void*) { send_notice(""); }};
}

/// At once, for it may be withdrawn while nothing can be awaited. A client that does not read misses it.
void ControlSession::send_notice(const std::string& text) {
  const Bytes frame = control::frame_reply(control::Notice{text});
  ::send(socket_.native_handle(), frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace fob
