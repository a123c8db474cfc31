#pragma once

#include <array>
#include <cstdint>

#include "protocol/evp.h"
#include "tests/virtual/piv/apdu.h"

namespace fob::virt::piv {

/// Algorithm identifiers (SP 800-78-4 table 6-2).
enum class Algorithm : std::uint8_t { tdes = 0x03, rsa1024 = 0x06, rsa2048 = 0x07, p256 = 0x11, p384 = 0x14 };

enum class PinPolicy : std::uint8_t { by_slot = 0, never = 1, once = 2, always = 3 };
enum class TouchPolicy : std::uint8_t { by_slot = 0, never = 1, always = 2, cached = 3 };

/// A key in a slot.
struct CardKey {
  Algorithm algorithm = Algorithm::p256;
  PinPolicy pin_policy = PinPolicy::once;
  TouchPolicy touch_policy = TouchPolicy::never;
  bool generated = true;
  EvpKey key;

  /// What GENERATE ASYMMETRIC says of it: 81 modulus, 82 exponent, or 86 point.
  Bytes public_part() const;
  /// RSA: the private operation on a whole block. ECDSA: of a digest, in DER. Throws CardError{wrong_data} for what
  /// is too long.
  Bytes sign(ByteView input) const;
  /// The x coordinate of ECDH. Throws CardError{wrong_data} where `point` is not on the curve, or for RSA.
  Bytes agree(ByteView point) const;
  Bytes to_der() const;
};

/// Throws CardError{wrong_data} for any other number.
Algorithm key_algorithm(std::uint8_t number);
EvpKey generate_key(Algorithm algorithm);
/// From IMPORT's fields: 01 p, 02 q, 03 dp, 04 dq, 05 qinv, or 06 scalar. Throws CardError{wrong_data}.
EvpKey import_key(Algorithm algorithm, const std::vector<Tlv>& fields);
/// Throws Error{malformed}.
EvpKey key_from_der(ByteView der);

/// 3DES with two or three keys, ECB, one block of 8 bytes.
Bytes tdes_encrypt(ByteView key, ByteView block);
Bytes tdes_decrypt(ByteView key, ByteView block);
Bytes random_bytes(std::size_t count);

/// What an attestation certificate says of a key (Yubico's extensions 1.3.6.1.4.1.41482.3.3, .7, .8, .9).
struct Attested {
  std::array<std::uint8_t, 3> version;
  std::uint32_t serial;
  std::uint8_t slot;
  const CardKey& key;
};
/// The card's own attestation certificate, self-signed; DER.
Bytes attestation_root(const EvpKey& key);
/// A certificate for a key, by `issuer`, whose certificate is `issuer_certificate`; DER.
Bytes attestation(const Attested& what, const EvpKey& issuer, ByteView issuer_certificate);

}  // namespace fob::virt::piv
