// One run of a program in which something goes wrong at one system call.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/faults/call.h"

namespace fob::faults {

/// A program closes these descriptors, which nobody has, to say which part of its run is meant.
inline constexpr int begin_mark = 0x7f0b0001;
inline constexpr int end_mark = 0x7f0b0002;

/// What goes wrong, and where.
struct Fault {
  enum class Kind {
    none,
    kill_before,  ///< SIGKILL instead of the call
    kill_after,   ///< SIGKILL when it is done
    kill_torn,    ///< SIGKILL when a write has written half
    fail,         ///< it fails once
    fail_on,      ///< it fails, and so does each later call that can fail so: the disk stays full
    fail_torn,    ///< the same, but it writes half first
  };

  Kind kind = Kind::none;
  std::size_t at = 0;  ///< which call, from 0
  int error = 0;       ///< of the kinds that fail

  bool kills() const { return kind == Kind::kill_before || kind == Kind::kill_after || kind == Kind::kill_torn; }
};

/// "killed before", "ENOSPC from then on".
std::string description(const Fault& fault);

struct Run {
  std::vector<Call> calls;  ///< all that were counted, by all threads and children, in their order
  bool injected = false;    ///< whether it came so far
  int status = 0;           ///< as waitpid(2) has it
  std::string output;       ///< what it wrote to its standard output and standard error

  bool succeeded() const;
  /// That it ended by itself, and not well.
  bool failed() const;
};

/// What a child process does; its exit status. A command replaces the child instead, and never returns.
using Program = std::function<int()>;
/// Its first word is looked for in PATH.
Program command(std::vector<std::string> words);

/// Runs `program` in a child of this process. `marked`: only calls between the marks count, else all of a command's,
/// from its first instruction on. A run that takes more than a minute is ended by SIGALRM. Throws unsupported where
/// ptrace(2) may not be used; system.
Run run_traced(const Program& program, bool marked, const Fault& fault);

/// The same, left alone.
Run run_plainly(const Program& program);

}  // namespace fob::faults
