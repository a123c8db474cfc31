#include "process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>

extern char** environ;

namespace fob {

Memory memory_of(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/status";
  std::ifstream status(path);
  if (!status) throw std::system_error(errno, std::generic_category(), path);
  Memory memory;
  for (std::string word; status >> word;) {
    if (word == "VmRSS:") status >> memory.rss_kib;
    if (word == "RssAnon:") status >> memory.anon_kib;
  }
  return memory;
}

Child::Child(char* const* command) {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  const int error = posix_spawnp(&pid_, *command, &actions, &attributes, command, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) throw std::system_error(error, std::generic_category(), *command);
}

Child::~Child() {
  using namespace std::chrono_literals;
  if (pid_ < 0) return;
  ::kill(-pid_, SIGTERM);
  for (int i = 0; i < 200 && !has_ended(); ++i) std::this_thread::sleep_for(10ms);
  if (pid_ < 0) return;
  ::kill(-pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Child::has_ended() {
  if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ < 0;
}

}  // namespace fob
