#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "agent/async.h"
#include "agent/desktop_message.h"

namespace fob {

using DesktopEvent = desktop::Event;

/// The agent's side of fob-desktop, the process that speaks D-Bus for it: notifications to the person at the screen,
/// and word of sleep, screen lock and idleness.
///
/// The process is started by run(), where there is a bus to speak on, and started anew when it dies, at most
/// `starts_per_minute` times in a minute; then what still is to be shown is shown again. Without it, notify() and
/// withdraw() do nothing. Threads: the main one only. Lifetime: run() must not be resumed after it.
class DesktopClient {
 public:
  static constexpr std::size_t starts_per_minute = 4;

  /// `program`: the path of fob-desktop.
  DesktopClient(asio::io_context& io, std::string program) : io_(io), program_(std::move(program)) {}
  ~DesktopClient();
  DesktopClient(const DesktopClient&) = delete;
  DesktopClient& operator=(const DesktopClient&) = delete;

  /// Shows a notification until it is withdrawn; one with the same id is replaced.
  void notify(std::uint32_t id, std::string summary, std::string body);
  void withdraw(std::uint32_t id);

  /// Called for each event. When it returns from `sleep`, the machine goes to sleep.
  std::function<void(DesktopEvent)> on_event;

  /// Serves until it is cancelled, or there is no use in going on: no bus, or no program. The log says which. Throws
  /// only when it is cancelled: then the process ends, and takes down what it shows. Call it once.
  Awaitable<void> run();

 private:
  using Clock = std::chrono::steady_clock;
  class Connection;

  Awaitable<void> serve_once();
  Awaitable<void> wait_for_turn();

  asio::io_context& io_;
  std::string program_;
  std::map<std::uint32_t, desktop::Order> shown_;
  Connection* connection_ = nullptr;  ///< to the process that runs now
  std::deque<Clock::time_point> starts_;
};

}  // namespace fob
