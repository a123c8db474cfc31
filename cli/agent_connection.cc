#include "cli/agent_connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "cli/agent_socket.h"
#include "cli/interrupts.h"
#include "cli/terminal.h"
#include "protocol/limits.h"

namespace fob::cli {
namespace {

constexpr std::size_t read_chunk_bytes = 64 * 1024;
constexpr std::chrono::milliseconds tick{125};
constexpr std::chrono::milliseconds forever{-1};

[[noreturn]] void throw_gone() {
  throw Error(Errc::removed, "the agent closed the connection before it answered: it has ended, or its log says why");
}

}  // namespace

/// The two ways of the socket, as long as one request lasts.
class AgentConnection::Exchange {
 public:
  Exchange(int socket, Dialog& dialog) : socket_(socket), dialog_(dialog) {}

  void send_frame(ByteView frame) {
    while (!frame.empty()) {
      wait(POLLOUT);
      const ssize_t sent = send(socket_, frame.data(), frame.size(), MSG_NOSIGNAL);
      if (sent > 0) frame = frame.subspan(static_cast<std::size_t>(sent));
      if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return;  // it may have said why before it went
      if (sent < 0 && errno != EAGAIN && errno != EINTR) throw_system_error("cannot write to the agent", errno);
    }
  }

  control::Reply receive() {
    Bytes head;
    receive_up_to(head, 4);
    const std::size_t length = Reader(head).u32();
    if (length > limits::control_reply_bytes) {
      throw Error(Errc::malformed, "the agent announces a reply of " + std::to_string(length) + " bytes, at most " +
                                       std::to_string(limits::control_reply_bytes) + " are allowed");
    }
    Bytes message;  // grows with what arrives, not with what is announced
    receive_up_to(message, length);
    return control::parse_reply(message);
  }

  /// While a notice is shown, the person sees that fob lives.
  void set_noticing(bool noticing) { noticing_ = noticing; }

 private:
  void wait(short events) {
    while (interrupts_.wait(socket_, events, noticing_ ? tick : forever) != Interrupts::Event::ready) dialog_.tick();
  }

  void receive_up_to(Bytes& out, std::size_t size) {
    while (out.size() < size) {
      wait(POLLIN);
      const std::size_t before = out.size();
      out.resize(before + std::min(size - before, read_chunk_bytes));
      const ssize_t got = recv(socket_, out.data() + before, out.size() - before, 0);
      const int error = errno;
      out.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
      if (got == 0 || (got < 0 && error == ECONNRESET)) throw_gone();
      if (got < 0 && error != EAGAIN && error != EINTR) throw_system_error("cannot read from the agent", error);
    }
  }

  int socket_;
  Dialog& dialog_;
  bool noticing_ = false;
  Interrupts interrupts_;
};

AgentConnection::AgentConnection() : socket_(connect_to_agent()) {}

control::Reply AgentConnection::ask(const control::Request& request, Dialog& dialog) {
  Exchange exchange(socket_.get(), dialog);
  exchange.send_frame(control::frame_request(request));
  for (;;) {
    control::Reply reply = exchange.receive();
    if (const auto* notice = std::get_if<control::Notice>(&reply)) {
      dialog.notice(notice->text);
      exchange.set_noticing(!notice->text.empty());
    } else if (const auto* question = std::get_if<control::Question>(&reply)) {
      std::optional<SecretBytes> typed = dialog.answer(*question);
      control::Answer answer;
      answer.given = typed.has_value();
      if (typed) answer.text = std::move(*typed);
      exchange.send_frame(control::frame_request(std::move(answer)));
    } else {
      dialog.notice({});
      if (const auto* failed = std::get_if<control::Failed>(&reply)) throw Error(failed->code, failed->text);
      return reply;
    }
  }
}

control::Reply ask_agent(const control::Request& request) {
  AgentConnection connection;
  Terminal terminal;
  return connection.ask(request, terminal);
}

}  // namespace fob::cli
