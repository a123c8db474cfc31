#include "agent/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

namespace fob {
namespace {

/// Standard error as a pipe, and the log as it was before at the end.
class LogTest : public testing::Test {
 protected:
  LogTest() : before_(dup(STDERR_FILENO)) {
    EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC | O_NONBLOCK), 0);
    dup2(ends_[1], STDERR_FILENO);
    close(ends_[1]);
    next_second();
  }
  ~LogTest() override {
    set_log({});
    dup2(before_, STDERR_FILENO);
    close(before_);
    close(ends_[0]);
  }

  /// Lines are counted by the second.
  static void next_second() { std::this_thread::sleep_for(std::chrono::milliseconds(1010)); }
  std::string written() {
    std::string out;
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0; (got = read(ends_[0], buffer.data(), buffer.size())) > 0;) {
      out.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return out;
  }
  std::size_t lines_written() {
    const std::string text = written();
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }

  int before_;
  std::array<int, 2> ends_{};
};

TEST_F(LogTest, WritesLinesOfTheWantedLevels) {
  log_debug("debug");
  log_info("info");
  log_error("error");
  EXPECT_EQ(written(), "fob-agent: info\nfob-agent: error\n");
  EXPECT_FALSE(logs(LogLevel::debug));
  EXPECT_TRUE(logs(LogLevel::info));
  set_log({false, LogLevel::debug});
  EXPECT_TRUE(logs(LogLevel::debug));
  log_debug("debug");
  EXPECT_EQ(written(), "fob-agent: debug\n");
  set_log({false, LogLevel::error});
  log_info("info");
  EXPECT_EQ(written(), "");
}

TEST_F(LogTest, LeavesOutAFloodAndSaysHowMuch) {
  for (int i = 0; i < 1000; ++i) log_info("line");
  EXPECT_EQ(lines_written(), 200U);
  EXPECT_FALSE(logs(LogLevel::error)) << "it need not be composed";
  next_second();
  log_info("after");
  EXPECT_EQ(written(), "fob-agent: 801 further lines were left out\nfob-agent: after\n");
  next_second();
  log_info("quiet again");
  EXPECT_EQ(written(), "fob-agent: quiet again\n");
}

TEST_F(LogTest, CountsNoLinesThatNobodyWants) {
  for (int i = 0; i < 1000; ++i) log_debug("line");
  log_info("heard");
  EXPECT_EQ(written(), "fob-agent: heard\n");
}

TEST_F(LogTest, DoesNotWaitForAReader) {
  fcntl(STDERR_FILENO, F_SETFL, 0);  // blocking, as a terminal or a supervisor's pipe is
  const std::string line(1000, 'l');
  for (int i = 0; i < 150; ++i) log_info(line);
  EXPECT_GE(lines_written(), 60U);
  log_info("read again");
  EXPECT_EQ(written(), "fob-agent: read again\n");
}

}  // namespace
}  // namespace fob
