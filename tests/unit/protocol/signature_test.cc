#include "protocol/signature.h"

#include "protocol/key_kind.h"
#include "protocol/limits.h"
#include "protocol/wire.h"
#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

using test::error_of;
using test::from_hex;

/// Signature blobs of each algorithm that OpenSSH's tools made.
std::map<std::string, Bytes> signatures() {
  std::map<std::string, Bytes> out;
  for (const char* name :
       {"rsa", "ecdsa", "ed25519", "ecdsa_sk", "ed25519_sk", "ecdsa_sk_webauthn", "mldsa44-ed25519"}) {
    const std::string path = std::string("openssh/sshsig/") + name + ".sig";
    out[name] = test::file_signature(path, "openssh/sshsig/signed-data").signature;
  }
  out["rsa sha1"] = test::public_key("openssh/sshkey/rsa_1_sha1-cert.pub").certificate->signature;
  out["rsa sha256"] = test::public_key("certificates/host_sha256-cert.pub").certificate->signature;
  out["p384"] = test::public_key("certificates/host_p384_ca-cert.pub").certificate->signature;
  out["p521"] = test::public_key("certificates/host_p521_ca-cert.pub").certificate->signature;
  return out;
}

TEST(Signature, WritesWhatItParsed) {
  for (const auto& [name, blob] : signatures()) EXPECT_TRUE(equal(Signature::parse(blob).write(), blob)) << name;
}

TEST(Signature, RefusesEveryTruncationAndTrailingByte) {
  for (const auto& [name, blob] : signatures()) {
    SCOPED_TRACE(name);
    test::expect_exact_length(blob, [](ByteView bytes) { Signature::parse(bytes); });
  }
}

TEST(Signature, KnowsItsAlgorithm) {
  const auto blobs = signatures();
  const auto algorithm = [&](const std::string& name) { return Signature::parse(blobs.at(name)).algorithm; };
  EXPECT_EQ(algorithm("rsa"), "rsa-sha2-512");
  EXPECT_EQ(algorithm("rsa sha1"), "ssh-rsa");
  EXPECT_EQ(algorithm("rsa sha256"), "rsa-sha2-256");
  EXPECT_EQ(algorithm("ecdsa"), "ecdsa-sha2-nistp256");
  EXPECT_EQ(algorithm("p384"), "ecdsa-sha2-nistp384");
  EXPECT_EQ(algorithm("p521"), "ecdsa-sha2-nistp521");
  EXPECT_EQ(algorithm("ed25519"), "ssh-ed25519");
  EXPECT_EQ(algorithm("ecdsa_sk"), "sk-ecdsa-sha2-nistp256@openssh.com");
  EXPECT_EQ(algorithm("ed25519_sk"), "sk-ssh-ed25519@openssh.com");
  EXPECT_EQ(algorithm("ecdsa_sk_webauthn"), Signature::webauthn_algorithm);
  EXPECT_EQ(algorithm("mldsa44-ed25519"), "ssh-mldsa44-ed25519@openssh.com");
}

TEST(Signature, HasSkPartsForSkAlgorithmsOnly) {
  for (const auto& [name, blob] : signatures()) {
    const Signature signature = Signature::parse(blob);
    EXPECT_EQ(signature.sk.has_value(), name.find("_sk") != std::string::npos) << name;
    EXPECT_EQ(signature.webauthn.has_value(), name == "ecdsa_sk_webauthn") << name;
  }
}

TEST(Signature, ReadsSkAndWebauthnParts) {
  const Bytes blob = Writer()
                         .string(Signature::webauthn_algorithm)
                         .string("value")
                         .u8(0x81)
                         .u32(0x01020304)
                         .string("https://example.org")
                         .string("{}")
                         .string("ext")
                         .take();
  const Signature signature = Signature::parse(blob);
  EXPECT_EQ(as_text(signature.value), "value");
  EXPECT_EQ(signature.sk->flags, 0x81);
  EXPECT_EQ(signature.sk->counter, 0x01020304U);
  EXPECT_EQ(signature.webauthn->origin, "https://example.org");
  EXPECT_EQ(as_text(signature.webauthn->client_data), "{}");
  EXPECT_EQ(as_text(signature.webauthn->extensions), "ext");
}

TEST(Signature, RefusesUnknownAlgorithms) {
  for (const char* name : {"", "ssh-dss", "rsa-sha2-384", "ssh-ed25519-cert-v01@openssh.com", "Ssh-ed25519"}) {
    const Bytes blob = Writer().string(name).string("value").take();
    EXPECT_EQ(error_of([&] { Signature::parse(blob); }), Errc::unsupported) << name;
  }
  const Bytes long_name = Writer().string(std::string(limits::name_bytes + 1, 'a')).string("").take();
  EXPECT_EQ(error_of([&] { Signature::parse(long_name); }), Errc::malformed);
}

TEST(Signature, RefusesNulInOrigin) {
  Writer out;
  out.string(Signature::webauthn_algorithm).string("value").u8(1).u32(1).string(std::string_view("a\0b", 3));
  out.string("{}").string("");
  EXPECT_EQ(error_of([&] { Signature::parse(out.bytes()); }), Errc::malformed);
}

}  // namespace
}  // namespace fob
