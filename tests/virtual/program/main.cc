#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <iostream>

#include "protocol/error.h"
#include "tests/virtual/control.h"
#include "tests/virtual/program/control.h"

namespace fob::virt {
namespace {

/// SIGTERM and SIGINT as a readable descriptor. To be made before any thread.
int block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  if (pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) throw_system_error("blocking signals", errno);
  const int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) throw_system_error("signalfd", errno);
  return fd;
}

bool readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return poll(&entry, 1, 0) > 0;
}

void wait_for_any(std::vector<pollfd>& entries) {
  if (poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR) throw_system_error("poll", errno);
}

/// Without a control socket, until the host goes or the token is unplugged; with one, until told. The exit status.
int run(const Options& options) {
  const int signals = block_signals();
  const Wakeup ended;
  Device device(options, ended, [&] { return readable(signals); });
  std::optional<ControlServer> control;
  if (!options.control.empty()) {
    control.emplace(options.control,
                    [&](const std::string& line, bool& quit) { return answer_line(line, device, quit); });
  }
  if (!options.unplugged) device.plug();
  while (true) {
    std::vector<pollfd> entries{{signals, POLLIN, 0}, {ended.fd(), POLLIN, 0}};
    if (control) {
      for (const int fd : control->fds()) entries.push_back({fd, POLLIN, 0});
    }
    wait_for_any(entries);
    if (entries[0].revents != 0) return 0;
    if (entries[1].revents != 0) {
      ended.drain();
      if (!control) return device.failed() ? 1 : 0;
    }
    for (std::size_t i = 2; i < entries.size(); ++i) {
      if (entries[i].revents != 0 && control->serve(entries[i].fd)) return 0;
    }
  }
}

}  // namespace
}  // namespace fob::virt

int main(int argc, char** argv) {
  const std::optional<fob::virt::Options> options = fob::virt::parse_options(argc, argv);
  if (!options) return 2;
  try {
    return fob::virt::run(*options);
  } catch (const fob::Error& error) {
    std::cerr << "fob-virtual-token: " << error.what() << "\n";
    return 1;
  }
}
