#include "cli/agent_connection.h"

#include "cli/agent_socket.h"
#include "cli/frame_socket.h"
#include "cli/terminal.h"
#include "protocol/limits.h"

namespace fob::cli {
namespace {

/// How long the agent may do nothing before the person hears of it.
constexpr std::chrono::seconds patience{10};

}  // namespace

bool may_be_given_up(const control::Request& request) {
  return std::holds_alternative<control::ListKeys>(request) || std::holds_alternative<control::ListSlots>(request) ||
         std::holds_alternative<control::Watch>(request);
}

AgentConnection::AgentConnection() : socket_(connect_to_agent()) {}

control::Reply AgentConnection::ask(const control::Request& request, Dialog& dialog) {
  FrameSocket frames(socket_.get(), dialog, patience,
                     may_be_given_up(request) ? FrameSocket::Silence::is_thrown : FrameSocket::Silence::is_told);
  frames.send(control::frame_request(request));
  for (;;) {
    control::Reply reply = control::parse_reply(frames.receive(limits::control_reply_bytes));
    if (const auto* notice = std::get_if<control::Notice>(&reply)) {
      dialog.notice(notice->text);
      frames.set_noticing(!notice->text.empty());
    } else if (const auto* question = std::get_if<control::Question>(&reply)) {
      std::optional<SecretBytes> typed = dialog.answer(*question);
      control::Answer answer;
      answer.given = typed.has_value();
      if (typed) answer.text = std::move(*typed);
      frames.send(control::frame_request(std::move(answer)));
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
