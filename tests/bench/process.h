// The agent as a process: its memory, and how it is started and ended.
#pragma once

#include <sys/types.h>

namespace fob {

struct Memory {
  long rss_kib = 0;
  long anon_kib = 0;
};

/// From /proc/PID/status, which also shows processes that cannot be traced.
Memory memory_of(pid_t pid);

/// A child in its own process group, which is ended and reaped with this object.
class Child {
 public:
  /// `command` is an argument vector with a null pointer at its end.
  explicit Child(char* const* command);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  bool has_ended();

 private:
  pid_t pid_ = -1;
};

}  // namespace fob
