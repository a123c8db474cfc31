#include "tokens/pkcs11/new_key.h"

#include "protocol/error.h"
#include "tokens/pkcs11/return_value.h"
#include "tokens/random.h"

namespace fob::pkcs11 {
namespace {

constexpr std::size_t id_bytes = 20;

void refuse_known_label(const SessionRef& session, const std::string& label) {
  for (const CK_OBJECT_CLASS object_class : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY}) {
    Template wanted;
    wanted.number(CKA_CLASS, object_class).text(CKA_LABEL, label);
    if (find_objects(session, wanted, 1).empty()) continue;
    throw Error(Errc::refused, "the token has a key of this label already: choose another name, or remove that one");
  }
}

SlotToken token_for(Connection& connection, const Pkcs11NewKey& wanted) {
  if (!wanted.slot.empty()) throw Error(Errc::unsupported, "only PIV cards have slots that a key can be put into");
  if (wanted.label.empty()) throw Error(Errc::refused, "a key on a token needs a label");
  const SlotToken out = connection.one_token(wanted.token);
  if ((out.info.flags & CKF_TOKEN_INITIALIZED) != 0) return out;
  throw Error(Errc::refused, "the token has not been initialised");
}

}  // namespace

Workplace::Workplace(Connection& connection, const Pkcs11NewKey& wanted, const SecretBytes& pin)
    : token_(connection.open(token_for(connection, wanted))),
      session_(connection.functions(), token_.token.slot, true) {
  if (token_.has(CKF_LOGIN_REQUIRED)) connection.login_anew(token_, pin);
  refuse_known_label(session(), wanted.label);
  connection.announce();
}

Bytes new_id() { return random_bytes(id_bytes); }

Template private_template(const Pkcs11NewKey& wanted, ByteView id) {
  Template out;
  out.flag(CKA_TOKEN, true).flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, true).flag(CKA_EXTRACTABLE, false);
  out.flag(CKA_SIGN, !wanted.opens_secrets);
  if (wanted.opens_secrets) out.flag(CKA_DERIVE, true);
  out.bytes(CKA_ID, id).text(CKA_LABEL, wanted.label);
  return out;
}

Template public_template(const Pkcs11NewKey& wanted, ByteView id) {
  Template out;
  out.flag(CKA_TOKEN, true).flag(CKA_PRIVATE, false).flag(CKA_VERIFY, !wanted.opens_secrets);
  // So that it can be told from one that signs while the private half is hidden.
  if (wanted.opens_secrets) out.flag(CKA_DERIVE, true);
  out.bytes(CKA_ID, id).text(CKA_LABEL, wanted.label);
  return out;
}

void check_private_key(const SessionRef& session, CK_OBJECT_HANDLE object, bool generated) {
  const std::size_t size = sizeof(CK_BBOOL);
  const Attributes values(session, object, {{CKA_SENSITIVE, size}, {CKA_EXTRACTABLE, size}, {CKA_LOCAL, size}});
  if (!values.flag(CKA_SENSITIVE).value_or(false)) {
    throw Error(Errc::refused, "the token does not keep the key to itself (CKA_SENSITIVE)");
  }
  if (values.flag(CKA_EXTRACTABLE).value_or(true)) {
    throw Error(Errc::refused, "the token would let the key be taken out (CKA_EXTRACTABLE)");
  }
  if (generated && !values.flag(CKA_LOCAL).value_or(true)) {
    throw Error(Errc::refused, "the key was not made on the token (CKA_LOCAL)");
  }
}

void throw_without(const SessionRef& session, std::initializer_list<CK_OBJECT_HANDLE> objects, const Error& reason) {
  bool all_gone = true;
  for (const CK_OBJECT_HANDLE object : objects) {
    if (object != 0) all_gone = session.module->C_DestroyObject(session.handle, object) == CKR_OK && all_gone;
  }
  if (all_gone) throw reason;
  throw Error(reason.code(), std::string(reason.what()) + "; and the token did not delete it again: it is still there");
}

}  // namespace fob::pkcs11
