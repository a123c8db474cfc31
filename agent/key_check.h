#pragma once

#include "protocol/private_key.h"

namespace fob {

/// Checks that a private key is what it says, before the agent holds it.
///
/// Ed25519: both public halves follow from the seed (a foreign one gives the key away with two signatures). ECDSA:
/// the point is on its curve, 0 < d < n, and d·G is the point. RSA: p·q = n, e odd and > 1, d and the CRT values fit,
/// and a trial signature verifies. sk: the public key is a point. Certificates: the CA's signature verifies.
/// The ML-DSA composite: both public halves follow from the seeds.
///
/// Takes up to some 10 ms for RSA: call it on a worker.
/// Errors: invalid_key, bad_signature (certificate), unsupported (composite without ML-DSA).
void check_private_key(const PrivateKey& key);

}  // namespace fob
