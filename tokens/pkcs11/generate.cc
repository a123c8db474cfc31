#include <algorithm>
#include <array>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "tokens/pkcs11/new_key.h"
#include "tokens/pkcs11/piv.h"
#include "tokens/pkcs11/public_key.h"
#include "tokens/pkcs11/return_value.h"
#include "tokens/pkcs11/verbs.h"

namespace fob::pkcs11 {
namespace {

constexpr std::array<std::uint8_t, 3> exponent_65537{0x01, 0x00, 0x01};

struct KeyPair {
  CK_OBJECT_HANDLE public_object = 0;
  CK_OBJECT_HANDLE private_object = 0;
};

CK_MECHANISM_TYPE generator_of(KeyKind kind) {
  if (kind == KeyKind::rsa) return CKM_RSA_PKCS_KEY_PAIR_GEN;
  return kind == KeyKind::ed25519 ? CKM_EC_EDWARDS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN;
}

/// `curve` as CKA_EC_PARAMS; nothing for RSA.
CK_RV generate_pair(const SessionRef& session, const Pkcs11NewKey& wanted, ByteView id, ByteView curve, KeyPair& out) {
  Template public_half = public_template(wanted, id);
  Template private_half = private_template(wanted, id);
  if (wanted.kind == KeyKind::rsa) {
    public_half.number(CKA_MODULUS_BITS, wanted.rsa_bits).bytes(CKA_PUBLIC_EXPONENT, exponent_65537);
  } else {
    public_half.bytes(CKA_EC_PARAMS, curve);
  }
  CK_MECHANISM mechanism{generator_of(wanted.kind), nullptr, 0};
  return session.module->C_GenerateKeyPair(session.handle, &mechanism, public_half.data(), public_half.size(),
                                           private_half.data(), private_half.size(), &out.public_object,
                                           &out.private_object);
}

/// Whether a token may have refused the form of CKA_EC_PARAMS, and not the curve.
bool may_be_form(CK_RV result) {
  return result == CKR_DOMAIN_PARAMS_INVALID || result == CKR_CURVE_NOT_SUPPORTED ||
         result == CKR_TEMPLATE_INCONSISTENT || result == CKR_ATTRIBUTE_VALUE_INVALID ||
         result == CKR_FUNCTION_FAILED || result == CKR_GENERAL_ERROR;
}

KeyPair generate_pair(const SessionRef& session, const Pkcs11NewKey& wanted, ByteView id) {
  KeyPair out;
  CK_RV result = generate_pair(session, wanted, id, ec_parameters_of(wanted.kind), out);
  if (wanted.kind == KeyKind::ed25519 && may_be_form(result)) {
    result = generate_pair(session, wanted, id, edwards25519_name(), out);
  }
  check(result, "C_GenerateKeyPair");
  return out;
}

void check_wanted(const Pkcs11NewKey& wanted) {
  if (wanted.opens_secrets && !is_ecdsa(wanted.kind)) {
    throw Error(Errc::unsupported, "a key that opens secrets is one on a NIST curve");
  }
  if (wanted.kind != KeyKind::rsa) return;
  if (wanted.rsa_bits >= limits::rsa_min_bits && wanted.rsa_bits <= limits::rsa_max_bits) return;
  throw Error(Errc::refused, "RSA keys have " + std::to_string(limits::rsa_min_bits) + " to " +
                                 std::to_string(limits::rsa_max_bits) + " bits");
}

}  // namespace

Pkcs11Key generate_key(Connection& connection, const Pkcs11NewKey& wanted, const Pkcs11Secrets& secrets) {
  check_wanted(wanted);
  if (is_piv(connection, wanted.token)) return generate_on_piv(connection, wanted, secrets);
  Workplace place(connection, wanted, secrets.pin);
  const SessionRef session = place.session();
  // From here on nothing is tried again by itself.
  connection.pin_is_sent();
  const KeyPair made = generate_pair(session, wanted, new_id());
  try {
    check_private_key(session, made.private_object, true);
    const std::optional<PublicKey> key = public_key_of(session, made.public_object);
    if (!key || key->kind != wanted.kind)
      throw Error(Errc::system, "the token made another kind of key than asked for");
    return listed_key(connection, place.token(), key->blob);
  } catch (const Error& error) {
    throw_without(session, {made.private_object, made.public_object}, error);
  }
}

}  // namespace fob::pkcs11
