#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "agent/async.h"

namespace fob {

/// A child process with its standard output on a pipe, standard input on /dev/null, no other descriptor, default
/// signals and a process group of its own. Killed, with its group, when this object dies; reaped in any case.
class ChildProcess {
 public:
  /// Runs `argv` (found in PATH) with `additions` ("NAME=value") in its environment. Throws system.
  ChildProcess(asio::io_context& io, const std::vector<std::string>& argv, const std::vector<std::string>& additions);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// What it writes, until it closes its output or has written `max_bytes`: then the pipe is closed.
  Awaitable<std::string> output(std::size_t max_bytes);
  /// Waits for its end. Returns its exit status, or -1 if a signal ended it.
  Awaitable<int> wait();

 private:
  asio::io_context& io_;
  asio::posix::stream_descriptor pidfd_;
  asio::posix::stream_descriptor output_;
  pid_t pid_ = 0;
  bool reaped_ = false;
};

}  // namespace fob
