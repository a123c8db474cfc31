#include "tests/virtual/piv/vpcd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/error.h"

namespace fob::virt::piv {
namespace {

constexpr std::uint8_t get_atr = 4;

void set_flag(int fd, int option) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, option, &on, sizeof on);
}

bool receive_all(int fd, std::uint8_t* out, std::size_t size) {
  while (size > 0) {
    const ssize_t got = recv(fd, out, size, 0);
    // vpcd writes a length and a message: acknowledge at once, or its second write waits 40 ms. The kernel forgets the
    // flag, so after each read.
    set_flag(fd, TCP_QUICKACK);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool send_message(int fd, ByteView message) {
  Bytes all{static_cast<std::uint8_t>(message.size() >> 8), static_cast<std::uint8_t>(message.size())};
  all.insert(all.end(), message.begin(), message.end());
  ByteView left = all;
  while (!left.empty()) {
    const ssize_t sent = send(fd, left.data(), left.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    left = left.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

int connect_vpcd(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw_system_error("socket", errno);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    return -1;
  }
  set_flag(fd, TCP_NODELAY);
  set_flag(fd, TCP_QUICKACK);
  return fd;
}

void serve_vpcd(int fd, Card& card) {
  card.power();
  while (true) {
    std::array<std::uint8_t, 2> length{};
    if (!receive_all(fd, length.data(), length.size())) return;
    Bytes message(static_cast<std::size_t>(length[0] << 8 | length[1]));
    if (!receive_all(fd, message.data(), message.size())) return;
    if (message.size() != 1) {
      if (!send_message(fd, card.transmit(message))) return;
    } else if (message[0] == get_atr) {
      if (!send_message(fd, Card::atr())) return;
    } else {
      card.power();
    }
  }
}

}  // namespace fob::virt::piv
