#include "agent/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>

#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {
namespace {

constexpr char socket_variable[] = "SSH_AUTH_SOCK";
constexpr char pid_variable[] = "SSH_AGENT_PID";
constexpr int first_activation_descriptor = 3;  // SD_LISTEN_FDS_START

sigset_t mask_at_start;

std::optional<int> parse_pid(std::string_view text) {
  int out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out < 1) return std::nullopt;
  return out;
}

/// For sh and csh alike: quotes what is more than a plain path.
std::string quoted(const std::string& path) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%=";
  if (path.find_first_not_of(plain) == std::string::npos) return path;
  std::string out = "'";
  for (const char c : path) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string set_line(bool csh, const std::string& name, const std::string& value) {
  return csh ? "setenv " + name + " " + value + ";\n" : name + "=" + value + "; export " + name + ";\n";
}

/// The kernel doubles a process's descriptor table as it fills, and once there are threads each time waits for all
/// processors (some 15 ms). Before there are any it does not.
void grow_descriptor_table() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const auto highest = std::min<rlim_t>(limit.rlim_cur - 1, limits::sessions);
  const int descriptor = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, static_cast<int>(highest));
  if (descriptor >= 0) close(descriptor);
}

int take_activation_socket(int descriptor) {
  int listening = 0;
  socklen_t size = sizeof(listening);
  if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0) {
    throw Error(Errc::system,
                "LISTEN_FDS is set, but descriptor " + std::to_string(descriptor) + " is not a listening socket");
  }
  fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  fcntl(descriptor, F_SETFL, O_NONBLOCK);
  return descriptor;
}

void raise_limit(__rlimit_resource resource) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(resource, &limit);
}

}  // namespace

void open_standard_descriptors() {
  for (int descriptor = open("/dev/null", O_RDWR); descriptor >= 0; descriptor = open("/dev/null", O_RDWR)) {
    if (descriptor <= STDERR_FILENO) continue;
    close(descriptor);
    return;
  }
}

void hold_signals() {
  sigset_t held;
  sigemptyset(&held);
  for (const int number : {SIGTERM, SIGHUP, SIGINT, SIGUSR1}) sigaddset(&held, number);
  sigprocmask(SIG_BLOCK, &held, &mask_at_start);
}

void release_signals() { sigprocmask(SIG_SETMASK, &mask_at_start, nullptr); }

void check_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max >= limits::min_descriptors) return;
  throw Error(Errc::system, "file descriptor limit " + std::to_string(limit.rlim_max) + " is too low, at least " +
                                std::to_string(limits::min_descriptors) + " are needed (ulimit -n)");
}

void harden_process(std::vector<int> keep) {
  if (setegid(getgid()) != 0 || setgid(getgid()) != 0) throw_system_error("setgid", errno);
  if (prctl(PR_SET_DUMPABLE, 0) != 0) throw_system_error("prctl(PR_SET_DUMPABLE)", errno);
  constexpr rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) throw_system_error("setrlimit(RLIMIT_CORE)", errno);
  raise_limit(RLIMIT_NOFILE);
  raise_limit(RLIMIT_MEMLOCK);
  unsigned first = STDERR_FILENO + 1;
  std::sort(keep.begin(), keep.end());
  for (const int kept : keep) {
    if (kept < static_cast<int>(first)) continue;
    if (kept > static_cast<int>(first)) close_range(first, static_cast<unsigned>(kept) - 1, 0);
    first = static_cast<unsigned>(kept) + 1;
  }
  close_range(first, ~0U, 0);
  grow_descriptor_table();
}

void detach_process() {
  if (setsid() < 0) throw_system_error("setsid", errno);
  if (chdir("/") != 0) throw_system_error("chdir /", errno);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) throw_system_error("cannot open /dev/null", errno);
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) dup2(null, descriptor);
  close(null);
}

ActivationSockets activation_sockets() {
  const char* count = getenv("LISTEN_FDS");
  const char* owner = getenv("LISTEN_PID");
  if (count == nullptr || owner == nullptr) return {};
  const std::string_view number(count);
  if (number != "1" && number != "2") {
    throw Error(Errc::system, std::string("LISTEN_FDS is \"") + count + "\", wanted 1 or 2");
  }
  if (parse_pid(owner) != getpid()) {
    throw Error(Errc::system, std::string("LISTEN_PID is \"") + owner + "\", wanted " + std::to_string(getpid()));
  }
  if (number == "1") return {take_activation_socket(first_activation_descriptor), -1};
  const char* names = getenv("LISTEN_FDNAMES");
  const std::string_view both(names == nullptr ? "" : names);
  const bool control_first = both.starts_with("control:");
  if (control_first == both.ends_with(":control")) {
    throw Error(Errc::system, "two sockets were handed over, and LISTEN_FDNAMES does not call one of them \"control\"");
  }
  const int control = first_activation_descriptor + (control_first ? 0 : 1);
  const int agent = first_activation_descriptor + (control_first ? 1 : 0);
  return {take_activation_socket(agent), take_activation_socket(control)};
}

/// Twenty lines instead of libsystemd, as sd_notify(3) itself proposes: the library would bring five others into the
/// process that holds the keys.
void notify_supervisor(const std::string& state) {
  const char* path = getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(path);
  if (length >= sizeof(address.sun_path)) return;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';
  const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return;
  // A supervisor that is not there is not the agent's trouble.
  sendto(descriptor, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
         static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length));
  close(descriptor);
}

std::string shell_lines(const CommandLine& options, const std::string& socket_path, int pid) {
  std::string out = set_line(options.csh_output, socket_variable, quoted(socket_path));
  if (pid != 0) out += set_line(options.csh_output, pid_variable, std::to_string(pid));
  return out;
}

int kill_agent(const CommandLine& options) {
  const char* text = getenv(pid_variable);
  if (text == nullptr) {
    std::cerr << pid_variable << " not set, cannot kill agent\n";
    return 1;
  }
  const std::optional<int> pid = parse_pid(text);
  if (!pid || *pid < 2) {
    std::cerr << pid_variable << "=\"" << text << "\", which is not a good PID\n";
    return 1;
  }
  if (kill(*pid, SIGTERM) != 0) {
    std::cerr << "fob-agent: cannot kill agent " << *pid << ": " << std::strerror(errno) << '\n';
    return 1;
  }
  const char* unset = options.csh_output ? "unsetenv " : "unset ";
  std::cout << unset << socket_variable << ";\n"
            << unset << pid_variable << ";\n"
            << "echo Agent pid " << *pid << " killed;\n";
  return 0;
}

void run_command(const CommandLine& options, const std::string& socket_path, int agent_pid) {
  setenv(socket_variable, socket_path.c_str(), 1);
  setenv(pid_variable, std::to_string(agent_pid).c_str(), 1);
  std::vector<char*> arguments;
  // exec's prototype lacks const; it does not write.
  for (const std::string& argument : options.command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  throw_system_error("cannot run " + options.command[0], errno);
}

}  // namespace fob
