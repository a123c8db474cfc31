#pragma once

#include "protocol/private_key.h"

/// Between fob's keys and the numbers that PKCS#1, SEC 1, PKCS#8 and PPK hold. Whether the halves of what is made here
/// fit is for check_key_halves.
namespace fob {

/// Magnitudes, big-endian.
struct RsaNumbers {
  ByteView n;
  ByteView e;
  ByteView d;
  ByteView p;
  ByteView q;
  ByteView iqmp;  ///< q⁻¹ mod p
};

/// Errors: malformed, invalid_key for a size that no agent takes.
PrivateKey rsa_private_key(const RsaNumbers& numbers);
/// Views of `key`.
RsaNumbers numbers_of_rsa(const PrivateKey& key);
/// d mod (factor - 1). Throws invalid_key for a factor of less than 2.
Bytes crt_exponent(ByteView d, ByteView factor);

/// `point` in any form of SEC 1 §2.3.3; computed from `d` where it is empty. Errors: malformed, invalid_key.
PrivateKey ecdsa_private_key(KeyKind kind, ByteView d, ByteView point);
/// With the leading zeros that SEC 1 §C.4 wants.
SecretBytes ecdsa_number(const PrivateKey& key);
/// The uncompressed form of a point. Throws invalid_key for one that is not on its curve.
Bytes uncompressed_point(KeyKind kind, ByteView point);

/// `seed` has 32 bytes; `public_key` is computed from it where it is empty. Errors: malformed.
PrivateKey ed25519_private_key(ByteView seed, ByteView public_key);
ByteView ed25519_seed(const PrivateKey& key);

/// "RSA", "ECDSA", "ED25519" … for a sentence that refuses: throws unsupported, and says that OpenSSH's format has it.
[[noreturn]] void throw_no_such_key(const PublicKey& key, std::string_view format);

}  // namespace fob
