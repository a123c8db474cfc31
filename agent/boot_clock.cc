#include "agent/boot_clock.h"

#include <time.h>

namespace fob {

BootClock::time_point BootClock::now() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

BootClock::duration BootClock::suspended() {
  return now().time_since_epoch() - std::chrono::steady_clock::now().time_since_epoch();
}

}  // namespace fob
