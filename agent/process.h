#pragma once

#include <string>
#include <vector>

#include "agent/command_line.h"
#include "agent/socket_path.h"

namespace fob {

/// What the agent does to its own process, before it holds a key.

/// Opens /dev/null on descriptors 0 to 2 that are closed, so that no socket gets such a number.
void open_standard_descriptors();
/// Keeps the signals that end the agent, and SIGUSR1, waiting until release_signals(): from the moment that there is a
/// socket to clean up until somebody handles them.
void hold_signals();
/// Back to the mask that the process was started with.
void release_signals();
/// Throws where RLIMIT_NOFILE, raised to its hard limit, is below limits::min_descriptors.
void check_descriptor_limit();
/// Not dumpable (so not traceable), no core, original group, no descriptors but 0 to 2 and `keep` (-1: none), as many
/// descriptors and as much locked memory as the hard limits allow.
void harden_process(std::vector<int> keep);
/// A session of its own, working directory /, standard descriptors on /dev/null.
void detach_process();

/// The listening sockets that systemd or another supervisor handed over (sd_listen_fds(3)); -1: none.
struct ActivationSockets {
  int agent = -1;
  int control = -1;
};
/// LISTEN_PID is our own, LISTEN_FDS=1: the agent's socket is descriptor 3. LISTEN_FDS=2: LISTEN_FDNAMES calls one of
/// the two "control". Throws where the variables are there but wrong.
ActivationSockets activation_sockets();
/// Tells the supervisor, if NOTIFY_SOCKET names one (sd_notify(3)).
void notify_supervisor(const std::string& state);

/// The lines to be evaluated by sh or csh. `pid` 0: no SSH_AGENT_PID.
std::string shell_lines(const CommandLine& options, const std::string& socket_path, int pid);
/// ssh-agent -k: ends the agent of SSH_AGENT_PID. Returns the exit status.
int kill_agent(const CommandLine& options);
/// Replaces this process by options.command with both variables set; returns only by throwing.
[[noreturn]] void run_command(const CommandLine& options, const std::string& socket_path, int agent_pid);

}  // namespace fob
