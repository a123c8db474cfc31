#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/public_key.h"

namespace fob {

/// One end of a permitted path: a host by name and keys (PROTOCOL.agent §2).
struct Hop {
  struct HostKey {
    PublicKey key;
    bool is_ca = false;
  };
  std::string user;      ///< pattern; empty: any. Only at the destination.
  std::string hostname;  ///< empty: the host that the agent runs on
  std::vector<HostKey> keys;
};

/// "A key may be used from here to there."
struct DestinationConstraint {
  Hop from;
  Hop to;
};

/// Certificates to associate with the keys of a PKCS#11 token (PROTOCOL.agent §3).
struct AssociatedCertificates {
  bool certificates_only = false;
  std::vector<PublicKey> certificates;
};

/// How a key may be used (RFC 9987 §4.2.6 and OpenSSH's extensions).
struct Constraints {
  std::optional<std::uint32_t> lifetime_seconds;
  bool confirm = false;
  std::optional<std::string> sk_provider;           ///< path or "internal"
  std::vector<DestinationConstraint> destinations;  ///< empty: everywhere
  std::optional<AssociatedCertificates> associated_certificates;

  /// Reads all that is left of `in`. An unknown, repeated or ill-formed constraint refuses the whole: malformed or
  /// unsupported.
  static Constraints read(Reader& in);
  void write(Writer& out) const;
  bool empty() const;
  /// Rough size in memory, for limits::keyring_bytes.
  std::size_t size_bytes() const;
};

}  // namespace fob
