#include "tests/virtual/authenticator.h"

#include <algorithm>
#include <array>

#include "protocol/error.h"
#include "tests/virtual/u2f.h"

namespace fob::virt {
namespace {

constexpr Milliseconds keepalive_period{100};
constexpr auto reset_window = std::chrono::seconds(10);

std::string name_of(std::uint8_t command) {
  switch (command) {
    case command::make_credential: return "makeCredential";
    case command::get_assertion: return "getAssertion";
    case command::get_info: return "getInfo";
    case command::client_pin: return "clientPIN";
    case command::reset: return "reset";
    case command::get_next_assertion: return "getNextAssertion";
    case command::credential_management:
    case command::credential_management_preview: return "credentialManagement";
    case command::selection: return "selection";
    default: return "unknown";
  }
}

std::string u2f_name(ByteView message) {
  static constexpr std::array<const char*, 3> names{"u2fRegister", "u2fAuthenticate", "u2fVersion"};
  const std::size_t instruction = message.size() > 1 ? message[1] : 0;
  return instruction >= 1 && instruction <= names.size() ? names[instruction - 1] : "u2fUnknown";
}

Bytes reply(Code code, const Bytes& body = {}) {
  const Bytes status{static_cast<std::uint8_t>(code)};
  return concat({status, body});
}

/// Says KEEPALIVE at once and then ten times a second.
class KeepAliveTimer {
 public:
  KeepAliveTimer(Host& host, KeepAlive status) : host_(host), status_(status) {}

  void wait(Milliseconds longest) {
    if (Clock::now() >= next_) {
      host_.keep_alive(status_);
      next_ = Clock::now() + keepalive_period;
    }
    const auto pause = std::chrono::ceil<Milliseconds>(next_ - Clock::now());
    host_.wait(std::clamp(longest, Milliseconds(0), std::max(pause, Milliseconds(0))));
    if (host_.cancelled()) throw CtapError{Code::keepalive_cancel};
  }

