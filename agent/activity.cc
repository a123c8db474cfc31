#include "agent/activity.h"

#include <algorithm>

#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {

void Activity::State::change() {
  ++number;
  for (asio::steady_timer* watcher : watchers) watcher->cancel();
}

std::shared_ptr<void> Activity::wait_for(const std::string& sentence) {
  const std::shared_ptr<State> state = state_;
  std::string line = sentence;
  std::replace(line.begin(), line.end(), '\n', ' ');
  const auto place = state->waiting.insert(state->waiting.end(), printable(line, limits::sentence_bytes));
  state->change();
  return {nullptr, [state, place](void*) {
            state->waiting.erase(place);
            state->change();
          }};
}

void Activity::record(control::KeyUse use) {
  if (uses_.size() == limits::remembered_uses) uses_.pop_back();
  uses_.push_front(std::move(use));
  state_->change();
}

Awaitable<void> Activity::changed_since(std::uint64_t seen) {
  const std::shared_ptr<State> state = state_;
  // A watcher comes again after each answer.
  state->watched_until = asio::steady_timer::clock_type::now() + 2 * limits::watch_period;
  if (seen != state->number) co_return;
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, limits::watch_period);
  const auto place = state->watchers.insert(state->watchers.end(), &timer);
  const std::shared_ptr<void> watching(nullptr, [state, place](void*) { state->watchers.erase(place); });
  boost::system::error_code woken;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

control::Activity Activity::describe() const {
  control::Activity out;
  out.number = state_->number;
  for (const std::string& sentence : state_->waiting) {
    // A touch that is announced to `fob` and on the screen is one.
    const bool is_listed = std::find(out.waiting.begin(), out.waiting.end(), sentence) != out.waiting.end();
    if (!is_listed && out.waiting.size() < limits::listed_waits) out.waiting.push_back(sentence);
  }
  out.uses.assign(uses_.begin(), uses_.end());
  return out;
}

}  // namespace fob
