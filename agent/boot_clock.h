#pragma once

#include <chrono>

namespace fob {

/// Time since boot, suspend included (CLOCK_BOOTTIME): a lifetime runs on while the machine sleeps, and nobody can
/// set this clock.
struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;

  static time_point now();
  /// How long the machine has slept since it was started.
  static duration suspended();
};

}  // namespace fob
