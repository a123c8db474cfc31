#pragma once

#include <p11-kit/pkcs11.h>

#include <optional>
#include <string>

#include "protocol/public_key.h"
#include "tokens/pkcs11/attributes.h"

namespace fob::pkcs11 {

/// The SSH key of a public key object, or of a private key object that shows its public numbers: RSA, and EC and
/// Edwards keys whose CKA_EC_POINT may be the point itself or a DER string around it. Nothing: it does not show them,
/// or SSH has no such kind.
std::optional<PublicKey> public_key_of(const SessionRef& session, CK_OBJECT_HANDLE object);

struct CertifiedKey {
  PublicKey key;
  std::string subject;  ///< printable
  /// Whether its key usage (RFC 5280 §4.2.1.3) lets the key sign, be it certificates; nothing: it says nothing of that.
  std::optional<bool> signs;
};
/// The key in an X.509 certificate (DER).
std::optional<CertifiedKey> certified_key(ByteView certificate);

/// CKK_…; and for EC and Edwards keys CKA_EC_PARAMS, a DER object identifier.
CK_KEY_TYPE key_type_of(KeyKind kind);
ByteView ec_parameters_of(KeyKind kind);
/// A point as a DER OCTET STRING: at most 255 bytes.
Bytes der_octet_string_of(ByteView point);
/// Edwards25519 as PKCS#11 3.0 §6.3.16 also has it: the curve's name as a DER PrintableString.
ByteView edwards25519_name();

}  // namespace fob::pkcs11
