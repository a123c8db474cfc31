#pragma once

#include <initializer_list>

#include "protocol/evp.h"

namespace fob::virt {

/// What CTAP2 computes, by OpenSSL. Throws Error{Errc::system} where OpenSSL fails.

Bytes random_bytes(std::size_t count);
Bytes concat(std::initializer_list<ByteView> parts);
Bytes sha256(ByteView data);
Bytes hmac_sha256(ByteView key, ByteView data);
/// AES-256-CBC without padding; `data` is a multiple of 16 bytes, else CtapError{invalid_parameter}.
Bytes aes_encrypt(ByteView key, ByteView iv, ByteView data);
Bytes aes_decrypt(ByteView key, ByteView iv, ByteView data);
bool constant_time_equal(ByteView a, ByteView b);

/// COSE's names of the two algorithms.
enum class Alg { es256 = -7, eddsa = -8 };

/// A P-256 or Ed25519 key pair.
class KeyPair {
 public:
  static KeyPair generate(Alg alg);
  /// From 32 bytes: scalar or seed.
  static KeyPair from_raw(Alg alg, ByteView raw);

  Alg alg() const { return alg_; }
  Bytes raw() const;
  /// 04 x y of P-256, 32 bytes of Ed25519.
  Bytes public_bytes() const;
  /// DER of ECDSA with SHA-256, or 64 bytes of Ed25519.
  Bytes sign(ByteView message) const;
  /// The x coordinate of ECDH with the point 04 x y (P-256). CtapError{invalid_parameter} if it is not on the curve.
  Bytes agree(ByteView point) const;
  EVP_PKEY* get() const { return key_.get(); }

 private:
  KeyPair(Alg alg, EvpKey key) : alg_(alg), key_(std::move(key)) {}
  Alg alg_;
  EvpKey key_;
};

/// A self-signed certificate of the form that packed attestation wants (WebAuthn §8.2.1), as DER.
Bytes attestation_certificate(const KeyPair& key);

}  // namespace fob::virt
