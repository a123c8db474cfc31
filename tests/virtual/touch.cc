#include "tests/virtual/touch.h"

#include <algorithm>

namespace fob::virt {
namespace {

constexpr Milliseconds u2f_memory{1500};

}  // namespace

void Touch::set_policy(const TouchPolicy& policy) {
  const std::scoped_lock lock(mutex_);
  policy_ = policy;
  wakeup_.signal();
}

bool Touch::touch() {
  const std::scoped_lock lock(mutex_);
  if (!waiting_at(Clock::now())) return false;
  touched_ = true;
  wakeup_.signal();
  return true;
}

bool Touch::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiting_at(Clock::now());
}

unsigned Touch::requests() const {
  const std::scoped_lock lock(mutex_);
  return requests_;
}

void Touch::begin() {
  const std::scoped_lock lock(mutex_);
  ++requests_;
  waiting_ = true;
  last_asked_.reset();
  touched_ = false;
  since_ = Clock::now();
}

bool Touch::given() const {
  const std::scoped_lock lock(mutex_);
  return given_at(Clock::now());
}

bool Touch::expired() const {
  const std::scoped_lock lock(mutex_);
  return Clock::now() - since_ >= policy_.patience;
}

Milliseconds Touch::next_change() const {
  const std::scoped_lock lock(mutex_);
  const bool delayed = policy_.mode == TouchPolicy::Mode::delayed;
  const auto wait = delayed ? std::min(policy_.delay, policy_.patience) : policy_.patience;
  return std::max(std::chrono::ceil<Milliseconds>(since_ + wait - Clock::now()), Milliseconds(0));
}

void Touch::end() {
  const std::scoped_lock lock(mutex_);
  waiting_ = false;
}

bool Touch::ask_once() {
  const std::scoped_lock lock(mutex_);
  const auto now = Clock::now();
  if (!waiting_at(now)) {
    ++requests_;
    touched_ = false;
    since_ = now;
  }
  last_asked_ = now;
  if (!given_at(now)) return false;
  last_asked_.reset();
  return true;
}

bool Touch::waiting_at(Clock::time_point now) const {
  return waiting_ || (last_asked_ && now - *last_asked_ < u2f_memory);
}

bool Touch::given_at(Clock::time_point now) const {
  switch (policy_.mode) {
    case TouchPolicy::Mode::automatic: return true;
    case TouchPolicy::Mode::delayed: return touched_ || now - since_ >= policy_.delay;
    case TouchPolicy::Mode::manual: break;
  }
  return touched_;
}

}  // namespace fob::virt
