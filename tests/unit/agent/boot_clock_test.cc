#include "agent/boot_clock.h"

#include <gtest/gtest.h>
#include <time.h>

#include <fstream>

namespace fob {
namespace {

TEST(BootClock, CountsFromBoot) {
  double uptime = 0;
  std::ifstream("/proc/uptime") >> uptime;
  const double now = std::chrono::duration<double>(BootClock::now().time_since_epoch()).count();
  EXPECT_NEAR(now, uptime, 1.0);
}

TEST(BootClock, NeverGoesBack) {
  BootClock::time_point last = BootClock::now();
  for (int i = 0; i < 1000; ++i) {
    const BootClock::time_point next = BootClock::now();
    ASSERT_GE(next, last);
    last = next;
  }
}

TEST(BootClock, IsTheTimersClock) {
  timespec before{};
  timespec after{};
  clock_gettime(CLOCK_BOOTTIME, &before);
  const auto now = BootClock::now().time_since_epoch();
  clock_gettime(CLOCK_BOOTTIME, &after);
  const auto as_duration = [](const timespec& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  };
  EXPECT_LE(as_duration(before), now);
  EXPECT_LE(now, as_duration(after));
}

}  // namespace
}  // namespace fob
