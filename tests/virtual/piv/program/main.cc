#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <iostream>
#include <stdexcept>

#include "protocol/error.h"
#include "tests/virtual/control.h"
#include "tests/virtual/piv/program/slot.h"

namespace fob::virt::piv {
namespace {

constexpr const char* usage =
    "usage: fob-virtual-piv --port PORT [OPTION…]\n"
    "       fob-virtual-piv tell SOCKET COMMAND [ARGUMENT]\n"
    "  --port PORT          where vpcd listens on the loopback device\n"
    "  --control SOCKET     take commands there, one a line: touch, touch-mode auto|manual|MS, eject, insert, status,\n"
    "                       reset-state, quit\n"
    "  --state FILE         load the card from FILE, and keep it there\n"
    "  --touch auto|manual|MILLISECONDS    when the card is touched (auto)\n"
    "  --touch-timeout MS   until it gives up (15000)\n"
    "  --ejected            do not insert it yet\n"
    "  --serial N, --version MAJOR.MINOR.PATCH\n";

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

unsigned number(const std::string& text, unsigned most) {
  const std::optional<unsigned> out = parse_number(text, most);
  if (!out) throw UsageError("not a number up to " + std::to_string(most) + ": " + text);
  return *out;
}

std::array<std::uint8_t, 3> version(const std::string& text) {
  const std::size_t first = text.find('.');
  const std::size_t second = first == std::string::npos ? first : text.find('.', first + 1);
  if (second == std::string::npos) throw UsageError("not a version: " + text);
  const auto part = [&](std::size_t from, std::size_t to) {
    return static_cast<std::uint8_t>(number(text.substr(from, to - from), 255));
  };
  return {part(0, first), part(first + 1, second), part(second + 1, text.size())};
}

void take(Options& out, int choice, const std::string& value) {
  switch (choice) {
    case 'p': out.port = static_cast<std::uint16_t>(number(value, 65535)); break;
    case 'c': out.control = value; break;
    case 's': out.state = value; break;
    case 't':
      if (!parse_touch(value, out.touch)) throw UsageError("not auto, manual or milliseconds: " + value);
      break;
    case 'T': out.touch.patience = Milliseconds(number(value, 86'400'000)); break;
    case 'e': out.ejected = true; break;
    case 'n': out.personality.serial = number(value, UINT32_MAX); break;
    case 'v': out.personality.version = version(value); break;
    default: throw UsageError("");
  }
}

Options parse_options(int argc, char** argv) {
  constexpr std::array known{option{"port", required_argument, nullptr, 'p'},
                             option{"control", required_argument, nullptr, 'c'},
                             option{"state", required_argument, nullptr, 's'},
                             option{"touch", required_argument, nullptr, 't'},
                             option{"touch-timeout", required_argument, nullptr, 'T'},
                             option{"ejected", no_argument, nullptr, 'e'},
                             option{"serial", required_argument, nullptr, 'n'},
                             option{"version", required_argument, nullptr, 'v'},
                             option{nullptr, 0, nullptr, 0}};
  Options out;
  int choice = 0;
  while ((choice = getopt_long(argc, argv, "", known.data(), nullptr)) != -1) {
    take(out, choice, optarg != nullptr ? optarg : "");
  }
  if (optind != argc || out.port == 0) throw UsageError("");
  if (out.ejected && out.control.empty()) throw UsageError("--ejected needs --control");
  return out;
}

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

/// Says a command to another that runs.
int tell_other(int argc, char** argv) {
  std::string line;
  for (int i = 3; i < argc; ++i) line += std::string(i > 3 ? " " : "") + argv[i];
  const std::string reply = tell(argv[2], line);
  std::cout << reply << "\n";
  return reply.starts_with("error") ? 1 : 0;
}

/// Until a signal comes, or somebody says quit.
int run(const Options& options) {
  const int signals = block_signals();
  Slot slot(options);
  std::optional<ControlServer> control;
  if (!options.control.empty()) {
    control.emplace(options.control,
                    [&](const std::string& line, bool& quit) { return answer_line(line, slot, quit); });
  }
  if (!options.ejected) slot.insert();
  while (true) {
    std::vector<pollfd> entries{{signals, POLLIN, 0}};
    if (control) {
      for (const int fd : control->fds()) entries.push_back({fd, POLLIN, 0});
    }
    if (poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR) throw_system_error("poll", errno);
    if (entries[0].revents != 0) return 0;
    for (std::size_t i = 1; i < entries.size(); ++i) {
      if (entries[i].revents != 0 && control->serve(entries[i].fd)) return 0;
    }
  }
}

}  // namespace
}  // namespace fob::virt::piv

int main(int argc, char** argv) {
  try {
    if (argc >= 4 && argv[1] == std::string("tell")) return fob::virt::piv::tell_other(argc, argv);
    return fob::virt::piv::run(fob::virt::piv::parse_options(argc, argv));
  } catch (const fob::virt::piv::UsageError& error) {
    if (*error.what() != '\0') std::cerr << "fob-virtual-piv: " << error.what() << "\n";
    std::cerr << fob::virt::piv::usage;
    return 2;
  } catch (const fob::Error& error) {
    std::cerr << "fob-virtual-piv: " << error.what() << "\n";
    return 1;
  }
}
