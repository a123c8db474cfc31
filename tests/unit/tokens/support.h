#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "tests/virtual/transport.h"
#include "tokens/message.h"

namespace fob::test {

/// An open descriptor, closed at the end.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { reset(); }
  int get() const { return number_; }
  void reset();

 private:
  int number_;
};

/// Two ends of a Unix stream socket, both closed on exec.
std::pair<Descriptor, Descriptor> socket_pair();

/// A virtual token that is plugged in: a thread serves it until this dies.
class PluggedToken {
 public:
  explicit PluggedToken(virt::Authenticator& token);
  ~PluggedToken();
  PluggedToken(const PluggedToken&) = delete;
  PluggedToken& operator=(const PluggedToken&) = delete;

  /// The host's end.
  int descriptor() const { return host_end_.get(); }

 private:
  Descriptor token_end_;
  Descriptor host_end_;
  std::thread thread_;
};

/// A reply, and the notices that came before it.
struct Outcome {
  host::Reply reply;
  unsigned touches = 0;
  unsigned openings = 0;  ///< host::Opened
  std::chrono::milliseconds took{};

  /// The reply as `T`; a failure of the test, with the host's reason, where it is another.
  template <class T>
  T as() const {
    if (const auto* failure = std::get_if<host::Failed>(&reply); failure != nullptr) ADD_FAILURE() << failure->text;
    const T* found = std::get_if<T>(&reply);
    if (found == nullptr) throw std::runtime_error("another reply");
    return *found;
  }
  /// What failed, or nothing.
  std::optional<Errc> error() const;
  std::string text() const;
  /// Of Secret; a failure of the test, with the host's reason, where it is another.
  std::string secret() const;
};

/// fob-token-host as fob-agent starts it.
class HostProcess {
 public:
  /// For the token behind `descriptor`, which stays the caller's.
  static HostProcess fido(int descriptor);
  static HostProcess middleware(const std::string& library);
  static HostProcess pkcs11(const std::string& library);
  /// Of the hosts that take no more than their kind: "pkcs11-modules", "readers".
  static HostProcess of_kind(const std::string& kind);
  HostProcess(HostProcess&&) = default;
  HostProcess& operator=(HostProcess&& other) noexcept {
    std::swap(channel_, other.channel_);
    std::swap(pid_, other.pid_);
    return *this;
  }
  ~HostProcess();

  void send(const host::Request& request) const;
  void send_raw(ByteView bytes) const;
  /// The next message; nothing at the end, or where none comes in time.
  std::optional<host::Reply> receive(std::chrono::milliseconds longest = std::chrono::seconds(30)) const;
  /// Until the reply; throws std::runtime_error where none comes.
  Outcome outcome() const;
  Outcome operator()(const host::Request& request) const {
    send(request);
    return outcome();
  }
  /// Closes the channel.
  void leave() { channel_.reset(); }
  pid_t pid() const { return *pid_; }
  /// How it ended, as wait(2) says; nothing where it does not in time.
  std::optional<int> status(std::chrono::milliseconds longest = std::chrono::seconds(10));

 private:
  HostProcess(Descriptor channel, pid_t pid) : channel_(std::move(channel)), pid_(std::make_unique<pid_t>(pid)) {}

  Descriptor channel_;
  std::unique_ptr<pid_t> pid_;  ///< -1 once it was waited for
};

/// A virtual token and the host that serves it.
struct Bench {
  explicit Bench(const virt::Personality& personality = {});

  Outcome generate(const NewKeyRequest& request = {}, std::string_view pin = {});
  Outcome sign(const NewKey& key, std::string_view data, std::string_view pin = {});
  /// The key handle of a new credential for derive().
  Outcome make_secret_credential(std::string_view pin = {});
  Outcome derive(const Bytes& key_handle, const Bytes& salt, bool verify = false, std::string_view pin = {});
  Outcome list(std::string_view pin);
  Outcome set_pin(std::string_view pin);
  Outcome change_pin(std::string_view old_pin, std::string_view new_pin);
  Outcome describe() { return host(host::Describe{}); }
  /// Unplugs the token and plugs it in again, with a new host.
  void replug();
  unsigned pin_tries() const { return token.status().pin_retries; }
  unsigned touches() const { return token.status().touch_requests; }

  virt::Authenticator token;
  std::unique_ptr<PluggedToken> plugged;
  HostProcess host;
};

KeyRef key_ref(const NewKey& key);
SecretBytes secret(std::string_view text);
NewKeyRequest new_key(KeyKind kind, std::uint8_t flags = sk_flags::user_presence_required);

}  // namespace fob::test
