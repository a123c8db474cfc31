#include "agent/peer.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

struct Process {
  std::string name;
  pid_t parent = 0;
};

/// From /proc/PID/stat, "pid (name) state ppid …"; the name may hold parentheses, spaces and line ends itself.
std::optional<Process> read_process(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  constexpr std::size_t to_parent = 4;  // ") S "
  if (open == std::string::npos || close == std::string::npos || close < open || text.size() < close + to_parent) {
    return std::nullopt;
  }
  Process out;
  out.name = printable(std::string_view(text).substr(open + 1, close - open - 1));
  std::from_chars(text.data() + close + to_parent, text.data() + text.size(), out.parent);
  return out;
}

}  // namespace

Peer peer_of(int descriptor) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    throw_system_error("reading a client's identity", errno);
  }
  return {credentials.uid, credentials.pid};
}

bool may_connect(const Peer& peer) { return peer.uid == 0 || peer.uid == getuid(); }

bool is_own_descendant(const Peer& peer) {
  pid_t next = peer.pid;
  for (std::size_t i = 0; i < limits::program_chain && next > 1; ++i) {
    const std::optional<Process> process = read_process(next);
    if (!process) return false;
    if (process->parent == getpid()) return true;
    next = process->parent;
  }
  return false;
}

std::string Peer::program_chain() const {
  std::string out;
  pid_t next = pid;
  for (std::size_t i = 0; i < limits::program_chain && next > 0; ++i) {
    const std::optional<Process> process = read_process(next);
    if (!process) break;
    if (!out.empty()) out += " ← ";
    out += process->name;
    next = process->parent;
  }
  if (pid == 0) return "an unknown program";  // in another pid namespace
  if (out.empty()) out = "a program that is gone";
  return out + " (pid " + std::to_string(pid) + ")";
}

bool Route::is_remote() const {
  return bind_failed || std::any_of(binds.begin(), binds.end(), [](const Bind& bind) { return bind.is_forwarding; });
}

ByteView Route::origin() const {
  return !binds.empty() && binds.front().is_forwarding ? ByteView(binds.front().session_id) : ByteView();
}

}  // namespace fob
