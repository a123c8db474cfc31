#include "tests/virtual/piv/program/slot.h"

#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "protocol/error.h"

namespace fob::virt::piv {
namespace {

constexpr auto connect_timeout = std::chrono::seconds(10);
constexpr Milliseconds retry_period{20};
/// pcscd looks at a reader each 400 ms: of a card that is back sooner it would not know that it was gone.
constexpr std::chrono::seconds absence{1};

int wait_for_vpcd(std::uint16_t port) {
  const auto deadline = Clock::now() + connect_timeout;
  while (Clock::now() < deadline) {
    const int fd = connect_vpcd(port);
    if (fd >= 0) return fd;
    std::this_thread::sleep_for(retry_period);
  }
  throw Error(Errc::system, "no vpcd listens on port " + std::to_string(port));
}

}  // namespace

Slot::Slot(const Options& options) : options_(options), card_(options.personality) {
  card_.set_touch(options.touch);
  if (options.state.empty()) return;
  load();
  card_.on_change([this](ByteView state) { save(state); });
  save(card_.save());
}

void Slot::set_touch(virt::TouchPolicy policy) {
  policy.patience = options_.touch.patience;
  card_.set_touch(policy);
}

void Slot::insert() {
  if (running_) return;
  eject();
  std::this_thread::sleep_until(ejected_at_ + absence);
  socket_ = wait_for_vpcd(options_.port);
  card_.resume();
  running_ = true;
  thread_ = std::thread([this] {
    serve_vpcd(socket_, card_);
    shutdown(socket_, SHUT_RDWR);
    running_ = false;
  });
}

void Slot::eject() {
  if (!thread_.joinable()) return;
  shutdown(socket_, SHUT_RDWR);
  card_.interrupt();
  thread_.join();
  close(socket_);
  ejected_at_ = Clock::now();
}

void Slot::load() {
  std::ifstream file(options_.state, std::ios::binary);
  if (!file) return;
  const std::string state{std::istreambuf_iterator<char>(file), {}};
  if (!state.empty()) card_.load(as_bytes(state));
}

void Slot::save(ByteView state) const {
  const std::string temporary = options_.state + ".new";
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file << as_text(state) << std::flush;
  std::error_code error;
  if (file) std::filesystem::rename(temporary, options_.state, error);
  if (!file || error) std::cerr << "fob-virtual-piv: cannot write " << options_.state << "\n";
}

}  // namespace fob::virt::piv
