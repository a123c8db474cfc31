#include "tests/virtual/program/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <sstream>

#include "protocol/error.h"

namespace fob::virt {
namespace {

std::string json(const Status& status) {
  std::ostringstream out;
  out << std::boolalpha << "{\"plugged\":" << status.plugged << ",\"plugs\":" << status.plugs
      << ",\"pin_retries\":" << status.pin_retries << ",\"pin_attempts\":" << status.pin_attempts
      << ",\"waiting\":" << status.waiting << ",\"touch_requests\":" << status.touch_requests
      << ",\"cancels\":" << status.cancels << ",\"counter\":" << status.counter << ",\"resident\":" << status.residents
      << ",\"commands\":{";
  const char* separator = "";
  for (const auto& [name, count] : status.commands) {
    out << separator << "\"" << name << "\":" << count;
    separator = ",";
  }
  out << "}}";
  return out.str();
}

std::string unplug_at(std::istream& words, Authenticator& token) {
  static const std::map<std::string, UnplugRule::Phase> phases{{"arrival", UnplugRule::Phase::arrival},
                                                               {"keepalives", UnplugRule::Phase::keepalives},
                                                               {"reply", UnplugRule::Phase::reply},
                                                               {"mid-reply", UnplugRule::Phase::mid_reply}};
  std::string command;
  std::string phase;
  std::string count = "1";
  words >> command >> phase >> count;
  const std::optional<unsigned> byte = parse_number(command, 0xff);
  const auto found = phases.find(phase);
  const std::optional<unsigned> keepalives = parse_number(count.empty() ? "1" : count, 1'000'000);
  if (!byte || found == phases.end() || !keepalives) return "error: unplug-at CMD PHASE [N]";
  token.unplug_at({static_cast<std::uint8_t>(*byte), found->second, *keepalives});
  return "ok";
}

}  // namespace

std::string answer_line(const std::string& line, Device& device, bool& quit) try {
  std::istringstream words(line);
  std::string verb;
  words >> verb;
  Authenticator& token = device.token();
  if (verb == "touch") return token.touch() ? "ok" : "error: nobody waits for a touch";
  if (verb == "touch-mode") {
    std::string mode;
    words >> mode;
    const std::optional<TouchPolicy> policy = parse_touch(mode);
    if (!policy) return "error: touch-mode auto|manual|MILLISECONDS";
    device.set_touch(*policy);
    return "ok";
  }
  if (verb == "status") return json(token.status());
  if (verb == "unplug-at") return unplug_at(words, token);
  if (verb == "unplug") {
    device.unplug();
  } else if (verb == "plug") {
    device.plug();
    if (device.failed()) return "error: cannot plug in";
  } else if (verb == "reset-state") {
    token.factory_reset();
  } else if (verb == "quit") {
    quit = true;
  } else {
    return "error: unknown command";
  }
  return "ok";
} catch (const Error& error) {
  return std::string("error: ") + error.what();
}

ControlServer::ControlServer(std::string path)
    : path_(std::move(path)), listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) throw Error(Errc::too_large, "socket path too long: " + path_);
  memcpy(address.sun_path, path_.c_str(), path_.size());
  unlink(path_.c_str());
  if (listener_ < 0 || bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_, 16) != 0) {
    throw_system_error("listening on " + path_, errno);
  }
}

ControlServer::~ControlServer() {
  for (const auto& [fd, line] : clients_) close(fd);
  close(listener_);
  unlink(path_.c_str());
}

std::vector<int> ControlServer::fds() const {
  std::vector<int> out{listener_};
  for (const auto& [fd, line] : clients_) out.push_back(fd);
  return out;
}

bool ControlServer::serve(int fd, Device& device) {
  if (fd == listener_) {
    accept_client();
    return false;
  }
  std::array<char, 512> buffer;
  const ssize_t got = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got <= 0) {
    drop(fd);
    return false;
  }
  std::string& pending = clients_[fd];
  pending.append(buffer.data(), static_cast<std::size_t>(got));
  bool quit = false;
  for (std::size_t end = 0; (end = pending.find('\n')) != std::string::npos;) {
    const std::string reply = answer_line(pending.substr(0, end), device, quit) + "\n";
    pending.erase(0, end + 1);
    send(fd, reply.data(), reply.size(), MSG_NOSIGNAL);
  }
  return quit;
}

void ControlServer::accept_client() {
  const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) clients_[fd];
}

void ControlServer::drop(int fd) {
  close(fd);
  clients_.erase(fd);
}

}  // namespace fob::virt
