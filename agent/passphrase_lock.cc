#include "agent/passphrase_lock.h"

#include <sodium.h>

#include <algorithm>

#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {

void PassphraseLock::lock(ByteView passphrase) {
  if (passphrase.empty()) throw Error(Errc::refused, "empty lock passphrase");
  if (locked()) throw Error(Errc::refused, "the agent is locked already");
  key_ = SecretBytes(crypto_generichash_KEYBYTES);
  crypto_generichash_keygen(key_.data());
  hash_ = hash(passphrase);
}

std::optional<std::chrono::milliseconds> PassphraseLock::unlock(ByteView passphrase) {
  if (passphrase.empty()) throw Error(Errc::refused, "empty lock passphrase");
  if (!locked()) throw Error(Errc::refused, "the agent is not locked");
  if (hash(passphrase) == *hash_) {
    hash_.reset();
    delay_ = std::chrono::milliseconds(0);
    return std::nullopt;
  }
  delay_ = std::min(delay_ + limits::unlock_delay_step, limits::unlock_delay_max);
  return delay_;
}

SecretBytes PassphraseLock::hash(ByteView passphrase) const {
  SecretBytes out(crypto_generichash_BYTES);
  crypto_generichash(out.data(), out.size(), passphrase.data(), passphrase.size(), key_.data(), key_.size());
  return out;
}

}  // namespace fob
