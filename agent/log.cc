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

/// Counts lines of the current second; what is over is dropped and counted.
class Flood {
 public:
  /// False: drop this line. `dropped` gets the number dropped in the second that just ended.
  bool admit(int& dropped) {
    const Clock::time_point now = Clock::now();
    dropped = 0;
    if (now - second_ >= std::chrono::seconds(1)) {
      second_ = now;
      dropped = std::max(0, lines_ - lines_per_second);
      lines_ = 0;
    }
    return ++lines_ <= lines_per_second;
  }

 private:
  Clock::time_point second_;
  int lines_ = 0;
};

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

bool logs(LogLevel level) { return level <= settings.most; }

void log(LogLevel level, const std::string& text) {
  if (!logs(level)) return;
  static Flood flood;
  int dropped = 0;
  const bool admitted = flood.admit(dropped);
  if (dropped > 0) write_line(LogLevel::info, std::to_string(dropped) + " further lines were left out");
  if (admitted) write_line(level, text);
}

}  // namespace fob
