#include "cli/askpass.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "cli/descriptor.h"
#include "cli/interrupts.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob::cli {
namespace {

std::string variable(const char* name) {
  const char* value = getenv(name);
  return value != nullptr ? value : "";
}

std::string program() {
  const std::string named = variable("SSH_ASKPASS");
  return named.empty() ? default_askpass : named;
}

/// The program, its standard output in a pipe. It is ended with this object unless it has ended itself.
class Asking {
 public:
  Asking(const std::string& program, const std::string& question) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw_system_error("pipe", errno);
    output_ = Descriptor(ends[0]);
    const Descriptor input(ends[1]);
    start(program, question, input.get());
  }
  ~Asking() {
    // Not waited for: it may take its time, and fob ends.
    if (pid_ > 0) kill(pid_, SIGTERM);
  }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

  int output() const { return output_.get(); }

  bool succeeded() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

 private:
  void start(const std::string& program, const std::string& question, int output) {
    std::string name = program;
    std::string text = question;
    const std::array<char*, 3> arguments{name.data(), text.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    // fob notices signals by blocking them (interrupts.h); its child must not inherit that.
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    const int error = posix_spawnp(&pid_, name.c_str(), &actions, &attributes, arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error == 0) return;
    pid_ = -1;
    throw Error(Errc::refused, "cannot run the askpass program " + printable(program) + " (" + std::strerror(error) +
                                   "), which was to ask: " + question +
                                   ". Run fob in a terminal, or set SSH_ASKPASS to a program that is there");
  }

  Descriptor output_;
  pid_t pid_ = -1;
};

/// The first line, and room for its end. What follows is read, lest the program fails at writing it, and dropped.
class FirstLine {
 public:
  FirstLine() : buffer_(limits::typed_bytes + 2) {}

  /// False at the end of the output.
  bool read_some(int output) {
    std::uint8_t* const at = buffer_.data() + (complete() ? limits::typed_bytes + 1 : got_);
    const ssize_t got = read(output, at, complete() ? 1 : buffer_.size() - got_);
    if (got < 0 && errno != EINTR) throw_system_error("cannot read from the askpass program", errno);
    if (got > 0 && !complete()) got_ += static_cast<std::size_t>(got);
    return got != 0;
  }

  std::optional<SecretBytes> take() const {
    const std::size_t bytes = std::min(end(), got_);
    if (bytes > limits::typed_bytes) {
      throw Error(Errc::too_large, "the askpass program gives more than " + std::to_string(limits::typed_bytes) +
                                       " bytes, which is all that is allowed");
    }
    if (bytes == 0) return std::nullopt;
    return SecretBytes(buffer_.view().first(bytes));
  }

 private:
  std::size_t end() const { return as_text(buffer_.view().first(got_)).find_first_of("\r\n"); }
  bool complete() const { return got_ == buffer_.size() || end() != std::string_view::npos; }

  SecretBytes buffer_;
  std::size_t got_ = 0;
};

}  // namespace

AskpassUse askpass_use() {
  const std::string require = variable("SSH_ASKPASS_REQUIRE");
  const bool screen = !variable("DISPLAY").empty() || !variable("WAYLAND_DISPLAY").empty();
  if (strcasecmp(require.c_str(), "force") == 0) return AskpassUse::instead;
  if (strcasecmp(require.c_str(), "never") == 0 || !screen) return AskpassUse::never;
  return strcasecmp(require.c_str(), "prefer") == 0 ? AskpassUse::instead : AskpassUse::without;
}

std::optional<SecretBytes> ask_by_program(const std::string& question) {
  const Interrupts interrupts;
  Asking asking(program(), question);
  FirstLine line;
  for (bool more = true; more;) {
    interrupts.wait(asking.output(), POLLIN);
    more = line.read_some(asking.output());
  }
  if (!asking.succeeded()) return std::nullopt;
  return line.take();
}

}  // namespace fob::cli
