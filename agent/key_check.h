#pragma once

#include "protocol/private_key.h"

namespace fob {

/// Checks that a private key is what it says, before the agent holds it: its halves fit (protocol/key_check.h), a trial
/// signature of an RSA key verifies, and so does the CA's signature of a certificate.
///
/// Takes up to some 10 ms for RSA: call it on a worker.
/// Errors: invalid_key, bad_signature (certificate), unsupported (composite without ML-DSA).
void check_private_key(const PrivateKey& key);

}  // namespace fob
