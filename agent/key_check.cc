#include "agent/key_check.h"

#include "agent/ready_key.h"
#include "protocol/error.h"
#include "protocol/key_check.h"
#include "protocol/verify.h"

namespace fob {
namespace {

/// Catches what the numbers alone do not show, such as factors that are not prime.
void check_trial_signature(const PrivateKey& key) {
  const ByteView data = as_bytes("fob: trial signature");
  const auto ready = ReadyKey::make(key.public_key, key.secret);
  try {
    verify_signature(key.public_key, ready->sign(data, SignRequest::flag_rsa_sha2_256), data);
  } catch (const Error&) {
    throw Error(Errc::invalid_key, "a trial signature does not verify");
  }
}

}  // namespace

void check_private_key(const PrivateKey& key) {
  check_key_halves(key);
  if (key.public_key.kind == KeyKind::rsa) check_trial_signature(key);
  if (key.public_key.is_certificate()) verify_certificate(key.public_key);
}

}  // namespace fob
