#include "cli/agent_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>

#include "protocol/pattern.h"

namespace fob::cli {
namespace {

constexpr std::string_view control_suffix = ".control";
constexpr const char* how_to_start = "start one with: eval \"$(fob-agent -s)\"";

std::string variable(const char* name) {
  const char* value = getenv(name);
  return value != nullptr ? value : "";
}

ucred peer_of(int connection) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) throw_system_error("SO_PEERCRED", errno);
  return peer;
}

std::string first_line_of(pid_t pid, const char* file) {
  std::string out;
  std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/" + file), out);
  return out;
}

/// "ssh-agent (pid 123)", or empty: the process that listened has often handed the socket to its child and gone.
std::string program_of(pid_t pid) {
  const std::string name = first_line_of(pid, "comm");
  return name.empty() ? "" : printable(name) + " (pid " + std::to_string(pid) + ")";
}

/// That of fob-agent: the one that listened, or the child that it left behind, which its caller's shell was told of;
/// 0: nobody knows.
pid_t process_of_agent(int connection) {
  for (const pid_t pid : {peer_of(connection).pid, std::atoi(variable("SSH_AGENT_PID").c_str())}) {
    if (pid > 0 && first_line_of(pid, "comm") == "fob-agent") return pid;
  }
  return 0;
}

/// By a signal or a debugger: proc_pid_stat(5). The name in it may have any characters.
bool is_stopped(pid_t pid) {
  const std::string line = first_line_of(pid, "stat");
  const std::size_t state = line.rfind(')');
  return state != std::string::npos && state + 2 < line.size() && (line[state + 2] == 'T' || line[state + 2] == 't');
}

/// Which agent listens at a socket whose owner cannot be found out, by where it is; empty: no idea.
std::string agent_by_path(const std::string& path) {
  if (path.find("gpg-agent") != std::string::npos) return "gpg-agent";
  if (path.find("/keyring/") != std::string::npos) return "gnome-keyring";
  if (path.find(".sshd.") != std::string::npos) return "sshd";
  if (path.find("/.ssh/agent/") != std::string::npos || path.find("/ssh-") != std::string::npos) return "ssh-agent";
  return "";
}

[[noreturn]] void throw_wrong_agent(const std::string& path, const Descriptor& agent) {
  const std::string name = agent_program(path, agent);
  if (name.starts_with("sshd")) {
    throw Error(Errc::not_found, "the agent here is a forwarded one (by " + name + " at " + printable(path) +
                                     "): it can sign, but fob manages an agent only on the machine where it runs; "
                                     "run fob there, or " +
                                     how_to_start);
  }
  throw Error(Errc::not_found, "the agent at SSH_AUTH_SOCK (" + printable(path) + ") is no fob-agent" +
                                   (name.empty() ? "" : " but " + name) + "; " + how_to_start);
}

/// There is no control socket beside the agent's: is there an agent, and which?
[[noreturn]] void throw_no_control_socket(const std::string& control_path) {
  const std::string path = variable("SSH_AUTH_SOCK");
  if (!variable("FOB_CONTROL_SOCK").empty()) {
    throw Error(Errc::not_found, "there is no control socket at FOB_CONTROL_SOCK (" + printable(control_path) +
                                     "): unset it, or " + how_to_start);
  }
  const Descriptor agent = try_connect(path);
  if (agent.get() >= 0) throw_wrong_agent(path, agent);
  throw Error(Errc::not_found,
              "no agent answers at SSH_AUTH_SOCK (" + printable(path) + "): it has ended; " + how_to_start);
}

}  // namespace

Descriptor try_connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    throw Error(Errc::system, "the path of the agent's socket has " + std::to_string(path.size()) + " bytes, at most " +
                                  std::to_string(sizeof(address.sun_path) - 1) + " are possible: " + printable(path));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Descriptor out(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (out.get() < 0) throw_system_error("socket", errno);
  if (connect(out.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return {};
  return out;
}

std::string agent_program(const std::string& path, const Descriptor& connection) {
  const std::string name = program_of(peer_of(connection.get()).pid);
  return name.empty() ? agent_by_path(path) : name;
}

AgentSilent::AgentSilent(const std::string& its_fault, const std::string& its_remedy)
    : Error(Errc::timed_out, its_fault + "; " + its_remedy), fault(its_fault), remedy(its_remedy) {}

AgentSilent silent_agent(int connection, std::chrono::milliseconds patience) {
  const pid_t pid = process_of_agent(connection);
  const std::string path =
      variable("FOB_CONTROL_SOCK").empty() ? variable("SSH_AUTH_SOCK") : variable("FOB_CONTROL_SOCK");
  const std::string agent = "the agent" + (path.empty() ? "" : " at " + printable(path));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience).count();
  const std::string fault = agent + " has not answered for " + std::to_string(seconds) + " s";
  const std::string busy = "it is busy or waits for somebody: see fob watch, or its log";
  if (pid == 0) return {fault, busy + "; if ps -C fob-agent -o pid,stat shows T, it is stopped: kill -CONT PID"};
  if (!is_stopped(pid)) return {fault, busy};
  return {agent + " is stopped, and does not answer", "let it go on: kill -CONT " + std::to_string(pid)};
}

std::string agent_socket_path() {
  const std::string control = control_socket_path();
  if (control.ends_with(control_suffix)) return control.substr(0, control.size() - control_suffix.size());
  return variable("SSH_AUTH_SOCK");
}

std::string control_socket_path() {
  if (std::string path = variable("FOB_CONTROL_SOCK"); !path.empty()) return path;
  const std::string path = variable("SSH_AUTH_SOCK");
  if (path.empty()) {
    throw Error(Errc::not_found, std::string("no agent runs here: SSH_AUTH_SOCK is not set; ") + how_to_start);
  }
  return path + std::string(control_suffix);
}

Descriptor connect_to_agent() {
  const std::string path = control_socket_path();
  Descriptor out = try_connect(path);
  if (out.get() < 0) {
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR || error == ECONNREFUSED) throw_no_control_socket(path);
    throw_system_error("cannot reach fob-agent at " + printable(path), error);
  }
  const ucred peer = peer_of(out.get());
  if (peer.uid != 0 && peer.uid != geteuid()) {
    throw Error(Errc::refused, "the agent at " + printable(path) + " belongs to another user (uid " +
                                   std::to_string(peer.uid) + "): a PIN would end up with them");
  }
  return out;
}

}  // namespace fob::cli