 private:
  Host& host_;
  KeepAlive status_;
  Clock::time_point next_;
};

/// Ends the wait however the wait ends.
struct TouchWait {
  explicit TouchWait(Touch& button) : touch(button) { touch.begin(); }
  ~TouchWait() { touch.end(); }
  TouchWait(const TouchWait&) = delete;
  TouchWait& operator=(const TouchWait&) = delete;
  Touch& touch;
};

}  // namespace

Authenticator::Authenticator(Personality personality)
    : personality_(std::move(personality)), pin_(personality_, store_) {}

Status Authenticator::status() const {
  const Lock lock(mutex_);
  Status out = counts_;
  out.pin_retries = store_.pin_retries;
  out.pin_attempts = pin_.attempts();
  out.touch_requests = touch_.requests();
  out.waiting = touch_.waiting();
  out.counter = store_.counter;
  out.residents = store_.residents().size();
  out.plugged = plugged_;
  out.last_secret = store_.last_secret;
  return out;
}

bool Authenticator::unplug() {
  if (!plugged_) return false;
  unplug_requested_ = true;
  wakeup_.signal();
  return true;
}

void Authenticator::unplug_at(const UnplugRule& rule) {
  const Lock lock(mutex_);
  unplug_rule_ = rule;
}

void Authenticator::factory_reset() {
  const Lock lock(mutex_);
  store_.reset();
  pin_.power_up();
  pending_ = {};
  tell_change();
}

Bytes Authenticator::save() const {
  const Lock lock(mutex_);
  return store_.save();
}

void Authenticator::load(ByteView saved) {
  const Lock lock(mutex_);
  store_.load(saved);
  last_told_ = to_bytes(saved);
}

void Authenticator::on_change(std::function<void(ByteView)> listener) {
  const Lock lock(mutex_);
  listener_ = std::move(listener);
}

void Authenticator::plugged_in() {
  const Lock lock(mutex_);
  pin_.power_up();
  pending_ = {};
  powered_at_ = Clock::now();
  ++counts_.plugs;
  unplug_requested_ = false;
  plugged_ = true;
}

void Authenticator::pulled_out() { plugged_ = false; }

bool Authenticator::unplugs(std::uint8_t command, UnplugRule::Phase phase, unsigned keepalives) {
  const Lock lock(mutex_);
  if (!unplug_rule_ || unplug_rule_->command != command || unplug_rule_->phase != phase) return false;
  if (phase == UnplugRule::Phase::keepalives && keepalives < unplug_rule_->keepalives) return false;
  unplug_rule_.reset();
  return true;
}

void Authenticator::count(const std::string& command) {
  const Lock lock(mutex_);
  ++counts_.commands[command];
}

void Authenticator::count_cancel() {
  const Lock lock(mutex_);
  ++counts_.cancels;
}

Bytes Authenticator::answer_ctap2(ByteView message, Host& host) {
  if (message.empty()) return reply(Code::invalid_length);
  count(name_of(message[0]));
  if (message.size() > personality_.max_message) return reply(Code::request_too_large);
  Lock lock(mutex_);
  Context context{personality_, store_, pin_, pending_, [&] { wait_for_touch(host, lock); }};
  Bytes out;
  try {
    process_slowly(host, lock);
    const Value answer = run(message[0], message.subspan(1), context);
    const Bytes body = answer.encode();
    const Bytes null = Value().encode();
    out = reply(Code::ok, body == null ? Bytes() : body);
  } catch (const CtapError& error) {
    out = reply(error.code);
  } catch (const Error&) {
    out = reply(Code::other);
  }
  if (!lock.owns_lock()) lock.lock();
  tell_change();
  return out;
}

Bytes Authenticator::answer_u2f(ByteView message) {
  count(u2f_name(message));
  const Lock lock(mutex_);
  Bytes out = virt::answer_u2f(message, store_, touch_);
  tell_change();
  return out;
}

Value Authenticator::run(std::uint8_t command, ByteView parameters, Context& context) {
  const bool goes_on = command == command::get_next_assertion || command == command::credential_management ||
                       command == command::credential_management_preview;
  if (!goes_on) pending_ = {};
  const Value request = parameters.empty() ? Value::map() : Value::decode(parameters);
  request.entries();  // a map
  switch (command) {
    case command::make_credential: return make_credential(context, request);
    case command::get_assertion: return get_assertion(context, request);
    case command::get_info: return get_info(context);
    case command::get_next_assertion: return get_next_assertion(context);
    case command::client_pin:
      if (!personality_.pin && !personality_.hmac_secret) break;
      return pin_.run(request);
    case command::credential_management:
    case command::credential_management_preview:
      if (!personality_.credential_management) break;
      if (command == command::credential_management && !personality_.ctap21) break;
      return manage_credentials(context, request);
    case command::reset: reset(context); return {};
    case command::selection:
      if (!personality_.ctap21) break;
      context.require_touch();
      return {};
    default: break;
  }
  throw CtapError{Code::invalid_command};
}

void Authenticator::reset(Context& context) {
  if (personality_.reset_window && Clock::now() - powered_at_ > reset_window) throw CtapError{Code::not_allowed};
  context.require_touch();
  store_.reset();
  pin_.power_up();
}

void Authenticator::process_slowly(Host& host, Lock& lock) {
  if (personality_.processing == Milliseconds(0)) return;
  lock.unlock();
  const auto end = Clock::now() + personality_.processing;
  KeepAliveTimer timer(host, KeepAlive::processing);
  while (Clock::now() < end) timer.wait(std::chrono::ceil<Milliseconds>(end - Clock::now()));
  lock.lock();
}

void Authenticator::wait_for_touch(Host& host, Lock& lock) {
  lock.unlock();
  {
    const TouchWait wait(touch_);
    KeepAliveTimer timer(host, KeepAlive::touch_needed);
    while (!touch_.given()) {
      if (touch_.expired()) throw CtapError{Code::user_action_timeout};
      timer.wait(touch_.next_change());
    }
  }
  lock.lock();
}

void Authenticator::tell_change() {
  if (!listener_) return;
  Bytes now = store_.save();
  if (now == last_told_) return;
  last_told_ = std::move(now);
  listener_(last_told_);
}

}  // namespace fob::virt
