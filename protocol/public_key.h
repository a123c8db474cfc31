#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/bytes.h"
#include "protocol/key_kind.h"
#include "protocol/wire.h"

namespace fob {

/// The certificate part of a certificate key (PROTOCOL.certkeys).
struct Certificate {
  enum class Type : std::uint32_t { user = 1, host = 2 };

  std::uint64_t serial = 0;
  Type type = Type::user;
  std::string key_id;
  std::vector<std::string> principals;
  std::uint64_t valid_after = 0;   ///< seconds since 1970
  std::uint64_t valid_before = 0;  ///< seconds since 1970; all ones: forever
  Bytes critical_options;          ///< (string name, string data)*, checked for form
  Bytes extensions;                ///< (string name, string data)*, checked for form
  Bytes signature_key;             ///< key blob of the CA: a plain key
  Bytes signature;                 ///< signature blob of the CA
  std::size_t signed_bytes = 0;    ///< how much of the certificate blob the CA signed
};

/// A public key or certificate of any type that OpenSSH knows.
///
/// Parsing checks form and lengths; whether points lie on their curves and CA signatures verify is for verify.h and
/// the agent's key check.
struct PublicKey {
  KeyKind kind = KeyKind::ed25519;
  Bytes blob;  ///< the wire form (RFC 4253 §6.6), certificate included: the key's identity

  Bytes rsa_n;  ///< magnitudes, RSA only
  Bytes rsa_e;
  /// ECDSA and sk-ECDSA: uncompressed SEC 1 point; Ed25519 and sk-Ed25519: 32 bytes; ML-DSA composite: 1,344 bytes.
  Bytes point;
  std::string application;  ///< sk keys only, usually "ssh:"
  std::optional<Certificate> certificate;

  /// From a key blob, nothing left over. Throws malformed, or unsupported for an unknown key type.
  static PublicKey parse(ByteView blob);
  /// The same, but a certificate is refused: for CA keys.
  static PublicKey parse_plain(ByteView blob);
  /// From the fields that follow the type name, as ADD_IDENTITY has them; `blob` is composed.
  static PublicKey read_plain_fields(KeyKind kind, Reader& in);

  bool is_certificate() const { return certificate.has_value(); }
  /// The type name on the wire.
  std::string_view type_name() const;
  /// As ssh-add -l shows it: "RSA", "ED25519-CERT".
  std::string display_type() const;
  /// Size in bits as ssh-add -l counts it.
  unsigned bits() const;
  /// The blob of the key itself: of a certificate, the key in it. Fingerprints are taken over it.
  Bytes plain_blob() const;
};

/// Whether `host_certificate` names `hostname` (principals may hold wildcards) and is a valid host certificate at
/// `now` (seconds since 1970), as sshkey_cert_check_host does: no critical options, a CA signature not of SHA-1.
bool certificate_names_host(const PublicKey& host_certificate, std::string_view hostname, std::uint64_t now);

}  // namespace fob
