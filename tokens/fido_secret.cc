#include "protocol/error.h"
#include "protocol/limits.h"
#include "tokens/fido_pin.h"
#include "tokens/fido_token.h"
#include "tokens/random.h"

namespace fob {
namespace {

constexpr std::size_t challenge_bytes = 32;
/// Of authenticator data (CTAP 2.1 §6.2, WebAuthn 2 §6.1).
constexpr std::uint8_t user_present = 0x01;
constexpr std::uint8_t user_verified = 0x04;

FidoAssertion wanted_assertion(const SecretRequest& request) {
  auto out = owned<FidoAssertion>(fido_assert_new());
  const Bytes challenge = random_bytes(challenge_bytes);  // nobody looks at the signature
  const bool is_set =
      fido_assert_set_clientdata_hash(out.get(), challenge.data(), challenge.size()) == FIDO_OK &&
      fido_assert_set_rp(out.get(), request.application.c_str()) == FIDO_OK &&
      fido_assert_allow_cred(out.get(), request.key_handle.data(), request.key_handle.size()) == FIDO_OK &&
      fido_assert_set_extensions(out.get(), FIDO_EXT_HMAC_SECRET) == FIDO_OK &&
      fido_assert_set_hmac_salt(out.get(), request.salt.data(), request.salt.size()) == FIDO_OK &&
      fido_assert_set_up(out.get(), FIDO_OPT_TRUE) == FIDO_OK;
  if (!is_set) throw Error(Errc::malformed, "not what a token makes a secret of");
  return out;
}

/// What the token says of the person must be what was asked for: the secret depends on it.
SecretBytes checked_secret(const fido_assert_t& assertion, bool verify) {
  const std::uint8_t flags = fido_assert_flags(&assertion, 0);
  if ((flags & user_present) == 0) throw Error(Errc::refused, "the token gave a secret without a touch");
  if (verify && (flags & user_verified) == 0) {
    throw Error(Errc::refused, "the token gave a secret without its PIN");
  }
  if (!verify && (flags & user_verified) != 0) {
    throw Error(Errc::refused, "the token gave another secret: it verifies by itself who uses it");
  }
  const std::size_t size = fido_assert_hmac_secret_len(&assertion, 0);
  if (fido_assert_count(&assertion) != 1 || size != limits::fido_secret_bytes) {
    throw Error(Errc::unsupported, "the token gave a secret of " + std::to_string(size) + " bytes, " +
                                       std::to_string(limits::fido_secret_bytes) + " wanted");
  }
  return SecretBytes(ByteView(fido_assert_hmac_secret_ptr(&assertion, 0), size));
}

}  // namespace

SecretBytes FidoToken::derive_secret(const SecretRequest& request, const SecretBytes* pin) {
  const Session session(*this);
  const bool by_itself = request.verify && pin == nullptr && verifies_itself(info(), pin);
  const PinText pin_text(request.verify ? pin : nullptr);
  // libfido2 wipes the secret, the salt and the key between it and the token, each where it stands.
  const FidoAssertion assertion = wanted_assertion(request);
  if (by_itself) check(fido_assert_set_uv(assertion.get(), FIDO_OPT_TRUE));
  const int status = fido_dev_get_assert(device_.get(), assertion.get(), pin_text.c_str());
  if (status == FIDO_ERR_PIN_REQUIRED && !request.verify) {
    throw Error(Errc::refused, "the token wants its PIN for everything now: use a key slot that has the PIN");
  }
  check(status);
  return checked_secret(*assertion, request.verify);
}

}  // namespace fob
