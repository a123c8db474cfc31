#include <algorithm>
#include <array>

#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/limits.h"
#include "tokens/pkcs11/key_use.h"
#include "tokens/pkcs11/public_key.h"
#include "tokens/pkcs11/return_value.h"
#include "tokens/pkcs11/verbs.h"

namespace fob::pkcs11 {
namespace {

std::size_t field_bytes(KeyKind kind) { return (traits(kind).bits + 7) / 8; }

/// The interface has no const; nobody writes there.
CK_BYTE* unconst(ByteView bytes) { return const_cast<CK_BYTE*>(bytes.data()); }

/// Before a PIN is spent on it, or a card is given a point that is none: it might tell of its key by what it makes of
/// it.
void check_sealed(const PublicKey& key, ByteView sealed) {
  if (key.kind == KeyKind::rsa) {
    if (sealed.size() == key.rsa_n.size()) return;
    throw Error(Errc::malformed, "what is to be opened has " + std::to_string(sealed.size()) + " bytes, and the key " +
                                     std::to_string(key.rsa_n.size()));
  }
  if (!is_ecdsa(key.kind)) throw Error(Errc::unsupported, "a key of this type opens nothing: it only signs");
  try {
    const KeyKindTraits& kind = traits(key.kind);
    evp_public_key(PublicKey::parse(Writer().string(kind.name).string(kind.curve).string(sealed).bytes()));
  } catch (const Error&) {
    throw Error(Errc::malformed, "what is to be opened is no point on the key's curve");
  }
}

/// RSAES-OAEP with SHA-1, which every token has (RFC 8017 §7.1; PKCS#11 3.0 §6.1.8).
SecretBytes decrypted(const SessionRef& session, const ReadyKey& key, ByteView sealed,
                      const std::function<void()>& log_in) {
  CK_RSA_PKCS_OAEP_PARAMS parameters{CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, nullptr, 0};
  CK_MECHANISM mechanism{CKM_RSA_PKCS_OAEP, &parameters, sizeof(parameters)};
  check(session.module->C_DecryptInit(session.handle, &mechanism, key.object), "C_DecryptInit");
  if (log_in) log_in();
  SecretBytes value(sealed.size());
  CK_ULONG size = value.size();
  check(session.module->C_Decrypt(session.handle, unconst(sealed), sealed.size(), value.data(), &size), "C_Decrypt");
  if (size == 0 || size > limits::opened_secret_bytes) {
    throw Error(Errc::system, "C_Decrypt: a secret of " + std::to_string(size) + " bytes");
  }
  return SecretBytes(value.view().first(size));
}

/// An object of the session, destroyed at the end.
class DerivedSecret {
 public:
  explicit DerivedSecret(const SessionRef& session) : session_(session) {}
  ~DerivedSecret() {
    if (handle != 0) session_.module->C_DestroyObject(session_.handle, handle);
  }
  DerivedSecret(const DerivedSecret&) = delete;
  DerivedSecret& operator=(const DerivedSecret&) = delete;

  CK_OBJECT_HANDLE handle = 0;

 private:
  const SessionRef& session_;
};

struct Form {
  bool wrapped;    ///< the point as a DER OCTET STRING: some tokens want it so, and PKCS#11 lets them
  bool with_size;  ///< some tokens want CKA_VALUE_LEN, some do not know it here
};

CK_RV derive(const SessionRef& session, const ReadyKey& key, ByteView point, Form form, CK_OBJECT_HANDLE& out) {
  const Bytes wrapped = der_octet_string_of(point);
  const ByteView given = form.wrapped ? ByteView(wrapped) : point;
  CK_ECDH1_DERIVE_PARAMS parameters{CKD_NULL, 0, nullptr, given.size(), unconst(given)};
  CK_MECHANISM mechanism{CKM_ECDH1_DERIVE, &parameters, sizeof(parameters)};
  Template secret;
  secret.number(CKA_CLASS, CKO_SECRET_KEY).number(CKA_KEY_TYPE, CKK_GENERIC_SECRET).flag(CKA_TOKEN, false);
  secret.flag(CKA_SENSITIVE, false).flag(CKA_EXTRACTABLE, true);
  if (form.with_size) secret.number(CKA_VALUE_LEN, field_bytes(key.public_key.kind));
  return session.module->C_DeriveKey(session.handle, &mechanism, key.object, secret.data(), secret.size(), &out);
}

bool is_about_point(CK_RV result) {
  return result == CKR_MECHANISM_PARAM_INVALID || result == CKR_ARGUMENTS_BAD || result == CKR_PUBLIC_KEY_INVALID;
}

bool is_about_size(CK_RV result) {
  return result == CKR_TEMPLATE_INCONSISTENT || result == CKR_ATTRIBUTE_TYPE_INVALID ||
         result == CKR_ATTRIBUTE_VALUE_INVALID || result == CKR_ATTRIBUTE_READ_ONLY;
}

/// PKCS#11 3.0 §6.3.19 and §6.3.13.
CK_RV derive_in_some_form(const SessionRef& session, const ReadyKey& key, ByteView point, CK_OBJECT_HANDLE& out) {
  Form form{false, true};
  CK_RV result = derive(session, key, point, form, out);
  if (is_about_size(result)) {
    form.with_size = false;
    result = derive(session, key, point, form, out);
  }
  if (!is_about_point(result)) return result;
  form.wrapped = true;
  return derive(session, key, point, form, out);
}

SecretBytes derived(const SessionRef& session, const ReadyKey& key, ByteView point,
                    const std::function<void()>& log_in) {
  if (log_in) log_in();
  DerivedSecret object(session);
  check(derive_in_some_form(session, key, point, object.handle), "C_DeriveKey");
  const Attributes values(session, object.handle, {{CKA_VALUE, limits::opened_secret_bytes}});
  const std::optional<ByteView> value = values.bytes(CKA_VALUE);
  if (!value) throw Error(Errc::unsupported, "the token keeps to itself what its key derives");
  SecretBytes out(field_bytes(key.public_key.kind));
  if (value->empty() || value->size() > out.size()) {
    throw Error(Errc::system, "C_DeriveKey: a secret of " + std::to_string(value->size()) + " bytes");
  }
  // Some modules leave out leading zeros.
  std::copy(value->begin(), value->end(), out.data() + (out.size() - value->size()));
  return out;
}

}  // namespace

SecretBytes open_secret(Connection& connection, const SecretRequest& request) {
  SecretBytes out;
  check_sealed(PublicKey::parse_plain(request.key_blob), request.sealed);
  use_key(connection, {request.uri, request.key_blob, request.pin, Purpose::opening},
          [&](const SessionRef& session, const ReadyKey& key, const std::function<void()>& log_in) {
            out = key.public_key.kind == KeyKind::rsa ? decrypted(session, key, request.sealed, log_in)
                                                      : derived(session, key, request.sealed, log_in);
          });
  return out;
}

}  // namespace fob::pkcs11
