// Every constraint reaches every key of every token (CVE-2023-28531, CVE-2023-51384), and certificates of them.

#include <gtest/gtest.h>

#include "tests/pkcs11/rig.h"

namespace fob {
namespace {

constexpr KeyKind token_kinds[] = {KeyKind::rsa, KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521,
                                   KeyKind::ed25519};

/// Keys of every kind, in this order, on each of two tokens: so each kind is once the first, once in the middle, once
/// the last of them all.
struct MatrixRig : Pkcs11Rig {
  explicit MatrixRig(Options options = {}) : Pkcs11Rig(std::move(options)) {
    for (const char* token : {"one", "two"}) {
      hsm().add_token(token);
      std::uint8_t id = 0;
      for (const KeyKind kind : token_kinds) {
        hsm().generate(token, {kind, std::string(token) + " " + std::string(traits(kind).name), ++id});
      }
    }
    start();
    set_askpass("case $1 in *PIN*) echo 1234;; *) exit 1;; esac");
  }

  /// Whether `client` gets a signature for a login as alice from any key; each that it gets is named.
  std::vector<std::string> signers(Client& client) {
    std::vector<std::string> out;
    for (const auto& identity : list()) {
      const PublicKey key = PublicKey::parse(identity.key_blob);
      if (client.sign(key.blob, login(key, "session", "alice"), SignRequest::flag_rsa_sha2_512)) {
        out.push_back(identity.comment);
      }
    }
    return out;
  }
};

const TestKey& server() { return TestKey::any(KeyKind::ed25519); }
const TestKey& stranger() { return TestKey::any(KeyKind::ecdsa_p256); }

TEST(TokenConstraints, WithoutAnyEachKeySigns) {
  MatrixRig rig;
  ASSERT_TRUE(rig.add("")) << rig.daemon().log();
  ASSERT_EQ(rig.list().size(), 2 * std::size(token_kinds));
  Client client(rig.daemon());
  EXPECT_EQ(rig.signers(client).size(), 2 * std::size(token_kinds)) << rig.daemon().log();
}

TEST(TokenConstraints, LifetimeEndsEachKey) {
  MatrixRig rig;
  Constraints constraints;
  constraints.lifetime_seconds = 4;
  ASSERT_TRUE(rig.add("", constraints));
  const auto listed = rig.list();
  ASSERT_EQ(listed.size(), 2 * std::size(token_kinds));
  std::vector<Bytes> blobs;
  for (const auto& identity : listed) blobs.push_back(identity.key_blob);
  EXPECT_TRUE(eventually([&] { return rig.list().empty(); }, std::chrono::milliseconds(4600)));
  Client client(rig.daemon());
  for (const Bytes& blob : blobs) EXPECT_FALSE(client.sign(blob, as_bytes("data")));
}

TEST(TokenConstraints, DefaultLifetimeEndsEachKey) {
  Pkcs11Rig::Options options;
  options.arguments = {"-t", "1"};
  MatrixRig rig(options);
  ASSERT_TRUE(rig.add(""));
  pause_for(std::chrono::milliseconds(1600));
  EXPECT_TRUE(rig.list().empty());
}

TEST(TokenConstraints, ConfirmationIsAskedForEachKey) {
  MatrixRig rig;
  Constraints constraints;
  constraints.confirm = true;
  ASSERT_TRUE(rig.add("", constraints));
  Client client(rig.daemon());
  EXPECT_EQ(rig.signers(client), std::vector<std::string>{});
  const std::string dialogs = rig.dialogs();
  for (const auto& identity : rig.list()) {
    EXPECT_NE(dialogs.find("Allow use of key " + identity.comment + "?"), std::string::npos) << identity.comment;
  }
}

TEST(TokenConstraints, DestinationBindsEachKey) {
  MatrixRig rig;
  ASSERT_TRUE(rig.add("", destinations({from_origin(host("server", server().public_key()))})));
  Client unbound(rig.daemon());
  EXPECT_EQ(rig.signers(unbound), std::vector<std::string>{});
  Client elsewhere(rig.daemon());
  ASSERT_EQ(elsewhere.bind(stranger(), "session", false), MessageType::success);
  EXPECT_TRUE(elsewhere.list().empty());
  EXPECT_EQ(rig.signers(elsewhere), std::vector<std::string>{});
  Client forwarded(rig.daemon());
  ASSERT_EQ(forwarded.bind(server(), "session", true), MessageType::success);
  EXPECT_TRUE(forwarded.list().empty());
  EXPECT_EQ(rig.signers(forwarded), std::vector<std::string>{});
  Client there(rig.daemon());
  ASSERT_EQ(there.bind(server(), "session", false), MessageType::success);
  EXPECT_EQ(there.list().size(), 2 * std::size(token_kinds));
  EXPECT_EQ(rig.signers(there).size(), 2 * std::size(token_kinds)) << rig.daemon().log();
}

TEST(TokenConstraints, ThatAreUnknownAddNothing) {
  MatrixRig rig;
  Client client(rig.daemon());
  Writer body;
  body.string(rig.module()).string("").u8(255).string("unknown@example.org").string("");
  EXPECT_FALSE(client.succeeds_raw(message(MessageType::add_smartcard_key_constrained, body.bytes())));
  EXPECT_TRUE(rig.list().empty());
}

/// Certificates for each of the keys that are listed, by one authority.
std::vector<PublicKey> certificates_of(const std::vector<IdentitiesAnswer::Identity>& keys) {
  std::vector<PublicKey> out;
  for (const auto& identity : keys) {
    const PublicKey key = PublicKey::parse(identity.key_blob);
    out.push_back(PublicKey::parse(certify(TestKey::any(KeyKind::ed25519), key)));
  }
  return out;
}

TEST(TokenCertificates, AreListedBesideTheirKeysAndSign) {
  MatrixRig rig;
  ASSERT_TRUE(rig.add(""));
  const auto plain = rig.list();
  Constraints constraints;
  constraints.associated_certificates = AssociatedCertificates{false, certificates_of(plain)};
  // One that belongs to no key there.
  const Bytes foreign = certify(TestKey::any(KeyKind::ed25519), TestKey::any(KeyKind::ecdsa_p384));
  constraints.associated_certificates->certificates.push_back(PublicKey::parse(foreign));
  ASSERT_TRUE(rig.remove());
  ASSERT_TRUE(rig.add("", constraints)) << rig.daemon().log();
  EXPECT_EQ(rig.list().size(), 2 * plain.size());
  Client client(rig.daemon());
  EXPECT_EQ(rig.signers(client).size(), 2 * plain.size()) << rig.daemon().log();
  for (const auto& identity : plain) EXPECT_TRUE(client.remove(identity.key_blob));
  EXPECT_EQ(rig.signers(client).size(), plain.size()) << "certificates go on without the plain keys";
}

TEST(TokenCertificates, CanComeAlone) {
  MatrixRig rig;
  ASSERT_TRUE(rig.add(""));
  const auto plain = rig.list();
  Constraints constraints;
  constraints.associated_certificates = AssociatedCertificates{true, certificates_of(plain)};
  ASSERT_TRUE(rig.remove());
  ASSERT_TRUE(rig.add("", constraints));
  ASSERT_EQ(rig.list().size(), plain.size());
  for (const auto& identity : rig.list()) EXPECT_TRUE(PublicKey::parse(identity.key_blob).is_certificate());
  constraints.associated_certificates->certificates.clear();
  ASSERT_TRUE(rig.remove());
  EXPECT_FALSE(rig.add("", constraints)) << "no certificate, no key";
}

TEST(TokenCertificates, AreBoundAsTheirKeysAre) {
  MatrixRig rig;
  ASSERT_TRUE(rig.add(""));
  Constraints constraints = destinations({from_origin(host("server", server().public_key()))});
  constraints.associated_certificates = AssociatedCertificates{false, certificates_of(rig.list())};
  ASSERT_TRUE(rig.remove());
  ASSERT_TRUE(rig.add("", constraints));
  Client unbound(rig.daemon());
  EXPECT_EQ(rig.signers(unbound), std::vector<std::string>{});
  Client there(rig.daemon());
  ASSERT_EQ(there.bind(server(), "session", false), MessageType::success);
  EXPECT_EQ(rig.signers(there).size(), rig.list().size());
}

TEST(TokenCertificates, ExpireAsTheirKeysDo) {
  MatrixRig rig;
  ASSERT_TRUE(rig.add(""));
  Constraints constraints;
  constraints.lifetime_seconds = 1;
  constraints.associated_certificates = AssociatedCertificates{false, certificates_of(rig.list())};
  ASSERT_TRUE(rig.remove());
  ASSERT_TRUE(rig.add("", constraints));
  pause_for(std::chrono::milliseconds(1600));
  EXPECT_TRUE(rig.list().empty());
}

}  // namespace
}  // namespace fob
