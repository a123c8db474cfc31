#include "tests/virtual/program/device.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "protocol/error.h"

namespace fob::virt {
namespace {

constexpr auto connect_timeout = std::chrono::seconds(10);
constexpr Milliseconds retry_period{20};

/// -1 where nobody listens yet.
int try_connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw Error(Errc::too_large, "socket path too long: " + path);
  memcpy(address.sun_path, path.c_str(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw_system_error("socket", errno);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

}  // namespace

Device::Device(const Options& options, const Wakeup& ended, std::function<bool()> interrupted)
    : options_(options), ended_(ended), interrupted_(std::move(interrupted)), token_(options.personality) {
  set_touch(options.touch);
  if (options.state.empty()) return;
  load();
  token_.on_change([this](ByteView state) { save(state); });
}

void Device::set_touch(const TouchPolicy& policy) {
  TouchPolicy patient = policy;
  patient.patience = options_.touch.patience;
  token_.set_touch(patient);
}

void Device::plug() {
  if (running_) return;
  unplug();
  const int socket = options_.uhid ? -1 : connect_socket();
  failed_ = false;
  running_ = true;
  thread_ = std::thread([this, socket] { serve_host(socket); });
  while (running_ && !token_.status().plugged) std::this_thread::sleep_for(Milliseconds(1));
}

void Device::unplug() {
  token_.unplug();
  if (thread_.joinable()) thread_.join();
}

int Device::connect_socket() const {
  const auto deadline = Clock::now() + connect_timeout;
  while (!interrupted_()) {
    const int fd = try_connect(options_.connect);
    if (fd >= 0) return fd;
    if (Clock::now() > deadline) break;
    std::this_thread::sleep_for(retry_period);
  }
  throw Error(Errc::system, "nobody listens on " + options_.connect);
}

void Device::serve_host(int socket) {
  try {
    if (options_.uhid) {
      serve_uhid(token_);
    } else {
      serve_stream(socket, token_);
    }
  } catch (const Error& error) {
    std::cerr << "fob-virtual-token: " << error.what() << "\n";
    failed_ = true;
  }
  if (socket >= 0) close(socket);
  running_ = false;
  ended_.signal();
}

void Device::load() {
  std::ifstream file(options_.state, std::ios::binary);
  if (!file) return;
  const std::string state{std::istreambuf_iterator<char>(file), {}};
  if (!state.empty()) token_.load(as_bytes(state));
}

void Device::save(ByteView state) const {
  const std::string temporary = options_.state + ".new";
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file << as_text(state) << std::flush;
  std::error_code error;
  if (file) std::filesystem::rename(temporary, options_.state, error);
  if (!file || error) std::cerr << "fob-virtual-token: cannot write " << options_.state << "\n";
}

}  // namespace fob::virt
