#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "agent/async.h"
#include "agent/boot_clock.h"
#include "protocol/secret_bytes.h"

namespace fob {

/// A PIN that a token accepted, for as long as the user wants it kept. It is given out only while the token counts its
/// tries as it did then, and the machine has not slept since.
///
/// Threads: the main one only.
class PinCache {
 public:
  /// `expired` is called when the time of a PIN is over.
  explicit PinCache(asio::io_context& io, std::function<void()> expired = nullptr)
      : state_(std::make_shared<State>(io, std::move(expired))) {}
  ~PinCache() { forget(); }
  PinCache(const PinCache&) = delete;
  PinCache& operator=(const PinCache&) = delete;

  /// A copy of the PIN, or nothing; then whatever was kept is wiped. `tries` is what the token counts now.
  std::optional<SecretBytes> take(std::optional<std::uint32_t> tries);
  /// Keeps it for `time`, unless forget() was called since `epoch`.
  void keep(const SecretBytes& pin, std::optional<std::uint32_t> tries, std::chrono::seconds time, unsigned epoch);
  /// Wipes it. Also keeps a PIN from being cached that is in use now.
  void forget();
  unsigned epoch() const { return state_->epoch; }
  bool empty() const { return !state_->kept; }

 private:
  struct Kept {
    SecretBytes pin;
    std::optional<std::uint32_t> tries;
    BootClock::time_point expires;
    BootClock::duration suspended;  // how long the machine had slept so far
  };
  struct State {
    State(asio::io_context& io, std::function<void()> then) : timer(io), expired(std::move(then)) {}
    std::optional<Kept> kept;
    unsigned epoch = 0;
    asio::steady_timer timer;
    std::function<void()> expired;
  };

  std::shared_ptr<State> state_;
};

}  // namespace fob
