#pragma once

#include "protocol/private_key.h"

namespace fob {

/// A new key pair of a kind that is not a token's, of at most some seconds' work (RSA): for a worker. `rsa_bits` of RSA
/// only: 2048, 3072 or 4096. Nothing secret of it is outside the secret heap. Errors: unsupported, system.
PrivateKey make_software_key(KeyKind kind, std::uint32_t rsa_bits);

}  // namespace fob
