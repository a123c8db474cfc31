#include "tokens/fido_error.h"

#include <fido.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "protocol/error.h"

namespace fob {
namespace {

struct Meaning {
  int status;
  Errc code;
  const char* text;
};

constexpr Meaning meanings[] = {
    // The PIN.
    {FIDO_ERR_PIN_REQUIRED, Errc::pin_required, "the token wants its PIN for this"},
    {FIDO_ERR_PIN_NOT_SET, Errc::refused, "the token has no PIN: set one with: fob pin set"},
    {FIDO_ERR_PIN_AUTH_BLOCKED, Errc::pin_blocked,
     "too many wrong PINs in a row: unplug the token and plug it in again, then it takes a PIN"},
    {FIDO_ERR_PIN_BLOCKED, Errc::pin_blocked,
     "the token's PIN is blocked for good: only a reset helps, which erases every key on it"},
    {FIDO_ERR_PIN_POLICY_VIOLATION, Errc::refused,
     "the token refuses this PIN by its rules (too short, too simple, or to be changed first): choose another with: "
     "fob pin change"},
    {FIDO_ERR_PIN_AUTH_INVALID, Errc::system, "the token did not accept the PIN's proof: try again"},
    {FIDO_ERR_PIN_TOKEN_EXPIRED, Errc::system, "the PIN's permission ran out on the token: try again"},
    {FIDO_ERR_UNAUTHORIZED_PERM, Errc::refused, "the token does not permit this with its PIN"},
    {FIDO_ERR_UV_INVALID, Errc::refused, "the token did not recognise the finger: try again, or use the PIN"},
    {FIDO_ERR_UV_BLOCKED, Errc::pin_required, "too many fingers not recognised: the token now wants its PIN"},
    // The person.
    {FIDO_ERR_USER_ACTION_TIMEOUT, Errc::timed_out, "nobody touched the token in time"},
    {FIDO_ERR_ACTION_TIMEOUT, Errc::timed_out, "nobody touched the token in time"},
    {FIDO_ERR_TIMEOUT, Errc::timed_out, "nobody touched the token in time"},
    {FIDO_ERR_OPERATION_DENIED, Errc::refused, "declined on the token"},
    {FIDO_ERR_KEEPALIVE_CANCEL, Errc::cancelled, "cancelled"},
    // Keys.
    {FIDO_ERR_NO_CREDENTIALS, Errc::not_found,
     "the token does not have this key, or was reset since: plug in the token that made it"},
    {FIDO_ERR_INVALID_CREDENTIAL, Errc::not_found, "the token does not know this key: plug in the token that made it"},
    {FIDO_ERR_CREDENTIAL_EXCLUDED, Errc::refused, "the token has such a key already"},
    {FIDO_ERR_KEY_STORE_FULL, Errc::refused,
     "no space is left on the token for a resident key: remove one, or make a key that is not resident"},
    {FIDO_ERR_LIMIT_EXCEEDED, Errc::refused, "over a limit of the token"},
    {FIDO_ERR_USER_PRESENCE_REQUIRED, Errc::unsupported, "the token signs only when it is touched"},
    {FIDO_ERR_UP_REQUIRED, Errc::unsupported, "the token signs only when it is touched"},
    // What the token cannot do.
    {FIDO_ERR_UNSUPPORTED_ALGORITHM, Errc::unsupported, "the token cannot make keys of this type: try ecdsa-sk"},
    {FIDO_ERR_UNSUPPORTED_OPTION, Errc::unsupported, "the token does not have an option that this needs"},
    {FIDO_ERR_INVALID_OPTION, Errc::unsupported, "the token does not have an option that this needs"},
    {FIDO_ERR_UNSUPPORTED_EXTENSION, Errc::unsupported, "the token does not have an extension that this needs"},
    {FIDO_ERR_INVALID_COMMAND, Errc::unsupported, "the token does not know this command"},
    {FIDO_ERR_NOT_ALLOWED, Errc::refused, "the token does not allow this now"},
    {FIDO_ERR_REQUEST_TOO_LARGE, Errc::too_large, "the request is too long for the token"},
    // Between us and it.
    {FIDO_ERR_CHANNEL_BUSY, Errc::refused, "the token is busy with another program: try again when that has finished"},
    {FIDO_ERR_TX, Errc::system, "cannot write to the token"},
    {FIDO_ERR_RX, Errc::system, "the token's answer cannot be understood"},
    {FIDO_ERR_RX_NOT_CBOR, Errc::system, "the token's answer cannot be understood"},
    {FIDO_ERR_RX_INVALID_CBOR, Errc::system, "the token's answer cannot be understood"},
    {FIDO_ERR_INVALID_CBOR, Errc::system, "the token's answer cannot be understood"},
    {FIDO_ERR_INVALID_SIG, Errc::bad_signature, "the token's attestation does not verify"},
};

}  // namespace

void throw_fido_error(int status, std::optional<int> pin_tries) {
  if (status == FIDO_ERR_PIN_INVALID) {
    std::string text = "wrong PIN";
    if (pin_tries == 1) text += ": 1 try left, then the token blocks its PIN for good";
    if (pin_tries && *pin_tries != 1) text += ": " + std::to_string(*pin_tries) + " tries left";
    throw Error(Errc::wrong_pin, text);
  }
  const auto* found = std::find_if(std::begin(meanings), std::end(meanings),
                                   [status](const Meaning& meaning) { return meaning.status == status; });
  if (found != std::end(meanings)) throw Error(found->code, found->text);
  throw Error(Errc::system, std::string("the token failed: ") + fido_strerr(status));
}

}  // namespace fob
