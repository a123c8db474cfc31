#pragma once

#include <functional>
#include <string>
#include <thread>

#include "tests/virtual/program/options.h"
#include "tests/virtual/transport.h"

namespace fob::virt {

/// The token and its plug: plugging in starts a thread that serves the host.
class Device {
 public:
  /// `ended` is signalled when the token is no longer plugged in. `interrupted` is asked while a socket is waited for.
  Device(const Options& options, const Wakeup& ended, std::function<bool()> interrupted);
  ~Device() { unplug(); }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  /// Throws Error{Errc::system} where there is no socket for 10 s, or no uhid.
  void plug();
  void unplug();
  /// Whether the last attempt to plug in failed, or the transport broke.
  bool failed() const { return failed_; }
  Authenticator& token() { return token_; }
  void set_touch(const TouchPolicy& policy);

 private:
  int connect_socket() const;
  void serve_host(int socket);
  void load();
  void save(ByteView state) const;

  const Options& options_;
  const Wakeup& ended_;
  std::function<bool()> interrupted_;
  Authenticator token_;
  std::atomic<bool> running_ = false;
  std::atomic<bool> failed_ = false;
  std::thread thread_;
};

}  // namespace fob::virt
