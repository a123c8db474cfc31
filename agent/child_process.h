#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "agent/async.h"
#include "protocol/secret_bytes.h"

namespace fob {

/// A child process with default signals, a process group of its own, and no descriptor but those it is given. Killed,
/// with its group, when this object dies; reaped in any case.
class ChildProcess {
 public:
  /// Runs `argv` (found in PATH) with `additions` ("NAME=value") in its environment. `descriptors[i]`, which stays the
  /// caller's, becomes descriptor i in the child; -1: /dev/null. Standard error is inherited unless it is given. Throws
  /// system.
  ChildProcess(asio::io_context& io, const std::vector<std::string>& argv, const std::vector<std::string>& additions,
               const std::vector<int>& descriptors);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Waits for its end. Returns its exit status, or -1 if a signal ended it.
  Awaitable<int> wait();
  /// Ends it at once, with its group.
  void kill_now();

 private:
  asio::io_context& io_;
  asio::posix::stream_descriptor pidfd_;
  pid_t pid_ = 0;
  bool reaped_ = false;
};

/// A child process with its standard output on a pipe and standard input on /dev/null: an askpass program.
class AskingProcess {
 public:
  AskingProcess(asio::io_context& io, const std::vector<std::string>& argv, const std::vector<std::string>& additions);

  /// What it writes, until it closes its output or has written limits::askpass_answer_bytes: then the pipe is closed.
  Awaitable<SecretBytes> output();
  Awaitable<int> wait() { return child_.wait(); }

 private:
  asio::posix::stream_descriptor output_;
  ChildProcess child_;
};

}  // namespace fob
