// What the load generator says to an agent, and what it accepts as an answer: just enough of
// RFC 9987 to list, sign and add. Written apart from protocol/, so that a fault there cannot hide
// itself in the measurement.
#pragma once

#include <sodium.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fob {

using Bytes = std::string;
using ByteView = std::string_view;

/// Message numbers of RFC 9987 that the generator uses.
enum class Message : std::uint8_t {
  success = 6,
  request_identities = 11,
  identities_answer = 12,
  sign_request = 13,
  sign_response = 14,
  add_identity = 17,
  add_id_constrained = 25,
};

/// A public key as an agent lists it.
struct PublicKey {
  Bytes blob;

  /// The key type, such as `ssh-ed25519`.
  Bytes type() const;
  /// Size of the modulus; 0 for anything but RSA.
  std::size_t rsa_bits() const;
};

/// An Ed25519 key that the generator made, to be put into an agent.
struct OwnKey {
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> public_half;
  std::array<unsigned char, crypto_sign_SECRETKEYBYTES> secret;

  /// Always the same key for the same number, so that two runs do the same work.
  static OwnKey numbered(std::uint32_t number);
  Bytes blob() const;
};

/// What a right answer looks like. Cheap to check, as every answer of a measurement is.
struct Expected {
  Message type;
  std::size_t min_bytes;
  std::size_t max_bytes;
  Bytes algorithm;  ///< of the signature; empty for other answers

  bool matches(ByteView reply) const;
};

/// A framed request with the answer that it must get.
struct Exchange {
  Bytes request;
  Expected expected;
};

/// Lists the keys; any number of them is a right answer.
Exchange list_exchange();

/// Signs a user authentication request as ssh would send it (publickey-hostbound-v00, so that the
/// data has a usual length). RSA asks for rsa-sha2-512.
Exchange sign_exchange(const PublicKey& key);

/// Adds `key`; with `confirm`, each use must be approved through askpass.
Exchange add_exchange(const OwnKey& key, bool confirm);

/// Reads an IDENTITIES_ANSWER. Throws std::runtime_error where it is malformed.
std::vector<PublicKey> parse_list(ByteView reply);

/// Checks the Ed25519 signature in `reply` over the data that `request` (framed) asked to sign.
bool ed25519_verifies(ByteView request, ByteView reply);

}  // namespace fob
