// fob-desktop: speaks D-Bus for fob-agent, which so needs no D-Bus library in the process that holds keys. Descriptor 0
// is a socket to the agent (desktop_message.h).
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <optional>

#include "agent/desktop/channel.h"
#include "agent/desktop/login.h"
#include "agent/desktop/notifications.h"
#include "protocol/error.h"

namespace fob::desktop {
namespace {

/// How long notifications that are still on their way may take at the end.
constexpr std::chrono::milliseconds farewell{1000};
/// Ends the process by SIGALRM if a bus hangs at the end.
constexpr unsigned farewell_limit_seconds = 3;

void harden() {
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_DUMPABLE, 0);
  constexpr rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  // The agent's end is the end of the channel; then there are notifications to take down.
  signal(SIGTERM, SIG_IGN);
}

/// Both buses, as far as there are any, and what is done on them.
class Desktop {
 public:
  explicit Desktop(Channel& channel) : channel_(channel), system_(Bus::open_system()) {
    connect_session();
    if (system_) login_.emplace(*system_, [this](Event event) { channel_.send(event); });
  }

  bool has_bus() const { return session_ || system_; }
  void serve();

 private:
  void connect_session() {
    session_ = Bus::open_session();
    if (session_) notifications_.emplace(*session_);
  }
  void obey(Order order);
  /// Waits for something to happen, or so long, and has it done.
  void wait(int timeout_ms);
  void process();
  void take_leave();

  Channel& channel_;
  std::unique_ptr<Bus> session_;
  std::unique_ptr<Bus> system_;
  std::optional<Notifications> notifications_;
  std::optional<Login> login_;
};

void Desktop::obey(Order order) {
  if (std::holds_alternative<Acknowledge>(order)) {
    if (login_) login_->let_sleep();
  } else if (Notify* notify = std::get_if<Notify>(&order)) {
    // The session may have begun after the agent.
    if (!session_) connect_session();
    if (notifications_) notifications_->show(std::move(*notify));
  } else if (notifications_) {
    notifications_->withdraw(std::get<Withdraw>(order).id);
  }
}

void Desktop::wait(int timeout_ms) {
  pollfd descriptors[] = {{channel_.descriptor(), POLLIN, 0}, {-1, 0, 0}, {-1, 0, 0}};
  if (channel_.is_closed()) descriptors[0].fd = -1;
  if (session_) session_->prepare(descriptors[1], timeout_ms);
  if (system_) system_->prepare(descriptors[2], timeout_ms);
  if (poll(descriptors, std::size(descriptors), timeout_ms) < 0 && errno != EINTR) throw_system_error("poll", errno);
}

void Desktop::process() {
  if (session_ && !session_->process()) {
    notifications_.reset();
    session_.reset();
  }
  if (system_ && !system_->process()) {
    login_.reset();
    system_.reset();
  }
}

void Desktop::serve() {
  while (!channel_.is_closed()) {
    process();
    if (!has_bus()) break;
    wait(-1);
    for (Order& order : channel_.receive()) obey(std::move(order));
  }
  take_leave();
}

void Desktop::take_leave() {
  if (!notifications_) return;
  alarm(farewell_limit_seconds);
  notifications_->withdraw_all();
  const auto until = std::chrono::steady_clock::now() + farewell;
  while (notifications_ && notifications_->is_busy() && std::chrono::steady_clock::now() < until) {
    process();
    if (notifications_) wait(static_cast<int>(farewell.count()) / 10);
  }
  if (session_) session_->flush();
}

int run() {
  harden();
  Channel channel(STDIN_FILENO);
  Desktop desktop(channel);
  desktop.serve();
  return channel.is_closed() ? 0 : exit_no_bus;
}

}  // namespace
}  // namespace fob::desktop

int main() {
  try {
    return fob::desktop::run();
  } catch (const std::exception& error) {
    std::cerr << "fob-desktop: " << error.what() << '\n';
    return 1;
  }
}
