#include "tests/virtual/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>

#include "protocol/error.h"

namespace fob::virt {

namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  if (path.size() >= sizeof out.sun_path) throw Error(Errc::too_large, "socket path too long: " + path);
  memcpy(out.sun_path, path.c_str(), path.size());
  return out;
}

}  // namespace

ControlServer::ControlServer(std::string path, Responder respond)
    : path_(std::move(path)),
      respond_(std::move(respond)),
      listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  const sockaddr_un address = address_of(path_);
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

bool ControlServer::serve(int fd) {
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
    const std::string reply = respond_(pending.substr(0, end), quit) + "\n";
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

std::string tell(const std::string& path, const std::string& line) {
  const sockaddr_un address = address_of(path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const std::string request = line + "\n";
  std::string reply;
  if (fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
    char next = 0;
    while (recv(fd, &next, 1, 0) == 1 && next != '\n') reply.push_back(next);
  }
  if (fd >= 0) close(fd);
  if (reply.empty()) throw Error(Errc::system, "no answer from " + path);
  return reply;
}

}  // namespace fob::virt
