#pragma once

#include <optional>

#include "protocol/private_key.h"

/// The keys in ASN.1 (DER) that stand in PEM files, without encryption. Reading throws malformed, unsupported for
/// kinds and curves that SSH does not have, and invalid_key; nothing may be left over.
namespace fob::asn1 {

/// RSAPrivateKey (RFC 8017 §A.1.2). The CRT exponents, which SSH has not, must fit.
PrivateKey read_rsa(ByteView der);
Bytes write_rsa(const PrivateKey& key);

/// ECPrivateKey (SEC 1 §C.4). `kind` is what is known from elsewhere; without it the key must name its curve.
PrivateKey read_ec(ByteView der, std::optional<KeyKind> kind);
Bytes write_ec(const PrivateKey& key, bool with_curve);

/// OneAsymmetricKey, or PrivateKeyInfo (RFC 5958 §2, RFC 8410 §7).
PrivateKey read_pkcs8(ByteView der);
/// Throws unsupported for other keys than RSA, ECDSA, Ed25519.
Bytes write_pkcs8(const PrivateKey& key);

/// SubjectPublicKeyInfo (RFC 5280 §4.1.2.7, RFC 5480, RFC 8410 §4).
PublicKey read_spki(ByteView der);
/// Throws unsupported as write_pkcs8.
Bytes write_spki(const PublicKey& key);

/// RSAPublicKey (RFC 8017 §A.1.1).
PublicKey read_rsa_public(ByteView der);

}  // namespace fob::asn1
