#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/attached_token.h"
#include "agent/config.h"

namespace fob {

class TokenSocket;
class UdevMonitor;

/// The tokens that are plugged in, and the SK middlewares in use.
///
/// FIDO2 tokens come as hidraw devices, noticed through udev, and over Unix sockets that the configuration names:
/// whoever connects there is a token until it hangs up (docs/token-socket.md). Nothing is opened or read until it is
/// used. Threads: the main one only.
class Tokens {
 public:
  using Shared = std::shared_ptr<AttachedToken>;

  Tokens(asio::io_context& io, const std::vector<Config::Fido::Socket>& sockets);
  ~Tokens();

  /// Called once, when tokens are used for the first time.
  std::function<void()> on_first_use;

  /// In the order in which they were plugged in. The first call begins to watch for tokens.
  const std::vector<Shared>& plugged_in();
  /// The one that `name` means: "fido" (there must be one only), or an id. Throws not_found or refused, and says what
  /// there is.
  Shared named(const std::string& name);
  /// The host of an SK middleware; `path` has passed the allow-list.
  Shared middleware(const std::string& path);
  /// Wipes cached PINs: on lock, suspend.
  void forget_pins();
  /// Ends all token hosts; no token is used after that.
  void close_all();
  /// Hosts that have not ended yet.
  std::size_t running_hosts() const;

 private:
  void begin();
  void watch();
  void add(AttachedToken::Names names, TokenClient::Launch launch);
  void remove(const std::string& path);

  asio::io_context& io_;
  std::vector<Shared> plugged_in_;
  std::map<std::string, Shared> middlewares_;
  std::vector<std::unique_ptr<TokenSocket>> sockets_;
  std::unique_ptr<UdevMonitor> monitor_;
  bool begun_ = false;
};

}  // namespace fob
