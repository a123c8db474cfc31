#include "tokens/fido_token.h"

#include <array>

#include "protocol/error.h"
#include "protocol/evp.h"
#include "tokens/fido_error.h"
#include "tokens/fido_info.h"
#include "tokens/fido_pin.h"
#include "tokens/sk_key.h"

namespace fob {
namespace {

/// Signed by has_key(): no SSH client ever asks for a signature of it.
constexpr std::array<std::uint8_t, 32> probe_hash{};

void check_is_fido2(const fido_dev_t* device) {
  if (fido_dev_is_fido2(device)) return;
  throw Error(Errc::unsupported, "the token speaks U2F only: it has no PIN and no resident keys");
}

}  // namespace

void FidoToken::open() {
  link_.check();
  if (device_) return;
  auto device = owned<FidoDevice>(fido_dev_new());
  const int status = link_.open(device.get());
  // libfido2 takes a token for U2F when its getInfo fails, be it for a cancel.
  link_.check();
  if (status != FIDO_OK) throw_fido_error(status, std::nullopt);
  device_ = std::move(device);
}

void FidoToken::check(int status) {
  if (status == FIDO_OK) return;
  link_.check();
  throw_fido_error(status, status == FIDO_ERR_PIN_INVALID ? pin_tries() : std::nullopt);
}

std::optional<int> FidoToken::pin_tries() {
  int tries = 0;
  return fido_dev_get_retry_count(device_.get(), &tries) == FIDO_OK ? std::optional(tries) : std::nullopt;
}

TokenInfo FidoToken::info() {
  if (!fido_dev_is_fido2(device_.get())) return token_info(device_.get(), nullptr);
  const auto info = owned<FidoInfo>(fido_cbor_info_new());
  check(fido_dev_get_cbor_info(device_.get(), info.get()));
  return token_info(device_.get(), info.get());
}

void FidoToken::expect_touch() {
  if (!fido_dev_is_fido2(device_.get())) link_.announce_touch();
}

bool FidoToken::verifies_itself(const TokenInfo& info, const SecretBytes* pin) const {
  if (pin != nullptr) return false;
  if (info.built_in_uv) return true;
  if (info.pin_set) throw Error(Errc::pin_required, "the token wants its PIN for this");
  if (info.takes_pin) throw Error(Errc::refused, "the token has no PIN, and this needs one: set it with: fob pin set");
  throw Error(Errc::unsupported, "the token cannot verify who uses it: it takes no PIN");
}

TokenInfo FidoToken::describe() {
  const Session session(*this);
  TokenInfo out = info();
  if (!out.pin_set) return out;
  int tries = 0;
  check(fido_dev_get_retry_count(device_.get(), &tries));
  out.pin_tries = static_cast<std::uint32_t>(tries);
  return out;
}

bool FidoToken::has_key(const KeyRef& key) {
  const Session session(*this);
  const auto assertion = owned<FidoAssertion>(fido_assert_new());
  check(fido_assert_set_clientdata_hash(assertion.get(), probe_hash.data(), probe_hash.size()));
  check(fido_assert_set_rp(assertion.get(), key.application.c_str()));
  check(fido_assert_allow_cred(assertion.get(), key.key_handle.data(), key.key_handle.size()));
  check(fido_assert_set_up(assertion.get(), FIDO_OPT_FALSE));
  const int status = fido_dev_get_assert(device_.get(), assertion.get(), nullptr);
  // U2F tokens, and some that speak both, know the key but want a touch for it.
  if (status == FIDO_OK || status == FIDO_ERR_USER_PRESENCE_REQUIRED || status == FIDO_ERR_UP_REQUIRED) return true;
  // U2F tokens refuse a key handle of another length as an invalid argument.
  if (status == FIDO_ERR_NO_CREDENTIALS || status == FIDO_ERR_INVALID_CREDENTIAL ||
      (status == FIDO_ERR_INVALID_ARGUMENT && !fido_dev_is_fido2(device_.get()))) {
    return false;
  }
  check(status);
  return false;
}

Bytes FidoToken::sign(const KeyRef& key, ByteView data, const SecretBytes* pin) {
  const Session session(*this);
  const bool touch = (key.flags & sk_flags::user_presence_required) != 0;
  const bool verify = (key.flags & sk_flags::user_verification_required) != 0;
  if (!touch && !fido_dev_is_fido2(device_.get())) throw_fido_error(FIDO_ERR_UP_REQUIRED, std::nullopt);
  const bool by_itself = verify && pin == nullptr && verifies_itself(info(), pin);

  const auto assertion = owned<FidoAssertion>(fido_assert_new());
  const Digest hash(Hash::sha256, data);
  check(fido_assert_set_clientdata_hash(assertion.get(), hash.view().data(), hash.view().size()));
  check(fido_assert_set_rp(assertion.get(), key.application.c_str()));
  check(fido_assert_allow_cred(assertion.get(), key.key_handle.data(), key.key_handle.size()));
  check(fido_assert_set_up(assertion.get(), touch ? FIDO_OPT_TRUE : FIDO_OPT_FALSE));
  if (by_itself) check(fido_assert_set_uv(assertion.get(), FIDO_OPT_TRUE));
  if (touch) expect_touch();
  const PinText pin_text(pin);
  check(fido_dev_get_assert(device_.get(), assertion.get(), pin_text.c_str()));
  return sk_signature(key, *assertion);
}

void FidoToken::set_pin(const SecretBytes& new_pin) {
  const Session session(*this);
  check_is_fido2(device_.get());
  const TokenInfo now = info();
  if (!now.takes_pin) throw Error(Errc::unsupported, "the token takes no PIN");
  if (now.pin_set) throw Error(Errc::refused, "the token has a PIN already: change it with: fob pin change");
  check_new_pin(new_pin, now.min_pin_length);
  const PinText text(&new_pin);
  check(fido_dev_set_pin(device_.get(), text.c_str(), nullptr));
}

void FidoToken::change_pin(const SecretBytes& old_pin, const SecretBytes& new_pin) {
  const Session session(*this);
  check_is_fido2(device_.get());
  const TokenInfo now = info();
  if (!now.pin_set) throw_fido_error(FIDO_ERR_PIN_NOT_SET, std::nullopt);
  check_new_pin(new_pin, now.min_pin_length);
  const PinText old_text(&old_pin);
  const PinText new_text(&new_pin);
  check(fido_dev_set_pin(device_.get(), new_text.c_str(), old_text.c_str()));
}

void FidoToken::reset() {
  const Session session(*this);
  check_is_fido2(device_.get());
  const int status = fido_dev_reset(device_.get());
  if (status == FIDO_ERR_NOT_ALLOWED) {
    throw Error(Errc::refused,
                "the token resets only within some seconds of being plugged in: unplug it, plug it in, and try again");
  }
  check(status);
}

}  // namespace fob
