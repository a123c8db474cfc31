#pragma once

#include "protocol/public_key.h"
#include "protocol/secret_bytes.h"

namespace fob {

/// A private key as ADD_IDENTITY carries it (RFC 9987 §4.2, PROTOCOL.u2f; the field lists in COMPAT order).
///
/// `secret` holds what the public part does not, as wire fields: RSA: mpint d, iqmp, p, q. ECDSA: mpint d. Ed25519:
/// string of 64 bytes (seed, public key). sk: byte flags, string key handle, string reserved. ML-DSA composite: string
/// of 64 bytes (seeds). A certificate's private key has the same form as the plain key's.
struct PrivateKey {
  PublicKey public_key;
  SecretBytes secret;

  /// From the type name on; checks form and lengths, and that what a certificate repeats is the same. Whether the
  /// numbers fit together is for the agent's key check. Errors: malformed, unsupported, invalid_key.
  static PrivateKey read(Reader& in);
  void write(Writer& out) const;
};

}  // namespace fob
