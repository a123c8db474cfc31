#pragma once

#include <memory>

#include "protocol/private_key.h"
#include "protocol/request.h"

namespace fob {

/// A software key unpacked for signing. Everything secret in it lies in the secret heap and is wiped with it.
///
/// Threads: sign() of a slow kind may run on several at once, of a fast kind on one; make() and the end of life on any.
class ReadyKey {
 public:
  /// Unpacks `secret` (PrivateKey::secret) of a key that was checked at add. Not for sk keys: those throw
  /// unsupported.
  static std::shared_ptr<const ReadyKey> make(const PublicKey& key, const SecretBytes& secret);

  virtual ~ReadyKey() = default;

  /// A signature blob (RFC 4253 §6.6, RFC 8332, RFC 5656, RFC 8709) over `data`. `flags` choose RSA's hash; 256
  /// where both are set.
  /// Errors: system; an RSA signature that does not verify (a computing fault: it could give the key away) is wiped
  /// and never returned.
  virtual Bytes sign(ByteView data, std::uint32_t flags) const = 0;

  /// Whether sign() takes more than about 100 µs and so belongs on a worker.
  static bool is_slow(KeyKind kind);
};

}  // namespace fob
