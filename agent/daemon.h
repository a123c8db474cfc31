#pragma once

#include "agent/agent_options.h"
#include "agent/config.h"

namespace fob {

/// What the daemon serves, and how.
struct Service {
  AgentOptions agent;
  Config config;
  int agent_listener = -1;
  int control_listener = -1;  ///< -1: none
  int parent = -1;            ///< a pidfd, whose end stops the daemon; -1: none
  bool foreground = false;
  bool socket_activated = false;
};

/// Serves until a signal, or the end of `parent`, says to stop. Returns the exit status: 2 as
/// ssh-agent's, or 0 for SIGTERM where `socket_activated`.
///
/// TERM, HUP and, in the foreground, INT stop it; USR1 removes all keys; PIPE and, in the background, INT are ignored.
int serve(const Service& service);

}  // namespace fob
