#pragma once

#include "protocol/public_key.h"

namespace fob {

/// Verifies a signature blob over `data`; of a certificate key, with the key in the certificate.
///
/// Every host key type of OpenSSH: RSA (SHA-1 only for what old servers still send, SHA-2), ECDSA, Ed25519, the sk
/// types, webauthn. The ML-DSA composite type needs an OpenSSL with ML-DSA.
/// Errors: bad_signature, or malformed, invalid_key, unsupported.
void verify_signature(const PublicKey& key, ByteView signature_blob, ByteView data);

/// Verifies the CA's signature in a certificate. Errors: as above.
void verify_certificate(const PublicKey& certificate);

}  // namespace fob
