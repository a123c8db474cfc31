#pragma once

#include "protocol/bytes.h"

namespace fob {

/// Arithmetic on big-endian magnitudes: what it takes to make a key, and to make one wrong.

Bytes plus(ByteView a, long b);
Bytes sum(ByteView a, ByteView b);
Bytes product(ByteView a, ByteView b);
Bytes remainder(ByteView a, ByteView modulus);
/// The x with a·x = 1 modulo `modulus`.
Bytes inverse(ByteView a, ByteView modulus);
/// A random prime with its two highest bits set, p - 1 not divisible by 65537.
Bytes random_prime(int bits);

/// An RSA key's numbers, in the order of ADD_IDENTITY.
struct RsaNumbers {
  Bytes n, e, d, iqmp, p, q;

  /// All that follows from two primes and e.
  static RsaNumbers from_primes(ByteView p, ByteView q, ByteView e);
  static RsaNumbers random(int bits);
};

}  // namespace fob
