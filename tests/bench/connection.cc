#include "connection.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace fob {
namespace {

constexpr std::size_t header_bytes = 4;
constexpr std::size_t max_body_bytes = 16U << 20;  // a list of very many keys
constexpr std::size_t first_buffer_bytes = 4096;

std::size_t frame_bytes(ByteView header) {
  std::size_t body_bytes = 0;
  for (const char c : header.substr(0, header_bytes)) {
    body_bytes = body_bytes << 8 | static_cast<unsigned char>(c);
  }
  if (body_bytes == 0 || body_bytes > max_body_bytes) {
    throw ConnectionLost("agent sent a frame of " + std::to_string(body_bytes) + " bytes");
  }
  return header_bytes + body_bytes;
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw std::runtime_error("socket path is too long: " + path);
  }
  path.copy(address.sun_path, path.size());
  return address;
}

}  // namespace

std::optional<Connection> Connection::connect(const std::string& path, int socket_flags) {
  const sockaddr_un address = address_of(path);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | socket_flags, 0);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "socket");
  Connection connection(fd);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EAGAIN) return std::nullopt;
    throw std::system_error(errno, std::generic_category(), "connect to " + path);
  }
  return connection;
}

Connection Connection::open(const std::string& path) { return *connect(path, 0); }

std::optional<Connection> Connection::try_open(const std::string& path) { return connect(path, SOCK_NONBLOCK); }

Connection::Connection(Connection&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      buffer_(std::move(other.buffer_)),
      filled_bytes_(std::exchange(other.filled_bytes_, 0)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(buffer_, other.buffer_);
  std::swap(filled_bytes_, other.filled_bytes_);
  return *this;
}

Connection::~Connection() {
  if (fd_ >= 0) ::close(fd_);
}

void Connection::send(ByteView request) const {
  if (::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    throw ConnectionLost("agent does not take the request");
  }
}

ByteView Connection::receive() {
  for (;;) {
    if (const auto answer = read(0)) return *answer;
  }
}

std::optional<ByteView> Connection::receive_some() { return read(MSG_DONTWAIT); }

std::optional<ByteView> Connection::read(int flags) {
  const std::size_t wanted_bytes = filled_bytes_ < header_bytes ? first_buffer_bytes : frame_bytes(buffer_);
  if (buffer_.size() < wanted_bytes) buffer_.resize(wanted_bytes);
  const ssize_t got = ::recv(fd_, buffer_.data() + filled_bytes_, buffer_.size() - filled_bytes_, flags);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (got <= 0) throw ConnectionLost("agent closed the connection");
  filled_bytes_ += static_cast<std::size_t>(got);
  if (filled_bytes_ < header_bytes || filled_bytes_ < frame_bytes(buffer_)) return std::nullopt;
  if (filled_bytes_ > frame_bytes(buffer_)) {
    throw ConnectionLost("agent sent more than one answer");
  }
  return ByteView(buffer_).substr(header_bytes, std::exchange(filled_bytes_, 0) - header_bytes);
}

ByteView Connection::exchange(const Exchange& exchange) {
  send(exchange.request);
  const ByteView reply = receive();
  if (!exchange.expected.matches(reply)) {
    throw std::runtime_error("agent does not answer as expected: message " +
                             std::to_string(static_cast<unsigned char>(reply.front())) + " of " +
                             std::to_string(reply.size()) + " bytes");
  }
  return reply;
}

std::vector<Connection> open_used(const std::string& path, std::size_t count) {
  constexpr std::size_t batch = 100;
  const Exchange exchange = list_exchange();
  std::vector<Connection> connections;
  while (connections.size() < count) {
    const std::size_t first = connections.size();
    for (std::size_t i = first; i < std::min(count, first + batch); ++i) {
      connections.push_back(Connection::open(path));
      connections.back().send(exchange.request);
    }
    for (std::size_t i = first; i < connections.size(); ++i) {
      if (!exchange.expected.matches(connections[i].receive())) {
        throw std::runtime_error("agent does not list its keys");
      }
    }
  }
  return connections;
}

}  // namespace fob
