#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tests/daemon/temp_dir.h"

namespace fob {

/// The program under test: FOB_AGENT from the environment, else the one that was built.
std::string agent_path();

/// How a daemon is started.
struct DaemonOptions {
  std::vector<std::string> arguments = {};  ///< after `-D -a SOCKET`
  std::vector<std::string> environment =
      {};                             ///< NAME=value; apart from these, only PATH, HOME and the sanitizers' options
  std::size_t descriptors = 0;        ///< RLIMIT_NOFILE; 0: as it is here
  bool without_memfd_secret = false;  ///< a seccomp filter makes memfd_secret(2) fail with ENOSYS
  std::optional<uid_t> user = {};     ///< only as root
  bool wait_for_answer = true;        ///< else only until its socket takes connections
};

/// A running fob-agent with a socket in a directory of its own.
///
/// The destructor stops it with SIGTERM and fails the test unless it was alive until then and exits with status 2: so
/// every test also says that the daemon survived it.
class Daemon {
 public:
  explicit Daemon(DaemonOptions options = {});
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  pid_t pid() const { return pid_; }
  const std::string& socket() const { return socket_; }
  const TempDir& directory() const { return directory_; }

  bool alive() { return !has_ended(); }
  /// Sends the signal and waits: the exit status, or -1 where it did not exit by itself within 10 s.
  int stop(int signal);

  /// What it has written to stderr so far.
  std::string log() const { return read_file(log_path_); }
  /// Whether the log says `text` after its first `offset` bytes, within two seconds.
  bool logs(std::string_view text, std::size_t offset = 0) const;

 private:
  void start(const DaemonOptions& options);
  /// A copy of the program that this user can reach, wherever it was built.
  std::string copy_for(uid_t user) const;
  void wait_until_it_serves(bool with_answer);
  bool has_ended();
  bool ends_in_time();

  TempDir directory_;
  std::string socket_;
  std::string log_path_;
  pid_t pid_ = -1;
  std::optional<int> wait_status_;
};

/// What the process holds in memory.
struct MemoryUse {
  long resident_kib = 0;   ///< VmRSS
  long anonymous_kib = 0;  ///< RssAnon
};
MemoryUse memory_use(pid_t pid);

/// A line of /proc/PID/status, after its name.
std::string status_field(pid_t pid, std::string_view name);

/// Whether the daemon runs under a sanitizer, where memory use and memory contents say nothing.
bool is_sanitized(const Daemon& daemon);

/// Repeats `condition` until it holds or the time is over; returns whether it held.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds timeout = std::chrono::seconds(5),
                std::chrono::milliseconds interval = std::chrono::milliseconds(5));

void pause_for(std::chrono::milliseconds time);

template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds timeout, std::chrono::milliseconds interval) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    pause_for(interval);
  }
  return true;
}

}  // namespace fob
