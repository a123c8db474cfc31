#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/private_key.h"
#include "tests/daemon/numbers.h"

namespace fob {

/// A key pair of the test: it can be added to an agent, and plays a host or a token by signing itself.
///
/// Made by OpenSSL and libsodium, not by the code under test. Cheap to copy.
class TestKey {
 public:
  static TestKey make(KeyKind kind);
  static TestKey from_rsa(const RsaNumbers& numbers);
  /// A key of the kind that is the same for the whole process: for tests that need any.
  static const TestKey& any(KeyKind kind);

  const PublicKey& public_key() const { return public_key_; }
  ByteView blob() const { return public_key_.blob; }
  KeyKind kind() const { return public_key_.kind; }
  PrivateKey private_key() const;
  /// The same private half under a certificate.
  TestKey with_certificate(ByteView certificate) const;

  /// A signature blob. RSA: with `rsa_algorithm`; sk: as a token does that was touched.
  Bytes sign(ByteView data, std::string_view rsa_algorithm = "rsa-sha2-512") const;

  /// What nobody may learn, with a name for messages.
  struct Secret {
    std::string name;
    Bytes value;
  };
  std::vector<Secret> secrets() const;

 private:
  static TestKey make_ed25519(KeyKind kind);
  static TestKey make_ecdsa(KeyKind kind);
  static TestKey from_fields(KeyKind kind, ByteView public_fields, ByteView secret_fields);
  Bytes sign_ecdsa(ByteView data) const;
  Bytes sign_ed25519(ByteView data) const;
  Bytes sign_rsa(ByteView data, std::string_view algorithm) const;
  Bytes sign_as_token(ByteView data) const;

  PublicKey public_key_;
  Bytes secret_fields_;                ///< as PrivateKey::secret
  std::shared_ptr<EVP_PKEY> openssl_;  ///< RSA and ECDSA
  Bytes ed25519_;                      ///< libsodium's 64 bytes
  RsaNumbers rsa_;
  Bytes ecdsa_d_;
};

/// Every kind that has a plain software key.
inline constexpr KeyKind software_kinds[] = {KeyKind::rsa, KeyKind::ecdsa_p256, KeyKind::ecdsa_p384,
                                             KeyKind::ecdsa_p521, KeyKind::ed25519};
inline constexpr KeyKind sk_kinds[] = {KeyKind::sk_ecdsa_p256, KeyKind::sk_ed25519};
inline constexpr KeyKind host_key_kinds[] = {KeyKind::rsa,        KeyKind::ecdsa_p256, KeyKind::ecdsa_p384,
                                             KeyKind::ecdsa_p521, KeyKind::ed25519,    KeyKind::sk_ecdsa_p256,
                                             KeyKind::sk_ed25519};

/// What ssh-keygen is to certify.
struct CertificateWish {
  bool host = false;
  std::string principals = "alice";
  std::string validity = "always:forever";  ///< as ssh-keygen -V
};

/// A certificate blob for `subject`, made by ssh-keygen with the CA `authority`.
Bytes certify(const TestKey& authority, const TestKey& subject, const CertificateWish& wish = {});
Bytes certify(const TestKey& authority, const PublicKey& subject, const CertificateWish& wish = {});

}  // namespace fob
