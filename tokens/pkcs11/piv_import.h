#pragma once

#include <ykpiv.h>

#include "protocol/private_key.h"

namespace fob::pkcs11 {

/// A private key as IMPORT takes it: p, q, d mod p-1, d mod q-1, q^-1 mod p; or a scalar.
class PivImport {
 public:
  /// Errors: unsupported for what a PIV card cannot hold; invalid_key.
  explicit PivImport(const PrivateKey& key);

  ykpiv_rc run(ykpiv_state* card, std::uint8_t slot, std::uint8_t pin_policy, std::uint8_t touch_policy) const;

 private:
  std::uint8_t algorithm_;
  SecretBytes p_;
  SecretBytes q_;
  SecretBytes dp_;
  SecretBytes dq_;
  SecretBytes qinv_;
  SecretBytes scalar_;
};

/// YKPIV_ALGO_… of a key type. Throws unsupported for any but RSA of 2048 bits, P-256 and P-384.
std::uint8_t piv_algorithm(KeyKind kind, unsigned rsa_bits);

}  // namespace fob::pkcs11
