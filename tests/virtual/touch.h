#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "tests/virtual/wakeup.h"

namespace fob::virt {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

/// When the token's button is touched.
struct TouchPolicy {
  enum class Mode {
    automatic,  ///< at once
    delayed,    ///< `delay` after it was asked for
    manual,     ///< when touch() is called
  };
  Mode mode = Mode::automatic;
  Milliseconds delay{0};
  Milliseconds patience{30'000};  ///< then USER_ACTION_TIMEOUT

  static TouchPolicy automatic() { return {}; }
  static TouchPolicy after(Milliseconds delay) { return {Mode::delayed, delay}; }
  static TouchPolicy manual() { return {Mode::manual}; }
};

/// The button. Any thread may call any member.
class Touch {
 public:
  /// `wakeup` is signalled when somebody touches.
  explicit Touch(const Wakeup& wakeup) : wakeup_(wakeup) {}

  void set_policy(const TouchPolicy& policy);
  /// A finger on the button. False, and without effect, if nobody waits for it.
  bool touch();
  /// Whether a touch is waited for now. A U2F host asks again and again: it waits until 1.5 s after it last asked.
  bool waiting() const;
  /// How many times a touch was asked for; a U2F host's repetitions count once.
  unsigned requests() const;

  // The token's side: CTAP2 begins, looks, ends; U2F asks once.
  void begin();
  bool given() const;
  bool expired() const;
  /// How long until `given` or `expired` may change by themselves.
  Milliseconds next_change() const;
  void end();
  bool ask_once();

 private:
  bool waiting_at(Clock::time_point now) const;
  bool given_at(Clock::time_point now) const;

  const Wakeup& wakeup_;
  mutable std::mutex mutex_;
  TouchPolicy policy_;
  unsigned requests_ = 0;
  bool waiting_ = false;                         ///< CTAP2
  std::optional<Clock::time_point> last_asked_;  ///< U2F
  Clock::time_point since_;
  bool touched_ = false;
};

}  // namespace fob::virt
