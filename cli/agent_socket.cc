#include "cli/agent_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>

#include "protocol/error.h"
#include "protocol/pattern.h"

namespace fob::cli {
namespace {

constexpr const char* how_to_start = "start one with: eval \"$(fob-agent -s)\"";

std::string variable(const char* name) {
  const char* value = getenv(name);
  return value != nullptr ? value : "";
}

/// Connected, or errno says why not.
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

ucred peer_of(const Descriptor& connection) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    throw_system_error("SO_PEERCRED", errno);
  return peer;
}

/// "ssh-agent (pid 123)", or empty: the process that listened has often handed the socket to its child and gone.
std::string program_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(file, name);
  return name.empty() ? "" : printable(name) + " (pid " + std::to_string(pid) + ")";
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
  std::string name = program_of(peer_of(agent).pid);
  if (name.empty()) name = agent_by_path(path);
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

std::string control_socket_path() {
  if (std::string path = variable("FOB_CONTROL_SOCK"); !path.empty()) return path;
  const std::string path = variable("SSH_AUTH_SOCK");
  if (path.empty()) {
    throw Error(Errc::not_found, std::string("no agent runs here: SSH_AUTH_SOCK is not set; ") + how_to_start);
  }
  return path + ".control";
}

Descriptor connect_to_agent() {
  const std::string path = control_socket_path();
  Descriptor out = try_connect(path);
  if (out.get() < 0) {
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR || error == ECONNREFUSED) throw_no_control_socket(path);
    throw_system_error("cannot reach fob-agent at " + printable(path), error);
  }
  const ucred peer = peer_of(out);
  if (peer.uid != 0 && peer.uid != geteuid()) {
    throw Error(Errc::refused, "the agent at " + printable(path) + " belongs to another user (uid " +
                                   std::to_string(peer.uid) + "): a PIN would end up with them");
  }
  return out;
}

}  // namespace fob::cli
