#pragma once

#include <string>

#include "protocol/public_key.h"

namespace fob::test {

/// Something that the private half of a key opens, made by OpenSSL alone.
struct Sealed {
  Bytes sealed;        ///< as host::OpenSecret wants it
  std::string secret;  ///< what has to come out
};

/// RSA: 32 bytes for RSAES-OAEP with SHA-1. ECDSA: a fresh point.
Sealed seal_for(const PublicKey& key);

}  // namespace fob::test
