#pragma once

#include <optional>
#include <string>
#include <unordered_set>

#include "agent/gate.h"
#include "agent/pin_cache.h"
#include "agent/token_client.h"

namespace fob {

/// One token for as long as it is plugged in, or one SK middleware: how to reach it, and what is known of it.
///
/// Shared by the registry and whoever waits for it. Threads: the main one only.
struct AttachedToken {
  /// How it is called: HID says product and serial, as far as the device tells them.
  struct Names {
    std::string id;       ///< "fido:SERIAL", "fido:hidraw3", or a provider's path
    std::string product;  ///< "Yubico YubiKey OTP+FIDO+CCID"
    std::string serial;
    std::string path;  ///< device node, socket or library
  };

  AttachedToken(asio::io_context& io, Names its_names, TokenClient::Launch launch)
      : names(std::move(its_names)), client(io, std::move(launch)), pin(io) {}

  /// "Yubico YubiKey (12345678)", for people.
  std::string title() const;
  /// Not there any more: ends what runs on it.
  void remove();

  const Names names;
  TokenClient client;
  Gate gate;  ///< to be held while the client is used
  std::optional<TokenInfo> info;
  std::unordered_set<std::string> own_handles;    ///< key handles that it made, found out by asking
  std::unordered_set<std::string> other_handles;  ///< key handles that it did not make
  PinCache pin;
  bool is_middleware = false;
  bool removed = false;
};

}  // namespace fob
