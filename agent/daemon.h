#pragma once

#include "agent/agent_options.h"

namespace fob {

/// Serves until a signal, or the end of `parent` (a pidfd; none: -1), says to stop. Returns the exit status: 2 as
/// ssh-agent's, or 0 for SIGTERM where `socket_activated`.
///
/// TERM, HUP and, in the foreground, INT stop it; USR1 removes all keys; PIPE and, in the background, INT are ignored.
int serve(const AgentOptions& options, int listener, int parent, bool foreground, bool socket_activated);

}  // namespace fob
