#include "agent/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {
namespace {

constexpr std::chrono::seconds patience_after_term{2};

int open_pidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

/// posix_spawn's actions and attributes, freed in any case.
class SpawnSettings {
 public:
  explicit SpawnSettings(const std::vector<int>& descriptors) {
    posix_spawn_file_actions_init(&actions_);
    for (std::size_t i = 0; i < descriptors.size(); ++i) {
      const int number = static_cast<int>(i);
      if (descriptors[i] < 0) {
        posix_spawn_file_actions_addopen(&actions_, number, "/dev/null", O_RDWR, 0);
      } else {
        posix_spawn_file_actions_adddup2(&actions_, descriptors[i], number);
      }
    }
    posix_spawnattr_init(&attributes_);
    sigset_t all;
    sigset_t none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setpgroup(&attributes_, 0);
    constexpr int flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP;
    posix_spawnattr_setflags(&attributes_, flags);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  // exec's prototype lacks const; it does not write.
  for (const std::string& string : strings) out.push_back(const_cast<char*>(string.c_str()));
  return out;
}

/// This process's environment with `additions`, which win.
std::vector<char*> environment_with(const std::vector<std::string>& additions) {
  std::vector<char*> out = pointers(additions);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('=') + 1);
    bool replaced = false;
    for (const std::string& addition : additions) replaced = replaced || addition.starts_with(name);
    if (!replaced) out.push_back(*entry);
  }
  out.push_back(nullptr);
  return out;
}

pid_t spawn(const std::vector<std::string>& argv, const std::vector<std::string>& additions,
            const std::vector<int>& descriptors) {
  const SpawnSettings settings(descriptors);
  std::vector<char*> arguments = pointers(argv);
  arguments.push_back(nullptr);
  std::vector<char*> environment = environment_with(additions);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, argv[0].c_str(), settings.actions(), settings.attributes(), arguments.data(),
                                 environment.data());
  if (error != 0) throw_system_error("cannot run " + argv[0], error);
  return pid;
}

int reap(int pidfd) {
  siginfo_t info{};
  if (waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED) != 0) return -1;
  return info.si_code == CLD_EXITED ? info.si_status : -1;
}

/// Waits for the end of a child that was told to end, and helps after a while. It leads a process group of its own
/// number, and until it is reaped nobody else can have that number: what is left of the group then is killed.
Awaitable<void> see_off(asio::posix::stream_descriptor pidfd, pid_t pid) {
  using namespace asio::experimental::awaitable_operators;
  const auto ended = co_await (pidfd.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable) ||
                               sleep_for(patience_after_term));
  kill(-pid, SIGKILL);
  // The pidfd does not block, and a killed process takes a moment to end.
  if (ended.index() == 1) co_await pidfd.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
  reap(pidfd.native_handle());
}

/// Read end for us, write end for the child: that one must block, as programs expect; it has a description of its own.
std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) throw_system_error("pipe", errno);
  fcntl(ends[1], F_SETFL, 0);
  return ends;
}

/// The child, and its output's read end assigned to `output`.
ChildProcess start_asking(asio::io_context& io, const std::vector<std::string>& argv,
                          const std::vector<std::string>& additions, asio::posix::stream_descriptor& output) {
  const std::array<int, 2> ends = make_pipe();
  output.assign(ends[0]);
  const asio::posix::stream_descriptor child_end(io, ends[1]);
  return ChildProcess(io, argv, additions, {-1, ends[1]});
}

}  // namespace

ChildProcess::ChildProcess(asio::io_context& io, const std::vector<std::string>& argv,
                           const std::vector<std::string>& additions, const std::vector<int>& descriptors)
    : io_(io), pidfd_(io), pid_(spawn(argv, additions, descriptors)) {
  const int pidfd = open_pidfd(pid_);
  if (pidfd < 0) {
    const int error = errno;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    throw_system_error("pidfd_open", error);
  }
  pidfd_.assign(pidfd);
}

ChildProcess::~ChildProcess() {
  if (reaped_ || !pidfd_.is_open()) return;
  kill(-pid_, SIGTERM);
  asio::co_spawn(io_, see_off(std::move(pidfd_), pid_), asio::detached);
}

Awaitable<int> ChildProcess::wait() {
  co_await pidfd_.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
  reaped_ = true;
  co_return reap(pidfd_.native_handle());
}

void ChildProcess::kill_now() {
  if (!reaped_) kill(-pid_, SIGKILL);
}

AskingProcess::AskingProcess(asio::io_context& io, const std::vector<std::string>& argv,
                             const std::vector<std::string>& additions)
    : output_(io), child_(start_asking(io, argv, additions, output_)) {}

Awaitable<SecretBytes> AskingProcess::output() {
  SecretBytes buffer(limits::askpass_answer_bytes);
  boost::system::error_code end;
  const auto into = asio::buffer(buffer.data(), buffer.size());
  const std::size_t got = co_await asio::async_read(output_, into, asio::redirect_error(asio::use_awaitable, end));
  if (end == asio::error::operation_aborted) throw boost::system::system_error(end);
  output_.close();
  co_return SecretBytes(buffer.view().first(got));
}

}  // namespace fob
