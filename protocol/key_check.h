#pragma once

#include "protocol/private_key.h"

namespace fob {

/// Checks that the private key belongs to its public key.
///
/// Ed25519: both public halves follow from the seed (a foreign one gives the key away with two signatures). ECDSA:
/// the point is on its curve, 0 < d < n, and d·G is the point. RSA: p·q = n, e odd and > 1, d and the CRT values fit.
/// sk: the public key is a point. The ML-DSA composite: both public halves follow from the seeds.
///
/// Errors: invalid_key, unsupported (composite without ML-DSA).
void check_key_halves(const PrivateKey& key);

}  // namespace fob
