#include "cli/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "cli/descriptor.h"
#include "cli/interrupts.h"
#include "cli/text.h"
#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds forever{-1};
/// Between the signal that asks a program to end and the one that ends it.
constexpr int grace_ms = 1000;
constexpr std::size_t read_chunk_bytes = 16 * 1024;
/// At once: a program that writes without end must not keep fob from its deadline.
constexpr int chunks_at_once = 16;

struct Ends {
  Descriptor ours;
  Descriptor theirs;
};

/// A socket, for writing to one whose reader has gone raises no signal where it is told so.
Ends input_ends() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) throw_system_error("socketpair", errno);
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

Ends output_ends() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw_system_error("pipe", errno);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

std::string name_of(const std::string& variable) { return variable.substr(0, variable.find('=') + 1); }

/// fob's own, with the additions in the place of variables of the same name.
std::vector<std::string> environment_with(const std::vector<std::string>& additions) {
  std::vector<std::string> out = additions;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string name = name_of(*variable);
    const bool replaced = std::any_of(additions.begin(), additions.end(),
                                      [&](const std::string& addition) { return name_of(addition) == name; });
    if (!replaced) out.emplace_back(*variable);
  }
  return out;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// A child process and the ends of its pipes. It is ended with this object unless it has ended itself.
class Child {
 public:
  explicit Child(const Program& program);
  ~Child() {
    if (pid_ > 0) end();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// What one waits on: it is ready when the program reads, writes or ends.
  int watched() const { return watched_.get(); }
  /// Passes on what can be without waiting. False once the program has ended.
  bool step(ProgramOutcome& outcome);
  void end();

 private:
  void start(const Program& program, int input, int output, int errors);
  void watch(const Descriptor& descriptor, std::uint32_t events) const;
  void write_input();
  static void read_some(Descriptor& from, std::string& into);
  void reap(ProgramOutcome& outcome);

  pid_t pid_ = -1;
  Descriptor process_;
  Descriptor watched_;
  Descriptor input_;
  Descriptor output_;
  Descriptor errors_;
  std::string unsent_;
};

Child::Child(const Program& program) : watched_(epoll_create1(EPOLL_CLOEXEC)), unsent_(program.input) {
  if (watched_.get() < 0) throw_system_error("epoll_create1", errno);
  Ends input = input_ends();
  Ends output = output_ends();
  Ends errors = program.catch_errors ? output_ends() : Ends{};
  start(program, input.theirs.get(), output.theirs.get(), errors.theirs.get());
  process_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  if (process_.get() < 0) throw_system_error("pidfd_open", errno);
  input_ = std::move(input.ours);
  output_ = std::move(output.ours);
  errors_ = std::move(errors.ours);
  watch(process_, EPOLLIN);
  watch(input_, EPOLLOUT);
  watch(output_, EPOLLIN);
  if (errors_.get() >= 0) watch(errors_, EPOLLIN);
}

void Child::start(const Program& program, int input, int output, int errors) {
  std::vector<std::string> arguments = program.arguments;
  std::vector<std::string> environment = environment_with(program.environment);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  if (errors >= 0) posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  // fob notices signals by blocking them (interrupts.h); its child must not inherit that.
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  const int error = posix_spawnp(&pid_, arguments.at(0).c_str(), &actions, &attributes, pointers_to(arguments).data(),
                                 pointers_to(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error == 0) return;
  pid_ = -1;
  throw Error(error == ENOENT ? Errc::not_found : Errc::system,
              "cannot run " + shown(program.arguments[0]) + ": " + std::strerror(error));
}

void Child::watch(const Descriptor& descriptor, std::uint32_t events) const {
  epoll_event event{};
  event.events = events;
  if (epoll_ctl(watched_.get(), EPOLL_CTL_ADD, descriptor.get(), &event) != 0) throw_system_error("epoll_ctl", errno);
}

void Child::write_input() {
  while (!unsent_.empty()) {
    const ssize_t sent = send(input_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (sent < 0) break;  // it reads no further, which is its right
    unsent_.erase(0, static_cast<std::size_t>(sent));
  }
  unsent_.clear();
  input_ = Descriptor();
}

/// Closes `from` at its end.
void Child::read_some(Descriptor& from, std::string& into) {
  std::array<char, read_chunk_bytes> chunk{};
  for (int i = 0; i < chunks_at_once && from.get() >= 0; ++i) {
    const ssize_t got = read(from.get(), chunk.data(), chunk.size());
    if (got < 0) {
      if (errno != EAGAIN && errno != EINTR) throw_system_error("cannot read from a program", errno);
      return;
    }
    if (got == 0) from = Descriptor();
    const std::size_t room = limits::program_output_bytes - into.size();
    into.append(chunk.data(), std::min(static_cast<std::size_t>(got), room));
  }
}

bool Child::step(ProgramOutcome& outcome) {
  // First whether it has ended: what it wrote before is in the pipes then.
  pollfd ended{process_.get(), POLLIN, 0};
  const bool over = poll(&ended, 1, 0) == 1;
  if (input_.get() >= 0) write_input();
  read_some(output_, outcome.out);
  read_some(errors_, outcome.err);
  if (over) reap(outcome);
  return !over;
}

void Child::reap(ProgramOutcome& outcome) {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  outcome.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void Child::end() {
  kill(pid_, SIGTERM);
  pollfd ended{process_.get(), POLLIN, 0};
  if (process_.get() < 0 || poll(&ended, 1, grace_ms) != 1) kill(pid_, SIGKILL);
  ProgramOutcome ignored;
  reap(ignored);
}

}  // namespace

ProgramOutcome run_program(const Program& program) {
  const Interrupts interrupts;
  ProgramOutcome out;
  const Clock::time_point started = Clock::now();
  Child child(program);
  while (child.step(out)) {
    std::chrono::milliseconds left = forever;
    if (program.deadline) {
      left = std::chrono::duration_cast<std::chrono::milliseconds>(*program.deadline - (Clock::now() - started));
      if (left.count() <= 0) {
        child.end();
        out.timed_out = true;
        return out;
      }
    }
    interrupts.wait(child.watched(), POLLIN, left);
  }
  return out;
}

std::string first_line(const std::string& text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find_first_not_of(' ') != std::string::npos) return shown(line);
    at = end + 1;
  }
  return "";
}

}  // namespace fob::cli
