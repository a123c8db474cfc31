#pragma once

#include "protocol/bytes.h"
#include "protocol/secret_bytes.h"

namespace fob {

/// ssh-mldsa44-ed25519@openssh.com: ML-DSA-44 (FIPS 204) and Ed25519 together, as
/// draft-ietf-lamps-pq-composite-sigs and draft-miller-sshm-mldsa44-ed25519-composite-sigs have it. Both halves must
/// verify.
///
/// Key: ML-DSA public key (1,312 bytes), then Ed25519 public key (32). Seeds: 32 bytes each, in that order.
/// Signature: 2,420 bytes, then 64.
/// Errors: unsupported where the OpenSSL at hand has no ML-DSA (before 3.5).

/// Whether this process can sign and verify with the composite type.
bool has_composite();

/// Throws bad_signature unless both halves verify.
void verify_composite(ByteView public_key, ByteView signature, ByteView data);

/// The public key that belongs to 64 bytes of seeds.
Bytes composite_public_key(const SecretBytes& seeds);

/// 2,484 bytes of signature.
Bytes sign_composite(const SecretBytes& seeds, ByteView data);

}  // namespace fob
