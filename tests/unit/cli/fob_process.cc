#include "tests/unit/cli/fob_process.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "protocol/error.h"

namespace fob::test {
namespace {

constexpr std::chrono::seconds patience{5};
constexpr std::chrono::milliseconds step{10};

std::string program() {
  const char* other = getenv("FOB");
  return other != nullptr ? other : FOB_DEFAULT;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

[[noreturn]] void become_fob(const std::vector<std::string>& arguments, std::vector<std::string> environment,
                             const std::string& shell_script = "") {
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LLVM_PROFILE_FILE"}) {
    if (const char* value = getenv(name)) environment.push_back(std::string(name) + "=" + value);
  }
  std::vector<std::string> command;
  if (!shell_script.empty()) command = {"/bin/sh", "-c", shell_script};
  command.push_back(program());
  command.insert(command.end(), arguments.begin(), arguments.end());
  signal(SIGPIPE, SIG_DFL);
  // A shell that ran these tests in the background has these ignored; in a terminal they are not.
  for (const int number : {SIGINT, SIGQUIT}) signal(number, SIG_DFL);
  execve(command[0].c_str(), pointers(command).data(), pointers(environment).data());
  _exit(127);
}

int shell_status(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

std::string read_to_end(int descriptor) {
  std::string out;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = read(descriptor, buffer.data(), buffer.size())) > 0;) {
    out.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return out;
}

template <class Condition>
bool comes_true(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(step);
  }
  return true;
}

}  // namespace

FobOutcome run_fob(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  if (pipe2(out.data(), O_CLOEXEC) != 0 || pipe2(err.data(), O_CLOEXEC) != 0) throw_system_error("pipe", errno);
  const pid_t child = fork();
  if (child == 0) {
    setsid();  // so there is no /dev/tty
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    become_fob(arguments, environment);
  }
  close(out[1]);
  close(err[1]);
  FobOutcome outcome;
  std::thread errors([&] { outcome.err = read_to_end(err[0]); });
  outcome.out = read_to_end(out[0]);
  errors.join();
  close(out[0]);
  close(err[0]);
  int status = 0;
  waitpid(child, &status, 0);
  outcome.status = shell_status(status);
  return outcome;
}

TerminalFob::TerminalFob(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
                         const std::string& shell_script) {
  const winsize size{24, 80, 0, 0};
  int terminal = -1;
  pid_ = forkpty(&terminal, nullptr, nullptr, &size);
  if (pid_ < 0) throw_system_error("forkpty", errno);
  if (pid_ == 0) become_fob(arguments, environment, shell_script);
  fcntl(terminal, F_SETFD, FD_CLOEXEC);
  terminal_ = cli::Descriptor(terminal);
}

TerminalFob::~TerminalFob() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool TerminalFob::read_some(int patience_ms) {
  pollfd watched{terminal_.get(), POLLIN, 0};
  if (poll(&watched, 1, patience_ms) != 1) return false;
  std::array<char, 4096> buffer{};
  const ssize_t got = read(terminal_.get(), buffer.data(), buffer.size());
  if (got > 0) screen_.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0;
}

bool TerminalFob::shows(std::string_view text) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const std::size_t found = screen_.find(text, seen_);
    if (found != std::string::npos) {
      seen_ = found + text.size();
      return true;
    }
    if (std::chrono::steady_clock::now() > end) return false;
    read_some(static_cast<int>(step.count()));
  }
}

void TerminalFob::type(std::string_view keys) const {
  if (write(terminal_.get(), keys.data(), keys.size()) != static_cast<ssize_t>(keys.size())) {
    throw_system_error("cannot type", errno);
  }
}

bool TerminalFob::echoes() const {
  termios settings{};
  if (tcgetattr(terminal_.get(), &settings) != 0) throw_system_error("tcgetattr", errno);
  return (settings.c_lflag & ECHO) != 0;
}

bool TerminalFob::becomes(bool echoing) const {
  return comes_true([&] { return echoes() == echoing; });
}

bool TerminalFob::is_stopped() const {
  return comes_true([&] {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
  });
}

void TerminalFob::signal(int number) const { kill(pid_, number); }

int TerminalFob::status() {
  while (read_some(static_cast<int>(std::chrono::milliseconds(patience).count()))) {
  }
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return shell_status(status);
}

}  // namespace fob::test
