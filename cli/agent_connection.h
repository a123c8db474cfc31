#pragma once

#include "cli/descriptor.h"
#include "cli/dialog.h"
#include "protocol/control_reply.h"
#include "protocol/control_request.h"

namespace fob::cli {

/// One request to the agent over its control socket (control_request.h).
class AgentConnection {
 public:
  /// To the agent of the environment (agent_socket.h).
  AgentConnection();
  /// `socket` must not block.
  explicit AgentConnection(Descriptor socket) : socket_(std::move(socket)) {}

  /// Sends the request, passes notices and questions on to the person, and returns the reply; may be called once.
  /// Destroying the connection before cancels the request, so Ctrl-C does. Throws what the agent's Failed says;
  /// malformed for what is no reply; removed where the agent goes away; AgentSilent where it does nothing, and the
  /// request may_be_given_up(); Interrupted; and what `dialog` throws.
  control::Reply ask(const control::Request& request, Dialog& dialog);

 private:
  Descriptor socket_;
};

/// Whether nothing is lost when fob does not wait for the agent any longer: the request changes nothing, and waits for
/// no person, no KDF and no token (the modules of PKCS#11 are asked one after the other). A change might come after
/// all.
bool may_be_given_up(const control::Request& request);

/// The one reply that fits the request. Throws malformed for any other.
template <class Expected>
Expected expect(control::Reply reply) {
  if (Expected* expected = std::get_if<Expected>(&reply)) return std::move(*expected);
  throw Error(Errc::malformed,
              "the agent answers something else than was asked: are fob and fob-agent of one version?");
}

/// Asks the agent of the environment, with the terminal for its questions.
control::Reply ask_agent(const control::Request& request);

template <class Expected>
Expected ask_agent_for(const control::Request& request) {
  return expect<Expected>(ask_agent(request));
}

}  // namespace fob::cli
