#pragma once

#include <optional>
#include <string_view>

#include "protocol/bytes.h"

namespace fob {

/// A signature blob taken apart; views into the blob that was parsed.
///
/// RSA: RFC 8332 §3; ECDSA: RFC 5656 §3.1.2; Ed25519: RFC 8709 §6; sk: PROTOCOL.u2f "SSH U2F signatures".
struct Signature {
  /// What a token adds to a signature.
  struct Sk {
    std::uint8_t flags = 0;
    std::uint32_t counter = 0;
  };
  /// What a browser adds to that (PROTOCOL.u2f, webauthn).
  struct Webauthn {
    std::string_view origin;
    ByteView client_data;
    ByteView extensions;
  };

  std::string_view algorithm;
  ByteView value;  ///< RSA and Ed25519: the signature; ECDSA: mpint r, mpint s
  std::optional<Sk> sk;
  std::optional<Webauthn> webauthn;

  static constexpr std::string_view webauthn_algorithm = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com";

  /// From a signature blob, nothing left over. Throws malformed, or unsupported for an unknown algorithm.
  static Signature parse(ByteView blob);
  Bytes write() const;
};

}  // namespace fob
