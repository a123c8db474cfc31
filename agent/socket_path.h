#pragma once

#include <string>

namespace fob {

/// The agent's listening socket and what it leaves in the file system.
struct ListeningSocket {
  int descriptor = -1;
  std::string path;       ///< as it was asked for; empty: handed to us
  std::string own_path;   ///< the same, absolute: ours to remove; empty: none
  std::string directory;  ///< made for this socket alone; empty: none

  /// Removes path and directory, as far as they are ours.
  void remove_files() const;
};

/// At `path`, which must not exist (ssh-agent -a). Throws Error{Errc::system}.
ListeningSocket listen_at(const std::string& path);
/// The same, but a socket there that nobody answers on is replaced.
ListeningSocket listen_replacing_stale(const std::string& path);
/// At $TMPDIR/ssh-RANDOM/agent.`pid`, in a new directory of mode 0700 (ssh-agent -T).
ListeningSocket listen_in_tmp(int pid);
/// At HOME/.ssh/agent/s.HOSTHASH.agent.RANDOM (ssh-agent without -a and -T). Throws.
ListeningSocket listen_in_home(const std::string& home);

/// Removes sockets below HOME/.ssh/agent that are older than an hour and answer nobody: this host's, or all hosts'
/// where they share a home.
void remove_stale_sockets(const std::string& home, bool of_all_hosts);

/// $HOME, else the passwd entry's; throws where there is neither.
std::string home_directory();

}  // namespace fob
