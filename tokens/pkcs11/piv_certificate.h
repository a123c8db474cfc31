#pragma once

#include <string_view>

#include "protocol/public_key.h"

namespace fob::pkcs11 {

/// A self-signed X.509 certificate (RFC 5280) whose signature a PIV card makes: subject and issuer are one common name,
/// valid from 2000 to the end of 9999 (§4.1.2.5). PKCS#11 modules take a slot's public key from it.
class SelfSignedCertificate {
 public:
  /// For RSA, P-256 or P-384. Errors: refused where the name is longer than 64 characters (RFC 5280 appendix A.1) or no
  /// UTF-8 text, unsupported, invalid_key, system.
  /// With `agrees`, its key usage is key agreement alone (RFC 5280 §4.2.1.3); else it has none.
  SelfSignedCertificate(const PublicKey& key, std::string_view common_name, bool agrees = false);

  /// What GENERAL AUTHENTICATE has to sign: for ECDSA the digest, for RSA a whole block (RFC 8017 §9.2).
  Bytes to_sign() const;
  /// The certificate in DER. `signature` is in DER for ECDSA. Throws bad_signature where it does not verify: then the
  /// key in the slot is another.
  Bytes finish(ByteView signature) const;

 private:
  const PublicKey& key_;  ///< outlives this
  Bytes body_;            ///< TBSCertificate
};

/// Throws as the constructor does for such a name.
void check_common_name(std::string_view name);

}  // namespace fob::pkcs11
