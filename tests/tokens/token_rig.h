#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "protocol/control_reply.h"
#include "protocol/control_request.h"
#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"
#include "tests/virtual/authenticator.h"

namespace fob {

/// A virtual token and the hand that plugs it into a socket of the agent's.
class Stick {
 public:
  explicit Stick(std::string socket, virt::Personality personality = {});
  ~Stick();
  Stick(const Stick&) = delete;
  Stick& operator=(const Stick&) = delete;

  /// Connects, in a thread that serves until it is unplugged or the agent ends.
  void plug_in();
  void unplug();
  virt::Authenticator& token() { return token_; }
  virt::Status status() const { return token_.status(); }
  /// Waits until a touch is waited for, or no longer.
  bool waits_for_touch(bool wanted = true) const;

 private:
  std::string socket_;
  virt::Authenticator token_;
  std::thread thread_;
};

/// A connection to the control socket with a person who answers questions.
class ControlClient {
 public:
  explicit ControlClient(const Daemon& daemon);
  ~ControlClient();
  ControlClient(const ControlClient&) = delete;
  ControlClient& operator=(const ControlClient&) = delete;

  /// What the person will type, one after the other; when there is nothing left they decline.
  void will_type(std::string text) { typed_.push_back(std::move(text)); }
  void forget_typing() { typed_.clear(); }
  /// Asks and waits for the last reply; questions and notices are kept.
  control::Reply request(const control::Request& request);
  void send(const control::Request& request);
  control::Reply last_reply();
  void close();

  /// The reply, which must be of this kind; throws with the agent's reason else.
  template <class Expected>
  Expected expect(const control::Request& request);
  /// Why the request failed; empty if it did not.
  std::string failure(const control::Request& request);

  std::vector<control::Question> questions;
  std::vector<std::string> notices;

 private:
  control::Reply receive();

  int fd_ = -1;
  std::deque<std::string> typed_;
};

/// What tests of tokens have: an agent with sockets for tokens, and a person who answers its dialogs.
class TokenRig {
 public:
  struct Options {
    std::size_t sticks = 1;
    std::string config = {};  ///< further lines of TOML, before [[fido.socket]]
    std::vector<virt::Personality> personalities = {};
    std::vector<std::string> arguments = {};
    std::string data_home = {};  ///< where keys are kept; empty: a place of its own
    bool plugged_in = true;
    bool without_memfd_secret = false;  ///< as DaemonOptions has it
  };
  TokenRig() : TokenRig(Options()) {}
  explicit TokenRig(Options options);
  ~TokenRig();

  Daemon& daemon() { return *daemon_; }
  Stick& stick(std::size_t index = 0) { return *sticks_[index]; }
  const TempDir& directory() const { return directory_; }

  /// What the person types into askpass from now on (a shell script's body); and what it was shown.
  void set_askpass(const std::string& script);
  std::string dialogs() const { return read_file(directory_.file("dialogs")); }
  /// Waits until the agent has `count` FIDO2 tokens.
  bool has_tokens(std::size_t count);

  control::NewKey wish(const std::string& name) const;
  /// Generates a key on the only token, and gives its public part.
  PublicKey generate(const control::NewKey& wish, const std::string& pin = "");
  /// Sets the PIN of the only token through fob.
  void set_pin(const std::string& pin, const std::string& on = "fido");

 private:
  void start(const Options& options);

  TempDir directory_;
  std::vector<std::unique_ptr<Stick>> sticks_;
  std::unique_ptr<Daemon> daemon_;
};

template <class Expected>
Expected ControlClient::expect(const control::Request& asked) {
  control::Reply reply = request(asked);
  if (const auto* failed = std::get_if<control::Failed>(&reply)) throw Error(failed->code, failed->text);
  return std::get<Expected>(std::move(reply));
}

}  // namespace fob
