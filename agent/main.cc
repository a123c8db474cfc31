#include <openssl/crypto.h>
#include <sodium.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <iostream>

#include "agent/command_line.h"
#include "agent/config.h"
#include "agent/daemon.h"
#include "agent/log.h"
#include "agent/process.h"
#include "agent/socket_path.h"
#include "protocol/error.h"
#include "protocol/secret_heap.h"

namespace fob {
namespace {

constexpr int exit_failure = 1;
/// Appended to the agent socket's path (docs/control-protocol.md).
constexpr char control_suffix[] = ".control";

void set_up_log(const CommandLine& options, bool in_background) {
  LogSettings settings;
  settings.to_syslog = in_background;
  settings.most = options.debug ? LogLevel::debug : LogLevel::info;
  set_log(settings);
}

/// The agent's socket, and beside it the one that `fob` uses.
struct Sockets {
  ListeningSocket agent;
  ListeningSocket control;
  bool activated = false;

  void remove_files() const {
    control.remove_files();
    agent.remove_files();
  }
};

ListeningSocket make_agent_socket(const CommandLine& options) {
  if (options.socket_in_tmp) return listen_in_tmp(getpid());
  if (!options.socket_path.empty()) return listen_at(options.socket_path);
  const std::string home = home_directory();
  if (!options.keep_stale_sockets) remove_stale_sockets(home, false);
  return listen_in_home(home);
}

/// The agent serves ssh without it too: a path that is too long, say, is no reason not to start.
ListeningSocket make_control_socket(const std::string& agent_path) {
  try {
    return listen_replacing_stale(agent_path + control_suffix);
  } catch (const Error& error) {
    log_error(std::string("fob cannot reach this agent: ") + error.what());
    return {};
  }
}

Sockets make_sockets(const CommandLine& options) {
  if (options.socket_path.empty() && options.foreground) {
    const ActivationSockets handed_over = activation_sockets();
    if (handed_over.agent >= 0) return {{handed_over.agent, "", "", ""}, {handed_over.control, "", "", ""}, true};
  }
  Sockets out;
  out.agent = make_agent_socket(options);
  out.control = make_control_socket(out.agent.path);
  return out;
}

/// Serves in this process and cleans up after itself.
int serve_here(const CommandLine& options, const Config& config, const Sockets& sockets, int parent) {
  int status = exit_failure;
  try {
    harden_process({sockets.agent.descriptor, sockets.control.descriptor, parent});
    status = serve({options.agent, config, sockets.agent.descriptor, sockets.control.descriptor, parent,
                    options.foreground, sockets.activated});
  } catch (const std::exception& error) {
    log_error(std::string("fatal: ") + error.what());
  }
  sockets.remove_files();
  return status;
}

int serve_in_foreground(const CommandLine& options, const Config& config, const Sockets& sockets) {
  if (!sockets.activated) {
    std::cout << shell_lines(options, sockets.agent.path, 0) << "echo Agent pid " << getpid() << ";\n" << std::flush;
  }
  return serve_here(options, config, sockets, -1);
}

/// The child is the agent; the parent prints where it is, or becomes the command.
int serve_in_background(const CommandLine& options, const Config& config, const Sockets& sockets) {
  const bool has_command = !options.command.empty();
  const int parent = has_command ? static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)) : -1;
  const pid_t pid = fork();
  if (pid < 0) throw_system_error("fork", errno);
  if (pid > 0) {
    release_signals();
    close(sockets.agent.descriptor);
    if (sockets.control.descriptor >= 0) close(sockets.control.descriptor);
    if (has_command) run_command(options, sockets.agent.path, pid);
    std::cout << shell_lines(options, sockets.agent.path, pid) << "echo Agent pid " << pid << ";\n" << std::flush;
    return 0;
  }
  set_up_log(options, true);
  detach_process();
  return serve_here(options, config, sockets, parent);
}

int serve_as_asked(const CommandLine& options) {
  check_descriptor_limit();
  const Config config = load_config(options.config_path);
  hold_signals();
  const Sockets sockets = make_sockets(options);
  return options.foreground ? serve_in_foreground(options, config, sockets)
                            : serve_in_background(options, config, sockets);
}

int run(int argc, char** argv) {
  const CommandLine options = parse_command_line(argc, argv);
  set_up_log(options, false);
  switch (options.action) {
    case CommandLine::Action::print_version:
      std::cerr << "fob-agent " FOB_VERSION ", " << OpenSSL_version(OPENSSL_VERSION) << ", libsodium "
                << sodium_version_string() << '\n';
      return 0;
    case CommandLine::Action::kill: return kill_agent(options);
    case CommandLine::Action::clean_up:
      remove_stale_sockets(home_directory(), options.clean_up_other_hosts);
      std::cout << "Deleted stale agent sockets in ~/.ssh/agent\n";
      return 0;
    case CommandLine::Action::serve: break;
  }
  return serve_as_asked(options);
}

}  // namespace
}  // namespace fob

int main(int argc, char** argv) {
  fob::open_standard_descriptors();
  try {
    fob::SecretHeap::adopt_openssl();
    if (sodium_init() < 0) throw fob::Error(fob::Errc::system, "libsodium cannot start");
    return fob::run(argc, argv);
  } catch (const fob::UsageError& error) {
    std::cerr << error.what();
  } catch (const std::exception& error) {
    std::cerr << "fob-agent: " << error.what() << '\n';
  }
  return fob::exit_failure;
}
