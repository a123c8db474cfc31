#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "agent/agent_options.h"

namespace fob {

/// What the command line asks for (ssh-agent(1) of OpenSSH 10.5, fob-agent(1)).
struct CommandLine {
  enum class Action { serve, kill, clean_up, print_version };

  Action action = Action::serve;
  AgentOptions agent;
  bool csh_output = false;            ///< -c, or SHELL ends in csh
  bool foreground = false;            ///< -D or -d
  bool debug = false;                 ///< -d
  std::string socket_path;            ///< -a; empty: make one
  std::string config_path;            ///< -O config=FILE; empty: the default one
  bool socket_in_tmp = false;         ///< -T
  bool keep_stale_sockets = false;    ///< -U
  bool clean_up_other_hosts = false;  ///< -u -u
  std::vector<std::string> command;   ///< to run with the agent; empty: none
};

/// The command line is wrong: what to print to standard error before exiting with 1.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Reads `argv` and the environment variable SHELL. Throws UsageError.
CommandLine parse_command_line(int argc, char** argv);

/// "90", "10m", "1h30m", "1w" (sshd_config(5), TIME FORMATS) in seconds; throws UsageError.
std::uint32_t parse_seconds(std::string_view text);

}  // namespace fob
