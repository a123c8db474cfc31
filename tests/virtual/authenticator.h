#pragma once

#include <atomic>
#include <map>
#include <mutex>

#include "tests/virtual/commands.h"
#include "tests/virtual/ctap.h"

namespace fob::virt {

/// When a token is pulled out while it answers a command.
struct UnplugRule {
  enum class Phase {
    arrival,     ///< when the command has arrived
    keepalives,  ///< after so many KEEPALIVEs
    reply,       ///< done, but nothing of the reply sent
    mid_reply,   ///< after the reply's first frame
  };
  std::uint8_t command = 0;  ///< CTAP2's byte, or the INS of a U2F message
  Phase phase = Phase::arrival;
  unsigned keepalives = 1;
};

/// What happened to a token, at one moment.
struct Status {
  std::map<std::string, unsigned> commands;  ///< "makeCredential", "u2fRegister", "ping", …
  unsigned pin_retries = 0;
  unsigned pin_attempts = 0;
  unsigned touch_requests = 0;
  bool waiting = false;  ///< for a touch
  unsigned cancels = 0;
  std::uint32_t counter = 0;
  std::size_t residents = 0;
  unsigned plugs = 0;  ///< how often it was plugged in
  bool plugged = false;
  Bytes last_secret;  ///< of hmac-secret, for the first salt
};

/// The host at the other end, as a running command sees it. Its members may throw to end the command.
class Host {
 public:
  virtual ~Host() = default;
  virtual void keep_alive(KeepAlive status) = 0;
  /// Handles what arrives, until something did or the time is over.
  virtual void wait(Milliseconds longest) = 0;
  virtual bool cancelled() const = 0;
};

/// A FIDO2 and U2F token without its transport: what you keep when you unplug it.
///
/// One transport serves it at a time, on one thread; the other members may be called from any thread.
class Authenticator {
 public:
  explicit Authenticator(Personality personality = {});

  void set_touch(const TouchPolicy& policy) { touch_.set_policy(policy); }
  /// A finger on the button; false if nobody waits for one.
  bool touch() { return touch_.touch(); }
  Status status() const;

  /// Pulls it out; the transport's function returns soon. False if it is not plugged in. Async-signal-safe.
  bool unplug();
  /// Once, at the next such command.
  void unplug_at(const UnplugRule& rule);

  /// As authenticatorReset does, without a touch.
  void factory_reset();
  Bytes save() const;
  /// Throws Error{Errc::malformed} where it is not what `save` gave.
  void load(ByteView saved);
  /// Called with what `save` gives, on the transport's thread, after each command that changed it.
  void on_change(std::function<void(ByteView)> listener);

  // For transports.

  const Personality& personality() const { return personality_; }
  /// Readable when `unplug_requested` or a touch may have changed.
  const Wakeup& wakeup() const { return wakeup_; }
  void plugged_in();
  void pulled_out();
  bool unplug_requested() const { return unplug_requested_; }
  /// Whether the rule says so; it is used up then.
  bool unplugs(std::uint8_t command, UnplugRule::Phase phase, unsigned keepalives = 0);
  void count(const std::string& command);
  void count_cancel();
  /// A CTAP2 command and its parameters to status and body.
  Bytes answer_ctap2(ByteView message, Host& host);
  Bytes answer_u2f(ByteView message);

 private:
  using Lock = std::unique_lock<std::mutex>;

  Value run(std::uint8_t command, ByteView parameters, Context& context);
  void reset(Context& context);
  void process_slowly(Host& host, Lock& lock);
  void wait_for_touch(Host& host, Lock& lock);
  void tell_change();

  const Personality personality_;
  Wakeup wakeup_;
  Touch touch_{wakeup_};
  std::atomic<bool> plugged_ = false;
  std::atomic<bool> unplug_requested_ = false;

  mutable std::mutex mutex_;  ///< of what follows; not held while a touch is waited for
  Store store_;
  PinAuth pin_;
  Pending pending_;
  Clock::time_point powered_at_;
  Status counts_;
  std::optional<UnplugRule> unplug_rule_;
  std::function<void(ByteView)> listener_;
  Bytes last_told_;
};

}  // namespace fob::virt
