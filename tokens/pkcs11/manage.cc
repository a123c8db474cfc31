#include "protocol/error.h"
#include "protocol/limits.h"
#include "tokens/pkcs11/piv.h"
#include "tokens/pkcs11/return_value.h"
#include "tokens/pkcs11/token_info.h"
#include "tokens/pkcs11/verbs.h"

namespace fob::pkcs11 {
namespace {

/// More than one key may have on a token.
constexpr std::size_t most_objects = 32;

void destroy_objects(const SessionRef& session, const FoundKey& key, CK_OBJECT_CLASS object_class) {
  Template wanted;
  wanted.number(CKA_CLASS, object_class).bytes(CKA_ID, key.id);
  if (key.id.empty()) wanted.text(CKA_LABEL, key.label);
  for (const CK_OBJECT_HANDLE object : find_objects(session, wanted, most_objects)) {
    check(session.module->C_DestroyObject(session.handle, object), "C_DestroyObject");
  }
}

FoundKey one_key(const SessionRef& session, const Uri& uri, bool all_visible) {
  std::vector<FoundKey> found = find_keys(session, uri, all_visible);
  if (found.empty()) throw Error(Errc::not_found, "the token has no such key");
  if (found.size() == 1) return std::move(found[0]);
  throw Error(Errc::refused, "the URI names " + std::to_string(found.size()) + " keys: add id=… or object=…");
}

CK_UTF8CHAR* pin_text(const SecretBytes& pin) {
  // The interface has no const; nobody writes there.
  return const_cast<CK_UTF8CHAR*>(pin.data());
}

}  // namespace

void remove_key(Connection& connection, const std::string& uri, ByteView key_blob, const Pkcs11Secrets& secrets) {
  if (is_piv(connection, uri)) return remove_from_piv(connection, uri, key_blob, secrets);
  OpenToken& token = connection.open(connection.one_token(uri));
  const Session session(connection.functions(), token.token.slot, true);
  if (token.has(CKF_LOGIN_REQUIRED)) connection.login_anew(token, secrets.pin);
  const FoundKey key = one_key(session.ref(), Uri(uri), true);
  if (!equal(key.public_key.blob, key_blob)) throw Error(Errc::refused, "another key is there now; it stays");
  if (key.id.empty() && key.label.empty())
    throw Error(Errc::refused, "a key without id and label: its objects cannot be told from others'");
  connection.announce();
  // What is left if one fails can still be seen, and be removed.
  for (const CK_OBJECT_CLASS object_class : {CKO_PRIVATE_KEY, CKO_CERTIFICATE, CKO_PUBLIC_KEY}) {
    destroy_objects(session.ref(), key, object_class);
  }
  connection.close_token(token.token.slot);
}

void change_pin(Connection& connection, const std::string& uri, const SecretBytes& old_pin,
                const SecretBytes& new_pin) {
  const SlotToken token = connection.one_token(uri);
  const bool pin_pad = (token.info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
  if (!pin_pad && old_pin.empty()) throw Error(Errc::pin_required, "changing the PIN takes the old one");
  if (!pin_pad) check_pin_length(token.info, old_pin);
  if (!pin_pad) check_pin_length(token.info, new_pin);
  const Session session(connection.functions(), token.slot, true);
  refuse_if_blocked(connection.library(), token, CKF_USER_PIN_LOCKED, "the PIN");
  connection.announce();
  if (pin_pad) connection.announce_pin_pad();
  connection.pin_is_sent();
  const CK_RV result = pin_pad ? connection.functions().C_SetPIN(session.handle(), nullptr, 0, nullptr, 0)
                               : connection.functions().C_SetPIN(session.handle(), pin_text(old_pin), old_pin.size(),
                                                                 pin_text(new_pin), new_pin.size());
  check_pin(connection.library(), token, result, "C_SetPIN");
}

void reset_pin(Connection& connection, const std::string& uri, const SecretBytes& unblocking_pin,
               const SecretBytes& new_pin) {
  if (is_piv(connection, uri)) return unblock_piv(connection, uri, unblocking_pin, new_pin);
  const SlotToken token = connection.one_token(uri);
  const bool pin_pad = (token.info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
  // Beside a security officer there may be no session that only reads, nor a user (PKCS#11 3.0 §5.6.8).
  connection.close_token(token.slot);
  const Session session(connection.functions(), token.slot, true);
  connection.login_as_officer(token, session.handle(), unblocking_pin);
  const CK_RV result = pin_pad ? connection.functions().C_InitPIN(session.handle(), nullptr, 0)
                               : connection.functions().C_InitPIN(session.handle(), pin_text(new_pin), new_pin.size());
  connection.functions().C_Logout(session.handle());
  check_pin(connection.library(), token, result, "C_InitPIN");
}

std::vector<Bytes> attest_key(Connection& connection, const std::string& uri, ByteView key_blob) {
  if (is_piv(connection, uri)) return attest_on_piv(connection, uri, key_blob);
  throw Error(Errc::unsupported,
              "this token cannot attest its keys: PKCS#11 has no way to ask; PIV cards by Yubico can");
}

}  // namespace fob::pkcs11
