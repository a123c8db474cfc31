#include "protocol/error.h"
#include "tokens/pkcs11/connection.h"
#include "tokens/pkcs11/return_value.h"
#include "tokens/pkcs11/token_info.h"

namespace fob::pkcs11 {
namespace {

/// The token's flags as they are now; those of its listing where it does not say.
CK_TOKEN_INFO read_info(const Library& library, const SlotToken& token) {
  CK_TOKEN_INFO info{};
  return library.functions().C_GetTokenInfo(token.slot, &info) == CKR_OK ? info : token.info;
}

std::string named(const CK_TOKEN_INFO& info) { return "the token " + label_of(info); }

/// What a token answers to a login for an operation that it has no need of.
bool is_needless(CK_RV result) {
  return result == CKR_OPERATION_NOT_INITIALIZED || result == CKR_USER_ALREADY_LOGGED_IN ||
         result == CKR_USER_TYPE_INVALID || result == CKR_FUNCTION_NOT_SUPPORTED;
}

[[noreturn]] void throw_wrong_pin(const CK_TOKEN_INFO& now) {
  if ((now.flags & CKF_USER_PIN_LOCKED) != 0)
    throw Error(Errc::pin_blocked, "wrong PIN, and " + named(now) + " is blocked now");
  const bool last = (now.flags & CKF_USER_PIN_FINAL_TRY) != 0;
  throw Error(Errc::wrong_pin, last ? "wrong PIN: one try is left" : "wrong PIN");
}

}  // namespace

void check_pin(const Library& library, const SlotToken& token, CK_RV result, const char* function) {
  const CK_TOKEN_INFO& info = token.info;
  switch (result) {
    case CKR_PIN_INCORRECT: throw_wrong_pin(read_info(library, token));
    case CKR_PIN_LOCKED: throw Error(Errc::pin_blocked, "the PIN of " + named(info) + " is blocked");
    case CKR_PIN_LEN_RANGE:
      throw Error(Errc::wrong_pin, named(info) + " takes PINs of " + std::to_string(info.ulMinPinLen) + " to " +
                                       std::to_string(info.ulMaxPinLen) + " bytes (CKR_PIN_LEN_RANGE)");
    case CKR_PIN_INVALID:
      throw Error(Errc::wrong_pin, named(info) + " takes no PIN with such characters (CKR_PIN_INVALID)");
    case CKR_PIN_EXPIRED: throw Error(Errc::refused, "the PIN of " + named(info) + " has expired: change it");
    case CKR_USER_PIN_NOT_INITIALIZED: throw Error(Errc::refused, named(info) + " has no PIN set");
    default: check(result, function);
  }
}

void refuse_if_blocked(const Library& library, const SlotToken& token, CK_FLAGS locked, const char* whose) {
  const CK_TOKEN_INFO info = read_info(library, token);
  if ((info.flags & locked) != 0)
    throw Error(Errc::pin_blocked, std::string(whose) + " of " + named(info) + " is blocked");
}

/// The only place where a PIN that is to be verified leaves for the module.
CK_RV Connection::send_pin(CK_SESSION_HANDLE session, CK_USER_TYPE user, bool pin_pad, const SecretBytes& pin) {
  announce();
  if (pin_pad) announce_pin_pad();
  // The interface has no const; nobody writes there.
  auto* const text = pin_pad ? nullptr : const_cast<CK_UTF8CHAR*>(pin.data());
  const CK_RV result = library_.functions().C_Login(session, user, text, pin_pad ? 0 : pin.size());
  // Only these say that it did not get as far as the token; any other failure may have cost a try.
  switch (result) {
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
    case CKR_CRYPTOKI_NOT_INITIALIZED:
    case CKR_USER_ALREADY_LOGGED_IN:
    case CKR_OPERATION_NOT_INITIALIZED:
    case CKR_USER_TYPE_INVALID: break;
    default: pin_is_sent(); break;
  }
  return result;
}

/// Some modules answer such a PIN with any error, and some spend a try on it.
void check_pin_length(const CK_TOKEN_INFO& info, const SecretBytes& pin) {
  const bool plausible = info.ulMinPinLen <= info.ulMaxPinLen && info.ulMaxPinLen > 0;
  if (!plausible || (pin.size() >= info.ulMinPinLen && pin.size() <= info.ulMaxPinLen)) return;
  throw Error(Errc::refused, named(info) + " takes PINs of " + std::to_string(info.ulMinPinLen) + " to " +
                                 std::to_string(info.ulMaxPinLen) + " bytes; this one was not sent");
}

void Connection::login(OpenToken& token, const SecretBytes& pin) {
  if (token.logged_in) return;
  const bool pin_pad = token.has(CKF_PROTECTED_AUTHENTICATION_PATH);
  if (!pin_pad && pin.empty()) throw Error(Errc::pin_required, named(token.token.info) + " wants its PIN");
  if (pin_sent_) throw Error(Errc::pin_required, named(token.token.info) + " wants its PIN once more");
  if (!pin_pad) check_pin_length(token.token.info, pin);
  refuse_if_blocked(library_, token.token, CKF_USER_PIN_LOCKED, "the PIN");
  const CK_RV result = send_pin(token.session, CKU_USER, pin_pad, pin);
  if (result != CKR_USER_ALREADY_LOGGED_IN) {
    check_pin(library_, token.token, result, "C_Login");
    logged_in_now_.push_back(token.token.slot);
    note_verified(token.token);
  }
  token.logged_in = true;
  // Objects that were hidden have come.
  forget_keys(token.token.slot);
}

void Connection::login_anew(OpenToken& token, const SecretBytes& pin) {
  if (token.logged_in && !pin.empty()) logout(token);
  login(token, pin);
}

void Connection::login_for_operation(const OpenToken& token, CK_SESSION_HANDLE session, const SecretBytes& pin) {
  const bool pin_pad = token.has(CKF_PROTECTED_AUTHENTICATION_PATH);
  if (!pin_pad && pin.empty()) throw Error(Errc::pin_required, "the key wants the PIN for each use");
  refuse_if_blocked(library_, token.token, CKF_USER_PIN_LOCKED, "the PIN");
  const CK_RV result = send_pin(session, CKU_CONTEXT_SPECIFIC, pin_pad, pin);
  if (!is_needless(result)) check_pin(library_, token.token, result, "C_Login");
}

void Connection::login_as_officer(const SlotToken& token, CK_SESSION_HANDLE session, const SecretBytes& pin) {
  const bool pin_pad = (token.info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
  if (!pin_pad && pin.empty()) throw Error(Errc::pin_required, named(token.info) + " wants its SO PIN");
  refuse_if_blocked(library_, token, CKF_SO_PIN_LOCKED, "the SO PIN");
  const CK_RV result = send_pin(session, CKU_SO, pin_pad, pin);
  if (result == CKR_PIN_INCORRECT) throw Error(Errc::wrong_pin, "wrong SO PIN");
  if (result == CKR_PIN_LOCKED) throw Error(Errc::pin_blocked, "the SO PIN of " + named(token.info) + " is blocked");
  check_pin(library_, token, result, "C_Login");
}

}  // namespace fob::pkcs11
