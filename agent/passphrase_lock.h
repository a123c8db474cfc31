#pragma once

#include <chrono>
#include <optional>

#include "protocol/secret_bytes.h"

namespace fob {

/// Whether the agent is locked, and with what (RFC 9987 §4.7).
///
/// The passphrase itself is not kept, only a keyed hash of it.
/// Threads: the main one only.
class PassphraseLock {
 public:
  bool locked() const { return hash_.has_value(); }

  /// Throws refused if locked already, or the passphrase is empty.
  void lock(ByteView passphrase);

  /// Nothing: unlocked. Otherwise the passphrase was wrong, and its answer is to be held back by this long, 0.1 s
  /// more each time. Throws refused if not locked, or the passphrase is empty.
  std::optional<std::chrono::milliseconds> unlock(ByteView passphrase);

 private:
  SecretBytes hash(ByteView passphrase) const;

  SecretBytes key_;
  std::optional<SecretBytes> hash_;
  std::chrono::milliseconds delay_{0};
};

}  // namespace fob
