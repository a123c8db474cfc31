#include "cli/interrupts.h"

#include <poll.h>
#include <sys/signalfd.h>

#include <array>
#include <cerrno>

#include "protocol/error.h"

namespace fob::cli {
namespace {

/// A blocked signal waits even if it is to be ignored, so those must not be blocked.
void add_unless_ignored(sigset_t& set, int signal) {
  struct sigaction action {};
  sigaction(signal, nullptr, &action);
  if (action.sa_handler != SIG_IGN) sigaddset(&set, signal);
}

}  // namespace

Interrupts::Interrupts(Stop stop) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) add_unless_ignored(set, signal);
  if (stop == Stop::noticed) add_unless_ignored(set, SIGTSTP);
  signals_ = Descriptor(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (signals_.get() < 0) throw_system_error("signalfd", errno);
  sigprocmask(SIG_BLOCK, &set, &before_);
}

Interrupts::~Interrupts() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

Interrupts::Event Interrupts::wait(int descriptor, short events, std::chrono::milliseconds longest) const {
  std::array<pollfd, 2> watched{{{signals_.get(), POLLIN, 0}, {descriptor, events, 0}}};
  for (;;) {
    const int ready = poll(watched.data(), watched.size(), static_cast<int>(longest.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) throw_system_error("poll", errno);
    if (ready == 0) return Event::timeout;
    if (watched[0].revents != 0) return take_signal();
    return Event::ready;
  }
}

Interrupts::Event Interrupts::take_signal() const {
  signalfd_siginfo info{};
  if (read(signals_.get(), &info, sizeof(info)) != sizeof(info)) return Event::timeout;
  if (info.ssi_signo == SIGTSTP) return Event::stopped;
  throw Interrupted{static_cast<int>(info.ssi_signo)};
}

void Interrupts::stop() { kill(getpid(), SIGSTOP); }

}  // namespace fob::cli
