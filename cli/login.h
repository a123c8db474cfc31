#pragma once

#include "cli/ssh.h"
#include "cli/ssh_log.h"

namespace fob::cli {

/// The exit status of ssh for failures of its own.
inline constexpr int ssh_failed = 255;

/// A login that is tried, and the command `true` there; the ssh that goes to the host asks nobody anything. The agent
/// may wait for a touch meanwhile.
struct LoginTrial {
  SshLog log;              ///< of that ssh, and of none that its ProxyJump or ProxyCommand runs
  std::string on_the_way;  ///< what those said, and what the host sends beside
  bool timed_out = false;
  bool session_ends = false;  ///< let in, and the connection ended before the command was run

  /// Not let in, nor refused, in the time that there is; what runs after a login may take longer.
  bool hangs() const { return timed_out && !log.logged_in(); }
};

/// By whatever ssh would use for that host, of which `settings` are what it says; `more` are options for ssh that
/// prevail, `environment` as for Program.
LoginTrial try_login(const Destination& destination, const SshSettings& settings,
                     const std::vector<std::string>& more = {}, const std::vector<std::string>& environment = {});

/// How a login by one key fares.
struct KeyLogin {
  std::string fault;                    ///< why the server does not take the key; empty: it does
  bool knows_key = false;               ///< it has the key, whatever comes after
  std::vector<std::string> also_wants;  ///< the methods of which it wants one beside: "password"
};

/// By that key of the agent's alone.
KeyLogin try_key(const Destination& destination, const SshSettings& settings, const PublicKey& key);

/// What a method asks of a person, after "wants": "a password", "a second key".
std::string wish_of(const std::vector<std::string>& methods);

}  // namespace fob::cli
