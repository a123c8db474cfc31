#pragma once

#include <fido.h>

#include "protocol/signature.h"
#include "tokens/token.h"

namespace fob {

/// What a token signed with: ECDSA: r and s, big-endian; Ed25519: the 64 bytes, `s` empty.
struct SkSignatureNumbers {
  ByteView r;
  ByteView s;
};

/// The SSH signature blob of an sk key (PROTOCOL.u2f, "SSH U2F Signatures").
/// Errors: bad_signature, for numbers that no such signature has.
Bytes sk_signature(KeyKind kind, SkSignatureNumbers numbers, Signature::Sk sk);

/// The same of libfido2's first assertion. Refuses one whose flags lack the presence or verification that the key
/// wants. Errors: bad_signature.
Bytes sk_signature(const KeyRef& key, const fido_assert_t& assertion);

/// The public key of an sk key: an uncompressed point on P-256, or 32 bytes. Errors: invalid_key.
PublicKey sk_public_key(KeyKind kind, ByteView point, const std::string& application);

/// The same of a credential of libfido2.
PublicKey sk_public_key(KeyKind kind, const fido_cred_t& credential, const std::string& application);

}  // namespace fob
