#include "tests/daemon/daemon.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "tests/daemon/client.h"

extern char** environ;

namespace fob {
namespace {

constexpr int exit_status_after_sigterm = 2;

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

void forbid_memfd_secret() {
  const sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_secret, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog filter{sizeof(program) / sizeof(program[0]), const_cast<sock_filter*>(program)};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
    _exit(126);
  }
}

void drop_to(uid_t user) {
  if (setgroups(0, nullptr) != 0 || setgid(user) != 0 || setuid(user) != 0) _exit(126);
}

/// The environment that the daemon gets: nothing of the caller's session may leak in.
std::vector<std::string> daemon_environment(const DaemonOptions& options, const std::string& home) {
  std::vector<std::string> out = options.environment;
  out.push_back("HOME=" + home);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    if (name == "PATH" || name.ends_with("SAN_OPTIONS") || name.starts_with("GCOV_")) out.emplace_back(text);
  }
  return out;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

void limit_descriptors(std::size_t count) {
  const rlimit limit{count, count};
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) _exit(126);
}

}  // namespace

std::string agent_path() {
  const char* path = std::getenv("FOB_AGENT");
  return path != nullptr ? path : FOB_AGENT_DEFAULT;
}

Daemon::Daemon(DaemonOptions options) : socket_(directory_.file("agent")), log_path_(directory_.file("agent.log")) {
  start(options);
  try {
    wait_until_it_serves(options.wait_for_answer);
  } catch (...) {
    stop(SIGKILL);
    throw;
  }
}

void Daemon::start(const DaemonOptions& options) {
  // All that allocates is done before the fork: the test may have threads.
  std::vector<std::string> words{agent_path(), "-D", "-a", socket_};
  if (options.user) words[0] = copy_for(*options.user);
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  const std::vector<std::string> variables = daemon_environment(options, directory_.path());
  const std::vector<char*> argv = pointers(words);
  const std::vector<char*> envp = pointers(variables);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ > 0) return;
  setpgid(0, 0);
  dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
  const int log = open(log_path_.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  close_range(STDERR_FILENO + 1, ~0U, 0);
  if (options.descriptors != 0) limit_descriptors(options.descriptors);
  if (options.user) drop_to(*options.user);
  if (options.without_memfd_secret) forbid_memfd_secret();
  execve(argv[0], argv.data(), envp.data());
  _exit(127);
}

std::string Daemon::copy_for(uid_t user) const {
  const std::string copy = directory_.file("fob-agent");
  std::filesystem::copy_file(agent_path(), copy);
  if (chmod(copy.c_str(), 0755) != 0 || chown(directory_.path().c_str(), user, user) != 0) {
    throw std::runtime_error("preparing the other user's directory");
  }
  return copy;
}

void Daemon::wait_until_it_serves(bool with_answer) {
  const auto accepts_now = [this] {
    if (!alive()) throw std::runtime_error("the agent did not start: " + log());
    return Client::can_connect(socket_);
  };
  // Whoever does not want to wait for an answer wants to be there first.
  const std::chrono::milliseconds interval(with_answer ? 2 : 0);
  const bool accepts = eventually(accepts_now, std::chrono::seconds(20), interval);
  if (!accepts) throw std::runtime_error("the agent does not accept: " + log());
  if (with_answer) Client(*this).list();
}

bool Daemon::has_ended() {
  int status = 0;
  if (!wait_status_ && waitpid(pid_, &status, WNOHANG) == pid_) wait_status_ = status;
  return wait_status_.has_value();
}

bool Daemon::ends_in_time() {
  return eventually([this] { return has_ended(); }, std::chrono::seconds(10));
}

int Daemon::stop(int signal) {
  if (alive()) kill(pid_, signal);
  if (!ends_in_time()) {
    kill(pid_, SIGKILL);
    ends_in_time();
    return -1;
  }
  return WIFEXITED(*wait_status_) ? WEXITSTATUS(*wait_status_) : -1;
}

Daemon::~Daemon() {
  if (!wait_status_) {
    const bool was_alive = alive();
    EXPECT_TRUE(was_alive) << "the agent died, wait status " << wait_status_.value_or(-1);
    const int status = stop(SIGTERM);
    EXPECT_TRUE(!was_alive || status == exit_status_after_sigterm) << "exit status " << status;
  }
  if (testing::Test::HasFailure())
    GTEST_LOG_(INFO) << "the agent's log ends: " << [this] {
      const std::string text = log();
      return text.size() > 4000 ? text.substr(text.size() - 4000) : text;
    }();
}

bool Daemon::logs(std::string_view text, std::size_t offset) const {
  return eventually([&] { return log().find(text, offset) != std::string::npos; }, std::chrono::seconds(2));
}

std::string status_field(pid_t pid, std::string_view name) {
  const std::string text = read_file("/proc/" + std::to_string(pid) + "/status");
  const std::size_t start = text.find("\n" + std::string(name) + ":");
  if (start == std::string::npos) return {};
  const std::size_t value = start + name.size() + 2;
  return text.substr(value, text.find('\n', value) - value);
}

MemoryUse memory_use(pid_t pid) {
  return {std::atol(status_field(pid, "VmRSS").c_str()), std::atol(status_field(pid, "RssAnon").c_str())};
}

bool is_sanitized(const Daemon& daemon) {
  const std::string maps = read_file("/proc/" + std::to_string(daemon.pid()) + "/maps");
  return maps.find("libasan") != std::string::npos || maps.find("libtsan") != std::string::npos;
}

void pause_for(std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }

}  // namespace fob
