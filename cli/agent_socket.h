#pragma once

#include <chrono>
#include <string>

#include "cli/descriptor.h"
#include "protocol/error.h"

namespace fob::cli {

/// Where the control socket is: FOB_CONTROL_SOCK, or else SSH_AUTH_SOCK and ".control". Throws Error{Errc::not_found}
/// where neither variable is set.
std::string control_socket_path();

/// Where the same agent answers ssh: SSH_AUTH_SOCK, or what FOB_CONTROL_SOCK names without its ".control". Throws as
/// above.
std::string agent_socket_path();

/// A connection to the socket at `path`, not blocking; none, and errno says why. Throws system for a path that is too
/// long.
Descriptor try_connect(const std::string& path);

/// Which agent listens at the other end: "ssh-agent (pid 123)", or what `path` tells; empty where nobody knows.
std::string agent_program(const std::string& path, const Descriptor& connection);

/// An agent that takes connections and does not answer: it is stopped, or hangs. Errc::timed_out, with both sentences.
struct AgentSilent : Error {
  AgentSilent(const std::string& its_fault, const std::string& its_remedy);

  std::string fault;
  std::string remedy;  ///< with the command to type
};
/// The agent at the other end of `connection`, which has done nothing for `patience`.
AgentSilent silent_agent(int connection, std::chrono::milliseconds patience);

/// A connection to the control socket, not blocking. The other end is a process of this user or of root, for it will be
/// told PINs. Throws Error that says which agent is in the way, or that there is none, and what to do.
Descriptor connect_to_agent();

}  // namespace fob::cli
