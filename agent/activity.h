#pragma once

#include <deque>
#include <list>
#include <memory>
#include <string>

#include "agent/async.h"
#include "protocol/control_activity.h"

namespace fob {

/// What people are waited for, and how keys were used last: what `fob watch` shows. Nothing in it is secret, and
/// nothing of it is written anywhere.
///
/// Threads: the main one only.
class Activity {
 public:
  /// Somebody is asked for something, for as long as what is returned lives. May outlive this.
  std::shared_ptr<void> wait_for(const std::string& sentence);
  /// At most limits::remembered_uses are kept.
  void record(control::KeyUse use);

  /// Whether `fob watch` looks on, or did a moment ago: only then it is worth to find out which programs use a key.
  bool is_watched() const { return asio::steady_timer::clock_type::now() < state_->watched_until; }
  /// Returns at once unless `seen` is the number of what there is now; else with the next change, or after a second,
  /// for tokens and keys come and go unnoticed here.
  Awaitable<void> changed_since(std::uint64_t seen);
  /// What is waited for, and the uses; the rest is for others to fill in.
  control::Activity describe() const;

 private:
  /// What guards of ended waits still use.
  struct State {
    void change();

    std::uint64_t number = 1;
    asio::steady_timer::time_point watched_until{};
    std::list<asio::steady_timer*> watchers;  ///< each cancelled with a change
    std::list<std::string> waiting;
  };

  std::shared_ptr<State> state_ = std::make_shared<State>();
  std::deque<control::KeyUse> uses_;  // the last in front
};

}  // namespace fob
