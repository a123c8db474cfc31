#pragma once

#include <signal.h>

#include <chrono>

#include "cli/descriptor.h"

namespace fob::cli {

/// The person pressed Ctrl-C, or the like: everything is put away on the way up to main, which exits with
/// 128 + signal. Not an Error, so that nobody takes it for one.
struct Interrupted {
  int signal;
};

/// While it lives, signals that would end fob are noticed by wait() instead of ending it at once: what must be put
/// back (the terminal's echo, a request at the agent) is put back by destructors. Signals that the caller of fob chose
/// to ignore stay ignored. May be nested; destroy in reverse order.
class Interrupts {
 public:
  enum class Event { ready, stopped, timeout };
  enum class Stop { as_ever, noticed };  ///< Ctrl-Z

  explicit Interrupts(Stop stop = Stop::as_ever);
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// Waits until `descriptor` is ready for `events` (as poll has them), for at most `longest`; negative: forever.
  /// `stopped`: Ctrl-Z was pressed; call stop(). Throws Interrupted.
  Event wait(int descriptor, short events, std::chrono::milliseconds longest = std::chrono::milliseconds(-1)) const;

  /// Stops the process until it is continued.
  static void stop();

 private:
  Event take_signal() const;

  sigset_t before_{};
  Descriptor signals_;
};

}  // namespace fob::cli
