#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "cli/agent_socket.h"
#include "cli/doctor.h"
#include "cli/text.h"
#include "protocol/error.h"

namespace fob::cli {
namespace {

constexpr const char* start_one = "Start one in this shell: eval \"$(fob-agent -s)\"";

std::string variable(const char* name) {
  const char* value = getenv(name);
  return value != nullptr ? value : "";
}

/// "alice (uid 1000)".
std::string user_called(uid_t user) {
  const passwd* entry = getpwuid(user);
  const std::string number = "uid " + std::to_string(user);
  return entry == nullptr ? number : shown(entry->pw_name) + " (" + number + ")";
}

Finding foreign_socket(const std::string& path, uid_t owner) {
  return {
      "foreign-agent",
      "The agent's socket at SSH_AUTH_SOCK (" + shown(path) + ") belongs to another user, " + user_called(owner) + ".",
      "Use an agent of your own, for instance after su or sudo, which leave SSH_AUTH_SOCK as it was. " +
          std::string(start_one)};
}

Finding no_agent(const std::string& what) { return {"no-agent", what, start_one}; }

/// Where the socket itself cannot be looked at: who has the first folder on the way to it that is closed.
Findings closed_way(const std::string& path) {
  for (std::filesystem::path at = path; at.has_relative_path(); at = at.parent_path()) {
    struct stat status {};
    if (lstat(at.c_str(), &status) != 0) continue;
    if (status.st_uid != geteuid()) return {foreign_socket(path, status.st_uid)};
    break;
  }
  return {no_agent("The way to the socket at SSH_AUTH_SOCK (" + shown(path) + ") is closed: " + std::strerror(EACCES) +
                   ".")};
}

Finding other_agent(const std::string& path, const std::string& program) {
  if (program.starts_with("sshd")) {
    return {"forwarded-agent",
            "The agent at SSH_AUTH_SOCK is a forwarded one (" + shown(path) + "), of the machine that you came from.",
            "It signs; what manages it runs there: fob list, on that machine. For an agent of this machine: eval "
            "\"$(fob-agent -s)\""};
  }
  return {"other-agent",
          "The agent at SSH_AUTH_SOCK (" + shown(path) + ") is not fob-agent but " +
              (program.empty() ? "another" : shown(program)) + ".",
          "In this shell: eval \"$(fob-agent -s)\". To keep it so, take what starts the other one out of your login "
          "scripts or desktop session."};
}

Findings check_answer(const std::string& path) {
  const Descriptor agent = try_connect(path);
  if (agent.get() < 0) {
    if (errno == ECONNREFUSED) {
      return {no_agent("Nobody listens at SSH_AUTH_SOCK (" + shown(path) + "): that agent has ended.")};
    }
    return {no_agent("SSH_AUTH_SOCK (" + shown(path) + ") cannot be reached: " + std::strerror(errno) + ".")};
  }
  try {
    connect_to_agent();
    return {};
  } catch (const Error& error) {
    if (error.code() == Errc::not_found) return {other_agent(path, agent_program(path, agent))};
    return {{"agent-fault", shown(error.what()) + ".", start_one}};
  }
}

}  // namespace

Findings check_agent_socket() {
  const std::string path = variable("SSH_AUTH_SOCK");
  if (path.empty()) return {no_agent("SSH_AUTH_SOCK is not set, so ssh finds no agent here.")};
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    if (errno == EACCES) return closed_way(path);
    return {no_agent("SSH_AUTH_SOCK leads to " + shown(path) + ", and nothing is there: that agent has ended.")};
  }
  if (!S_ISSOCK(status.st_mode)) {
    return {no_agent("SSH_AUTH_SOCK leads to " + shown(path) + ", which is no socket.")};
  }
  if (status.st_uid != geteuid() && status.st_uid != 0) return {foreign_socket(path, status.st_uid)};
  return check_answer(path);
}

Findings check_identity_agent(const SshSettings& settings) {
  const std::string agent = setting(settings, "identityagent");
  if (agent.empty() || agent == "SSH_AUTH_SOCK" || agent == "$SSH_AUTH_SOCK") return {};
  if (agent == variable("SSH_AUTH_SOCK")) return {};
  const std::string what =
      agent == "none" ? "ssh is told to use no agent" : "ssh is sent to another agent (" + shown(agent) + ")";
  return {{"identity-agent", "By IdentityAgent in ~/.ssh/config or /etc/ssh/ssh_config " + what + ".",
           "Take that line away, or make it: IdentityAgent SSH_AUTH_SOCK"}};
}

}  // namespace fob::cli
