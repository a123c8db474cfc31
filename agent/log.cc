#include "agent/log.h"

#include <poll.h>
#include <syslog.h>
#include <unistd.h>

#include <chrono>

namespace fob {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int lines_per_second = 200;

LogSettings settings;

/// Counts the lines of the current second, written and left out.
struct Flood {
  Clock::time_point second;
  int lines = 0;
  int left_out = 0;
};
Flood flood;

void write_line(LogLevel level, const std::string& text) {
  if (settings.to_syslog) {
    constexpr int priorities[] = {LOG_ERR, LOG_INFO, LOG_DEBUG};
    syslog(priorities[static_cast<int>(level)], "%s", text.c_str());
    return;
  }
  // Standard error may be a pipe that nobody reads: then the line is lost, not the agent.
  pollfd writable{STDERR_FILENO, POLLOUT, 0};
  if (poll(&writable, 1, 0) != 1 || (writable.revents & POLLOUT) == 0) return;
  const std::string line = "fob-agent: " + text + "\n";
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

}  // namespace

void set_log(const LogSettings& wanted) {
  settings = wanted;
  if (settings.to_syslog) openlog("fob-agent", LOG_PID, LOG_AUTH);
}

bool logs(LogLevel level) {
  if (level > settings.most) return false;
  const Clock::time_point now = Clock::now();
  if (now - flood.second >= std::chrono::seconds(1)) {
    const int left_out = flood.left_out;
    flood = {now, 0, 0};
    if (left_out > 0) write_line(LogLevel::info, std::to_string(left_out) + " further lines were left out");
  }
  if (flood.lines < lines_per_second) return true;
  ++flood.left_out;
  return false;
}

void log(LogLevel level, const std::string& text) {
  if (!logs(level)) return;
  ++flood.lines;
  write_line(level, text);
}

}  // namespace fob
