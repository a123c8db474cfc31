#include "tests/daemon/client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "tests/daemon/daemon.h"
#include "tests/daemon/session.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

using Clock = std::chrono::steady_clock;

int connect_to(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  const int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

bool readable(int fd, Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  pollfd entry{fd, POLLIN, 0};
  return poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) > 0;
}

bool as_bool(const Reply& reply) {
  if (std::holds_alternative<Success>(reply)) return true;
  if (std::holds_alternative<Failure>(reply)) return false;
  throw std::runtime_error("a reply of another type");
}

}  // namespace

MessageType type_of(const Reply& reply) {
  constexpr MessageType types[] = {MessageType::failure,           MessageType::success,
                                   MessageType::extension_failure, MessageType::identities_answer,
                                   MessageType::sign_response,     MessageType::extension_response};
  return types[reply.index()];
}

Client::Client(const std::string& socket) : fd_(connect_to(socket)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "connecting to " + socket);
}
Client::Client(const Daemon& daemon) : Client(daemon.socket()) {}
Client::~Client() { close(); }
Client::Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
Client& Client::operator=(Client&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

bool Client::can_connect(const std::string& socket) {
  const int fd = connect_to(socket);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

void Client::send(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) throw std::system_error(errno, std::generic_category(), "sending");
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
}

std::size_t Client::send_some(ByteView bytes) {
  const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

void Client::half_close() { shutdown(fd_, SHUT_WR); }

void Client::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool Client::read_exactly(std::uint8_t* out, std::size_t bytes, Clock::time_point deadline) {
  while (bytes > 0) {
    if (!readable(fd_, deadline)) throw std::runtime_error("no reply in time");
    const ssize_t got = recv(fd_, out, bytes, 0);
    if (got <= 0) return false;
    out += got;
    bytes -= static_cast<std::size_t>(got);
  }
  return true;
}

std::optional<Bytes> Client::receive(std::chrono::milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  std::uint8_t length[4];
  if (!read_exactly(length, sizeof(length), deadline)) return std::nullopt;
  Bytes out(Reader(length).u32());
  if (!read_exactly(out.data(), out.size(), deadline)) throw std::runtime_error("closed in the middle of a reply");
  return out;
}

bool Client::has_input(std::chrono::milliseconds timeout) { return readable(fd_, Clock::now() + timeout); }

bool Client::is_closed(std::chrono::milliseconds timeout) {
  char byte = 0;
  // A reset is an end as well: what the agent had not read was lost with it.
  return has_input(timeout) && recv(fd_, &byte, 1, 0) <= 0;
}

Reply Client::reply(std::chrono::milliseconds timeout) {
  const std::optional<Bytes> message = receive(timeout);
  if (!message) throw std::runtime_error("the agent closed the connection");
  return parse_reply(*message);
}

Reply Client::request(const Request& request) {
  send(request);
  return reply();
}

Reply Client::request_raw(ByteView message) {
  send(framed(message));
  return reply();
}

bool Client::succeeds(const Request& request) { return as_bool(this->request(request)); }
bool Client::succeeds_raw(ByteView message) { return as_bool(request_raw(message)); }

bool Client::add(const TestKey& key, std::string comment, Constraints constraints) {
  return succeeds(AddIdentity{key.private_key(), std::move(comment), std::move(constraints)});
}

bool Client::remove(ByteView key_blob) { return succeeds(RemoveIdentity{key_blob}); }

std::vector<IdentitiesAnswer::Identity> Client::list() {
  return std::get<IdentitiesAnswer>(request(RequestIdentities{})).identities;
}

std::vector<std::string> Client::comments() {
  std::vector<std::string> out;
  for (const IdentitiesAnswer::Identity& identity : list()) out.push_back(identity.comment);
  return out;
}

std::optional<Bytes> Client::sign(ByteView key_blob, ByteView data, std::uint32_t flags) {
  const Reply reply = request(SignRequest{key_blob, data, flags});
  if (const auto* response = std::get_if<SignResponse>(&reply)) return response->signature;
  if (!std::holds_alternative<Failure>(reply)) throw std::runtime_error("a reply of another type");
  return std::nullopt;
}

MessageType Client::bind(const TestKey& host_key, std::string_view session_id, bool is_forwarding) {
  const Bytes contents = session_bind(host_key, session_id, is_forwarding);
  return type_of(request(Extension{SessionBind::name, contents}));
}

Bytes message(MessageType type, ByteView body) {
  Writer out;
  out.u8(static_cast<std::uint8_t>(type)).raw(body);
  return out.take();
}

Bytes framed(ByteView body) {
  Writer out;
  out.string(body);
  return out.take();
}

std::chrono::microseconds best_service_time(const Daemon& daemon, int tries) {
  auto best = Clock::duration::max();
  for (int i = 0; i < tries; ++i) {
    const Clock::time_point start = Clock::now();
    Client client(daemon);
    client.request(Extension{"query", {}});
    best = std::min(best, Clock::now() - start);
  }
  return std::chrono::duration_cast<std::chrono::microseconds>(best);
}

}  // namespace fob
