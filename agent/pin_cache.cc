#include "agent/pin_cache.h"

namespace fob {

using namespace std::chrono_literals;

std::optional<SecretBytes> PinCache::take(std::optional<std::uint32_t> tries) {
  const auto& kept = state_->kept;
  if (kept && kept->tries == tries && BootClock::now() < kept->expires &&
      BootClock::suspended() - kept->suspended < 1s) {
    return SecretBytes(kept->pin.view());
  }
  forget();
  return std::nullopt;
}

void PinCache::keep(const SecretBytes& pin, std::optional<std::uint32_t> tries, std::chrono::seconds time,
                    unsigned epoch) {
  if (epoch != state_->epoch) return;
  state_->kept = {SecretBytes(pin.view()), tries, BootClock::now() + time, BootClock::suspended()};
  state_->timer.expires_after(time);
  state_->timer.async_wait([held = std::weak_ptr<State>(state_)](const boost::system::error_code& stopped) {
    const auto state = held.lock();
    if (stopped || !state) return;
    state->kept.reset();
    ++state->epoch;
    if (state->expired) state->expired();
  });
}

void PinCache::forget() {
  state_->kept.reset();
  ++state_->epoch;
}

}  // namespace fob
