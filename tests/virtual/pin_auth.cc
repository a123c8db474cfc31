#include "tests/virtual/pin_auth.h"

#include <algorithm>

#include "tests/virtual/ctap.h"

namespace fob::virt {
namespace {

constexpr unsigned mismatches_until_replug = 3;
constexpr auto token_lifetime = std::chrono::minutes(10);
constexpr std::size_t padded_pin = 64;

enum Subcommand : std::int64_t {
  get_retries = 1,
  get_key_agreement = 2,
  set_new_pin = 3,
  change_old_pin = 4,
  get_pin_token = 5,
  get_token_with_permissions = 9,
};

/// Keys of the request.
enum Parameter : std::int64_t {
  p_protocol = 1,
  p_subcommand = 2,
  p_key_agreement = 3,
  p_auth = 4,
  p_new_pin = 5,
  p_pin_hash = 6,
  p_permissions = 9,
  p_rp_id = 10,
};

std::size_t code_points(ByteView utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(utf8, [](std::uint8_t c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

void PinAuth::power_up() {
  key_agreement_ = KeyPair::generate(Alg::es256);
  token_ = random_bytes(32);
  permissions_ = 0;
  consecutive_mismatches_ = 0;
}

Value PinAuth::run(const Value& request) {
  const std::int64_t subcommand = request.at(p_subcommand).number();
  if (request.find(p_pin_hash) != nullptr) ++attempts_;
  if (subcommand == get_key_agreement) {
    protocol_of(request, p_protocol);
    return Value::map({{1, key_agreement_key(key_agreement_)}});
  }
  if (!personality_.pin) throw CtapError{Code::invalid_subcommand};
  switch (subcommand) {
    case get_retries: {
      Value out = Value::map({{3, store_.pin_retries}});
      if (consecutive_mismatches_ >= mismatches_until_replug) out.set(4, true);
      return out;
    }
    case set_new_pin: return set_pin(request);
    case change_old_pin: return change_pin(request);
    case get_pin_token: return get_token(request, false);
    case get_token_with_permissions:
      if (personality_.ctap21) return get_token(request, true);
      break;
    default: break;
  }
  throw CtapError{Code::invalid_subcommand};
}

Value PinAuth::set_pin(const Value& request) {
  const SharedSecret secret = agree(protocol_of(request, p_protocol), request.at(p_key_agreement));
  const Bytes& new_pin = request.at(p_new_pin).bytes();
  if (is_set() || !secret.verify(new_pin, request.at(p_auth).bytes())) throw CtapError{Code::pin_auth_invalid};
  take_new_pin(secret, new_pin);
  return {};
}

Value PinAuth::change_pin(const Value& request) {
  const SharedSecret secret = agree(protocol_of(request, p_protocol), request.at(p_key_agreement));
  const Bytes& new_pin = request.at(p_new_pin).bytes();
  const Bytes& pin_hash = request.at(p_pin_hash).bytes();
  const Bytes& mac = request.at(p_auth).bytes();
  if (!is_set()) throw CtapError{Code::pin_not_set};
  refuse_if_blocked();
  if (!secret.verify(concat({new_pin, pin_hash}), mac)) throw CtapError{Code::pin_auth_invalid};
  check_pin(secret, pin_hash);
  take_new_pin(secret, new_pin);
  return {};
}

Value PinAuth::get_token(const Value& request, bool with_permissions) {
  const SharedSecret secret = agree(protocol_of(request, p_protocol), request.at(p_key_agreement));
  const Bytes& pin_hash = request.at(p_pin_hash).bytes();
  const Value* asked = request.find(p_permissions);
  const Value* rp_id = request.find(p_rp_id);
  unsigned permissions = may_make | may_get;
  if (with_permissions) {
    const std::int64_t wanted = request.at(p_permissions).number();
    if (wanted <= 0) throw CtapError{Code::invalid_parameter};
    const unsigned known = may_make | may_get | (personality_.credential_management ? may_manage : 0U);
    if ((wanted & ~static_cast<std::int64_t>(known)) != 0) throw CtapError{Code::unauthorized_permission};
    permissions = static_cast<unsigned>(wanted);
    if ((permissions & (may_make | may_get)) != 0 && rp_id == nullptr) throw CtapError{Code::missing_parameter};
  } else if (asked != nullptr || rp_id != nullptr) {
    throw CtapError{Code::invalid_parameter};
  }
  if (!is_set()) throw CtapError{Code::pin_not_set};
  refuse_if_blocked();
  check_pin(secret, pin_hash);
  token_ = random_bytes(32);
  permissions_ = personality_.ctap21 ? permissions : permissions | may_manage;
  bound_to_.reset();
  if (rp_id != nullptr) bound_to_ = sha256(as_bytes(rp_id->text()));
  issued_ = Clock::now();
  return Value::map({{2, secret.encrypt(token_)}});
}

void PinAuth::check_pin(const SharedSecret& secret, ByteView encrypted_hash) {
  --store_.pin_retries;
  bool right = false;
  try {
    right = constant_time_equal(secret.decrypt(encrypted_hash), *store_.pin_hash);
  } catch (const CtapError&) {
    // Not a multiple of a block: a wrong PIN like any other.
  }
  if (right) {
    store_.pin_retries = Store::full_retries;
    consecutive_mismatches_ = 0;
    return;
  }
  key_agreement_ = KeyPair::generate(Alg::es256);
  ++consecutive_mismatches_;
  refuse_if_blocked();
  throw CtapError{Code::pin_invalid};
}

void PinAuth::take_new_pin(const SharedSecret& secret, ByteView encrypted) {
  Bytes pin = secret.decrypt(encrypted);
  if (pin.size() != padded_pin) throw CtapError{Code::invalid_parameter};
  while (!pin.empty() && pin.back() == 0) pin.pop_back();
  if (pin.size() == padded_pin || code_points(pin) < personality_.min_pin_length) {
    throw CtapError{Code::pin_policy_violation};
  }
  store_.pin_hash = to_bytes(ByteView(sha256(pin)).first(16));
  store_.pin_retries = Store::full_retries;
  token_ = random_bytes(32);
  permissions_ = 0;
}

void PinAuth::refuse_if_blocked() const {
  if (store_.pin_retries == 0) throw CtapError{Code::pin_blocked};
  if (consecutive_mismatches_ >= mismatches_until_replug) throw CtapError{Code::pin_auth_blocked};
}

bool PinAuth::authorize(const Value& request, std::int64_t mac_key, std::int64_t protocol_key, ByteView message,
                        Permission permission, const Bytes* rp_hash) {
  const Value* mac = request.find(mac_key);
  if (mac == nullptr) return false;
  const unsigned protocol = protocol_of(request, protocol_key);
  const bool alive = permissions_ != 0 && Clock::now() - issued_ < token_lifetime;
  if (!alive || !mac_matches(protocol, token_, message, mac->bytes())) throw CtapError{Code::pin_auth_invalid};
  if ((permissions_ & permission) == 0) throw CtapError{Code::pin_auth_invalid};
  if (bound_to_ && (rp_hash == nullptr || *bound_to_ != *rp_hash)) throw CtapError{Code::pin_auth_invalid};
  if (!bound_to_ && rp_hash != nullptr && permission != may_manage && personality_.ctap21) bound_to_ = *rp_hash;
  return true;
}

void PinAuth::spend() {
  if (personality_.ctap21) permissions_ = 0;
}

SharedSecret PinAuth::agree(unsigned protocol, const Value& platform_key) const {
  return {protocol, key_agreement_, platform_key};
}

unsigned PinAuth::protocol_of(const Value& request, std::int64_t key) const {
  const std::int64_t protocol = request.at(key).number();
  for (const unsigned known : personality_.pin_protocols) {
    if (protocol == known) return known;
  }
  throw CtapError{Code::invalid_parameter};
}

}  // namespace fob::virt
