#include <openssl/bn.h>

#include <algorithm>
#include <memory>

#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/limits.h"
#include "protocol/request.h"
#include "protocol/verify.h"
#include "tokens/pkcs11/new_key.h"
#include "tokens/pkcs11/piv.h"
#include "tokens/pkcs11/public_key.h"
#include "tokens/pkcs11/return_value.h"
#include "tokens/pkcs11/verbs.h"

namespace fob::pkcs11 {
namespace {

struct BnDeleter {
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
  void operator()(BN_CTX* context) const { BN_CTX_free(context); }
};
using Number = std::unique_ptr<BIGNUM, BnDeleter>;

/// In OpenSSL's secure heap, which is fob's.
Number number(ByteView magnitude) {
  Number out(BN_secure_new());
  if (!out || BN_bin2bn(magnitude.data(), static_cast<int>(magnitude.size()), out.get()) == nullptr) {
    throw_openssl_error("reading a number");
  }
  return out;
}

/// `exponent` mod (`prime` - 1), for the Chinese remainder theorem.
Bytes reduced(ByteView exponent, ByteView prime) {
  const Number d = number(exponent);
  const Number p = number(prime);
  const Number out(BN_secure_new());
  const std::unique_ptr<BN_CTX, BnDeleter> context(BN_CTX_secure_new());
  BN_set_flags(d.get(), BN_FLG_CONSTTIME);
  BN_set_flags(p.get(), BN_FLG_CONSTTIME);
  const bool done =
      out && context && BN_sub_word(p.get(), 1) == 1 && BN_mod(out.get(), d.get(), p.get(), context.get()) == 1;
  if (!done) throw_openssl_error("preparing an RSA key");
  Bytes bytes(static_cast<std::size_t>(BN_num_bytes(out.get())));
  BN_bn2bin(out.get(), bytes.data());
  return bytes;
}

/// PKCS#11 3.0 §6.1.3.
void add_rsa_numbers(Template& out, const PrivateKey& key) {
  Reader in(key.secret.view());
  const ByteView d = in.mpint();
  const ByteView coefficient = in.mpint();
  const ByteView p = in.mpint();
  const ByteView q = in.mpint();
  out.bytes(CKA_MODULUS, key.public_key.rsa_n).bytes(CKA_PUBLIC_EXPONENT, key.public_key.rsa_e);
  out.bytes(CKA_PRIVATE_EXPONENT, d).bytes(CKA_PRIME_1, p).bytes(CKA_PRIME_2, q);
  out.bytes(CKA_EXPONENT_1, reduced(d, p)).bytes(CKA_EXPONENT_2, reduced(d, q)).bytes(CKA_COEFFICIENT, coefficient);
}

/// PKCS#11 3.0 §6.3.4 and §6.3.6: the number with as many bytes as the curve has, the seed of Ed25519.
void add_curve_secret(Template& out, const PrivateKey& key) {
  Reader in(key.secret.view());
  out.bytes(CKA_EC_PARAMS, ec_parameters_of(key.public_key.kind));
  if (key.public_key.kind == KeyKind::ed25519) {
    out.bytes(CKA_VALUE, in.string().first(ed25519_public_bytes));
    return;
  }
  const ByteView d = in.mpint();
  const std::size_t size = (traits(key.public_key.kind).bits + 7) / 8;
  if (d.size() > size) throw Error(Errc::invalid_key, "the private number is too large for its curve");
  Bytes padded(size - d.size());
  padded.insert(padded.end(), d.begin(), d.end());
  out.bytes(CKA_VALUE, padded);
}

CK_OBJECT_HANDLE create(const SessionRef& session, Template& object) {
  CK_OBJECT_HANDLE out = 0;
  check(session.module->C_CreateObject(session.handle, object.data(), object.size(), &out), "C_CreateObject");
  return out;
}

CK_OBJECT_HANDLE create_private(const SessionRef& session, const Pkcs11NewKey& wanted, ByteView id,
                                const PrivateKey& key) {
  Template object = private_template(wanted, id);
  object.number(CKA_CLASS, CKO_PRIVATE_KEY).number(CKA_KEY_TYPE, key_type_of(key.public_key.kind));
  if (key.public_key.kind == KeyKind::rsa) {
    add_rsa_numbers(object, key);
  } else {
    add_curve_secret(object, key);
  }
  return create(session, object);
}

CK_OBJECT_HANDLE create_public(const SessionRef& session, const Pkcs11NewKey& wanted, ByteView id,
                               const PublicKey& key) {
  Template object = public_template(wanted, id);
  object.number(CKA_CLASS, CKO_PUBLIC_KEY).number(CKA_KEY_TYPE, key_type_of(key.kind));
  if (key.kind == KeyKind::rsa) {
    object.bytes(CKA_MODULUS, key.rsa_n).bytes(CKA_PUBLIC_EXPONENT, key.rsa_e);
  } else {
    object.bytes(CKA_EC_PARAMS, ec_parameters_of(key.kind)).bytes(CKA_EC_POINT, der_octet_string_of(key.point));
  }
  return create(session, object);
}

/// Whether the token has understood the numbers: else the key would be of no use, and the file may be gone by then.
void check_by_signing(const SessionRef& session, CK_OBJECT_HANDLE object, const PublicKey& key) {
  const std::string_view data = "a key that was put on a token";
  const Bytes signature = make_signature(session, object, key, SignRequest::flag_rsa_sha2_256, as_bytes(data), {});
  verify_signature(key, signature, as_bytes(data));
}

}  // namespace

Pkcs11Key store_key(Connection& connection, const Pkcs11NewKey& wanted, const PrivateKey& key,
                    const Pkcs11Secrets& secrets) {
  if (wanted.opens_secrets) throw Error(Errc::unsupported, "a key that opens secrets is made on its token");
  if (is_piv(connection, wanted.token)) return store_on_piv(connection, wanted, key, secrets);
  Workplace place(connection, wanted, secrets.pin);
  const SessionRef session = place.session();
  connection.pin_is_sent();
  const Bytes id = new_id();
  const CK_OBJECT_HANDLE private_object = create_private(session, wanted, id, key);
  CK_OBJECT_HANDLE public_object = 0;
  try {
    check_private_key(session, private_object, false);
    public_object = create_public(session, wanted, id, key.public_key);
    check_by_signing(session, private_object, key.public_key);
    return listed_key(connection, place.token(), key.public_key.blob);
  } catch (const Error& error) {
    throw_without(session, {private_object, public_object}, error);
  }
}

}  // namespace fob::pkcs11
