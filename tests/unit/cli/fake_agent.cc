#include "tests/unit/cli/fake_agent.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>

namespace fob::test {
namespace {

constexpr int patience_ms = 5000;

bool read_whole(int socket, Bytes& out, std::size_t size) {
  out.resize(size);
  return size == 0 || recv(socket, out.data(), size, MSG_WAITALL) == static_cast<ssize_t>(size);
}

}  // namespace

std::optional<control::Request> Peer::receive() {
  Bytes head;
  Bytes message;
  if (!read_whole(socket_.get(), head, 4)) return std::nullopt;
  if (!read_whole(socket_.get(), message, Reader(head).u32())) return std::nullopt;
  return control::parse_request(message);
}

void Peer::send_raw(ByteView bytes) { ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); }

std::optional<std::string> Peer::ask(control::Question::Kind kind, const std::string& text) {
  send(control::Question{kind, text});
  const std::optional<control::Request> request = receive();
  if (!request) return std::nullopt;
  const auto* answer = std::get_if<control::Answer>(&*request);
  if (answer == nullptr || !answer->given) return std::nullopt;
  return std::string(as_text(answer->text.view()));
}

bool Peer::closed_by_client() {
  pollfd watched{socket_.get(), POLLIN, 0};
  if (poll(&watched, 1, patience_ms) != 1) return false;
  std::uint8_t byte = 0;
  return recv(socket_.get(), &byte, 1, 0) == 0;
}

std::pair<cli::Descriptor, cli::Descriptor> connected_sockets() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) throw_system_error("socketpair", errno);
  const int small_bytes = 4096;  // so that large messages come in pieces
  setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small_bytes, sizeof(small_bytes));
  cli::Descriptor agent(ends[0]);
  cli::Descriptor client(ends[1]);
  timeval patience{5, 0};
  setsockopt(agent.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  return {std::move(agent), std::move(client)};
}

FakeAgent::FakeAgent(Handle handle) : handle_(std::move(handle)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, control_path().c_str());
  listener_ = cli::Descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener_.get(), 8) != 0) {
    throw_system_error("the fake agent's socket", errno);
  }
  thread_ = std::thread([this] { serve(); });
}

FakeAgent::~FakeAgent() {
  shutdown(listener_.get(), SHUT_RDWR);
  thread_.join();
}

std::size_t FakeAgent::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void FakeAgent::serve() {
  for (;;) {
    cli::Descriptor socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (socket.get() < 0) return;
    Peer peer(std::move(socket));
    const std::optional<control::Request> request = peer.receive();
    if (!request) continue;
    {
      const std::lock_guard lock(mutex_);
      ++requests_;
    }
    handle_(*request, peer);
  }
}

}  // namespace fob::test
