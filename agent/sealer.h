#pragma once

#include "protocol/secret_bytes.h"

namespace fob {

/// Encrypts private keys at rest in memory, under a random key of this process that lives in the secret heap.
///
/// So thousands of keys need one page of hidden memory, and a read of the ordinary heap finds ciphertext only.
/// XChaCha20-Poly1305 with random nonces; the public part is bound in as associated data.
/// Threads: any, once constructed.
class Sealer {
 public:
  Sealer();

  Bytes seal(const SecretBytes& secret, ByteView associated) const;
  /// Throws Error{Errc::system} if the sealed bytes were changed.
  SecretBytes open(ByteView sealed, ByteView associated) const;

 private:
  SecretBytes key_;
};

}  // namespace fob
