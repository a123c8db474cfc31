#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "agent/gate.h"
#include "agent/pin_cache.h"
#include "agent/token_client.h"
#include "protocol/pkcs11_info.h"

namespace fob {

/// A token behind a PKCS#11 module: what is known of it, and its PIN where that may be used again.
///
/// Known from when it is first seen until the agent ends, plugged in or not. Threads: the main one only.
struct Pkcs11Token {
  /// `log_out` is called when its cached PIN has expired.
  Pkcs11Token(asio::io_context& io, Pkcs11TokenInfo its_info, std::function<void()> log_out)
      : info(std::move(its_info)), pin(io, std::move(log_out)) {}

  /// "YubiKey PIV #12345678 (12345678)", for people.
  std::string title() const;
  /// Whether it wants a PIN that is not typed at the reader.
  bool takes_pin() const { return info.login_required && info.pin_set && !info.pin_pad; }
  /// Keeps the PIN of `ssh-add -s` until what is returned dies, the agent is locked or the machine sleeps.
  std::shared_ptr<void> hold(SecretBytes held);
  void forget_pins();

  Pkcs11TokenInfo info;  ///< as it was last read
  PinCache pin;
  std::weak_ptr<SecretBytes> held_pin;  ///< of `ssh-add -s`; its keys hold it
  unsigned logins = 0;                  ///< how often a request has left it logged in
};

/// A PKCS#11 module and the tokens that it has shown.
///
/// Shared by the registry and whoever waits for it. Threads: the main one only.
struct Pkcs11Module {
  /// A key that was used before: on which token it is, and which host (TokenClient::hosts_started) has made a signature
  /// with it that was verified; 0: none.
  struct KnownKey {
    std::shared_ptr<Pkcs11Token> token;
    unsigned proven_by = 0;
  };

  Pkcs11Module(asio::io_context& context, std::string its_path, TokenClient::Launch launch)
      : io(context), path(std::move(its_path)), client(io, std::move(launch)), gate(limits::module_queue) {}

  /// The token that `info` describes; what was known of it before stays.
  std::shared_ptr<Pkcs11Token> token(const Pkcs11TokenInfo& info);
  void remember(const std::string& key_uri, std::shared_ptr<Pkcs11Token> token);
  /// Wipes PINs, and ends what is logged in.
  void forget_pins();

  asio::io_context& io;
  const std::string path;  ///< resolved
  std::string name;        ///< of p11-kit's or fob's configuration; empty: added by its path
  TokenClient client;
  Gate gate;                                                   ///< to be held for whatever may log in, or asks a person
  std::map<std::string, std::shared_ptr<Pkcs11Token>> tokens;  // by URI; at most limits::pkcs11_tokens
  std::unordered_map<std::string, KnownKey> keys;              // by URI; at most limits::known_handles
  std::size_t added = 0;                                       ///< by ssh-add -s, and not removed since
  unsigned epoch = 0;                                          ///< how often forget_pins() was called
  bool was_slow = false;  ///< it did not show its tokens in time when that was asked for first
};

}  // namespace fob
