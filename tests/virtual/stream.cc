#include <errno.h>
#include <sys/socket.h>

#include <algorithm>

#include "tests/virtual/transport.h"

namespace fob::virt {
namespace {

class StreamWire : public Wire {
 public:
  explicit StreamWire(int fd) : fd_(fd) {}
  ~StreamWire() override { shutdown(fd_, SHUT_RDWR); }
  StreamWire(const StreamWire&) = delete;
  StreamWire& operator=(const StreamWire&) = delete;

  int fd() const override { return fd_; }

  bool receive(std::deque<Report>& inbox) override {
    const ssize_t got = recv(fd_, partial_.data() + held_, partial_.size() - held_, MSG_DONTWAIT);
    if (got < 0) return errno == EINTR || errno == EAGAIN;
    if (got == 0) return false;
    held_ += static_cast<std::size_t>(got);
    if (held_ < partial_.size()) return true;
    inbox.push_back(partial_);
    held_ = 0;
    return true;
  }

  bool send(const Report& report) override {
    std::size_t sent = 0;
    while (sent < report.size()) {
      const ssize_t wrote = ::send(fd_, report.data() + sent, report.size() - sent, MSG_NOSIGNAL);
      if (wrote < 0 && errno != EINTR) return false;
      if (wrote > 0) sent += static_cast<std::size_t>(wrote);
    }
    return true;
  }

 private:
  int fd_;
  Report partial_{};
  std::size_t held_ = 0;
};

}  // namespace

End serve_stream(int fd, Authenticator& token) {
  StreamWire wire(fd);
  return serve(wire, token);
}

}  // namespace fob::virt
