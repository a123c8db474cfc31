#include "agent/vault/vault_lock.h"

#include "agent/log.h"
#include "protocol/error.h"

namespace fob {

using namespace std::chrono_literals;

bool VaultLock::has_slept() const { return settings_.lock_on_sleep && BootClock::suspended() - suspended_ >= 1s; }

bool VaultLock::is_open() {
  if (!key_) return false;
  const BootClock::time_point now = BootClock::now();
  const bool rested = settings_.lock_after > 0s && now - last_use_ >= settings_.lock_after;
  // Word of sleep comes over D-Bus, which may be missing; the clocks always tell.
  if (rested || has_slept()) {
    lock(rested ? "it was not used" : "the machine has slept");
    return false;
  }
  return true;
}

VaultLock::Key VaultLock::key() {
  if (!is_open()) throw Error(Errc::refused, "the vault is locked; open it with: fob unlock");
  use();
  return key_;
}

void VaultLock::open(Key key, unsigned epoch) {
  if (epoch != epoch_) throw Error(Errc::refused, "the vault was locked while it was being opened; try again");
  key_ = std::move(key);
  last_use_ = BootClock::now();
  suspended_ = BootClock::suspended();
  log_info("vault opened");
  state_->lock = this;
  if (settings_.lock_after > 0s) watch_idle(settings_.lock_after);
  state_->opening.cancel();
  if (on_open) on_open();
}

void VaultLock::lock(const char* why) {
  ++epoch_;
  if (!key_) return;
  key_.reset();
  state_->idle.cancel();
  if (on_lock) on_lock();
  log_info(std::string("vault locked: ") + why);
}

/// The timer is set anew when it has run out, not at each use.
void VaultLock::watch_idle(BootClock::duration left) {
  state_->idle.expires_after(left);
  state_->idle.async_wait([weak = std::weak_ptr<State>(state_)](const boost::system::error_code& stopped) {
    const auto state = weak.lock();
    if (!stopped && state && state->lock != nullptr) state->lock->check_idle();
  });
}

void VaultLock::check_idle() {
  if (!key_) return;
  const BootClock::duration left = last_use_ + settings_.lock_after - BootClock::now();
  if (left > 0s) return watch_idle(left);
  lock("it was not used");
}

Awaitable<void> VaultLock::opened() {
  // The state outlives this object where a coroutine is destroyed after it.
  const std::shared_ptr<State> state = state_;
  boost::system::error_code woken;
  co_await state->opening.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

}  // namespace fob
