#include <algorithm>

#include "protocol/limits.h"
#include "protocol/public_key.h"
#include "protocol/verify.h"
#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

using test::error_of;
using test::from_hex;
using test::public_key;

PublicKey certificate(const std::string& name) { return public_key("certificates/" + name + "-cert.pub"); }

constexpr std::uint64_t year_2025 = 1'735'689'600;

/// The fields of a certificate, for what ssh-keygen would not make. The CA's signature is not a true one.
struct Draft {
  std::uint32_t type = 2;
  Bytes key_id = to_bytes(as_bytes("id"));
  Bytes principals = Writer().string("first").take();
  Bytes critical_options;
  Bytes extensions;
  Bytes signature_key = test::public_key_blob("messages/ca.pub");
  Bytes signature = Writer().string("ssh-ed25519").string(Bytes(64)).take();

  Bytes blob() const {
    Writer out;
    out.string("ssh-ed25519-cert-v01@openssh.com").string("nonce").string(Bytes(32, 1)).u64(7).u32(type).string(key_id);
    out.string(principals).u64(0).u64(UINT64_MAX).string(critical_options).string(extensions).string("");
    return out.string(signature_key).string(signature).take();
  }
};

std::optional<Errc> parse_error(const Draft& draft) {
  return error_of([&] { PublicKey::parse(draft.blob()); });
}

TEST(Certificate, ReadsFieldsOfUserCertificate) {
  const PublicKey key = certificate("user");
  const Certificate& body = *key.certificate;
  EXPECT_EQ(body.type, Certificate::Type::user);
  EXPECT_EQ(body.serial, UINT64_MAX);
  EXPECT_EQ(body.key_id, "user");
  EXPECT_EQ(body.principals, (std::vector<std::string>{"alice", "bob"}));
  EXPECT_EQ(body.valid_after, 0U);
  EXPECT_EQ(body.valid_before, UINT64_MAX);
  const Bytes options = Writer()
                            .string("force-command")
                            .string(Writer().string("/bin/true").bytes())
                            .string("source-address")
                            .string(Writer().string("10.0.0.0/8").bytes())
                            .take();
  EXPECT_TRUE(equal(body.critical_options, options));
  EXPECT_FALSE(body.extensions.empty());
}

TEST(Certificate, ReadsValidityAndType) {
  const PublicKey limited = certificate("host_limited");
  EXPECT_EQ(limited.certificate->type, Certificate::Type::host);
  EXPECT_EQ(limited.certificate->valid_after, 1'577'836'800U);   // 2020-01-01
  EXPECT_EQ(limited.certificate->valid_before, 1'893'456'000U);  // 2030-01-01
  EXPECT_TRUE(certificate("host_no_principals").certificate->principals.empty());
  EXPECT_TRUE(certificate("user_no_options").certificate->extensions.empty());
}

TEST(Certificate, VerifiesSignaturesOfAllCas) {
  int count = 0;
  for (const auto& [name, blob] : test::all_key_blobs()) {
    const PublicKey key = PublicKey::parse(blob);
    if (!key.is_certificate() || key.kind == KeyKind::mldsa44_ed25519) continue;
    EXPECT_NO_THROW(verify_certificate(key)) << name;
    ++count;
  }
  EXPECT_GE(count, 20);
}

/// Parsed or not: a certificate that differs in one bit does not verify.
TEST(Certificate, RefusesEveryFlippedBit) {
  for (const char* name : {"user", "host", "host_sha256", "host_sk_ed25519_ca", "host_sk_ecdsa_ca"}) {
    SCOPED_TRACE(name);
    test::expect_every_bit_counts(certificate(name).blob,
                                  [](ByteView blob) { verify_certificate(PublicKey::parse(blob)); });
  }
}

TEST(Certificate, RefusesSignatureOfAnotherCa) {
  PublicKey key = certificate("user");
  key.certificate->signature_key = test::public_key_blob("messages/ca.pub");
  EXPECT_EQ(error_of([&] { verify_certificate(key); }), Errc::bad_signature);
}

TEST(Certificate, RefusesUnknownType) {
  Draft draft;
  EXPECT_FALSE(parse_error(draft));
  for (const std::uint32_t type : {0U, 3U, UINT32_MAX}) {
    draft.type = type;
    EXPECT_EQ(parse_error(draft), Errc::malformed) << type;
  }
}

TEST(Certificate, TakesPrincipalsUpToTheirLimit) {
  const auto with_principals = [](std::size_t count) {
    Writer out;
    for (std::size_t i = 0; i < count; ++i) out.string("p");
    Draft draft;
    draft.principals = out.take();
    return draft;
  };
  EXPECT_FALSE(parse_error(with_principals(0)));
  EXPECT_FALSE(parse_error(with_principals(limits::certificate_principals)));
  EXPECT_EQ(parse_error(with_principals(limits::certificate_principals + 1)), Errc::malformed);
}

TEST(Certificate, RefusesIllFormedListsAndTexts) {
  const Bytes broken = from_hex("00000002 61");
  const Bytes with_nul = from_hex("61 00");
  const Bytes name_only = Writer().string("name").take();
  for (Bytes Draft::*list : {&Draft::principals, &Draft::critical_options, &Draft::extensions}) {
    Draft draft;
    draft.*list = broken;
    EXPECT_EQ(parse_error(draft), Errc::malformed);
  }
  for (Bytes Draft::*list : {&Draft::critical_options, &Draft::extensions}) {
    Draft draft;
    draft.*list = name_only;
    EXPECT_EQ(parse_error(draft), Errc::malformed);
  }
  Draft draft;
  draft.key_id = with_nul;
  EXPECT_EQ(parse_error(draft), Errc::malformed);
  draft.key_id.clear();
  EXPECT_FALSE(parse_error(draft));
  draft.principals = Writer().string(with_nul).take();
  EXPECT_EQ(parse_error(draft), Errc::malformed);
}

TEST(Certificate, RefusesCertificateAsCa) {
  Draft draft;
  draft.signature_key = test::public_key_blob("certificates/user-cert.pub");
  EXPECT_EQ(parse_error(draft), Errc::malformed);
  draft.signature_key = from_hex("00");
  EXPECT_EQ(parse_error(draft), Errc::malformed);
}

TEST(CertificateNamesHost, MatchesExactNamesAndWildcards) {
  const PublicKey host = certificate("host");
  for (const char* name :
       {"exact.example.net", "www.example.org", "a.b.example.org", ".example.org", "host-1.example.com"}) {
    EXPECT_TRUE(certificate_names_host(host, name, year_2025)) << name;
  }
  for (const char* name : {"", "example.org", "exact.example.net.evil.org", "xexact.example.net", "EXACT.example.net",
                           "host-12.example.com", "host-.example.com", "*"}) {
    EXPECT_FALSE(certificate_names_host(host, name, year_2025)) << name;
  }
}

TEST(CertificateNamesHost, HonoursValidity) {
  const PublicKey limited = certificate("host_limited");
  const std::uint64_t from = limited.certificate->valid_after;
  const std::uint64_t until = limited.certificate->valid_before;
  EXPECT_FALSE(certificate_names_host(limited, "first", from - 1));
  EXPECT_TRUE(certificate_names_host(limited, "first", from));
  EXPECT_TRUE(certificate_names_host(limited, "first", until - 1));
  EXPECT_FALSE(certificate_names_host(limited, "first", until));
  EXPECT_FALSE(certificate_names_host(certificate("host_expired"), "first", year_2025));
  EXPECT_FALSE(certificate_names_host(certificate("host_not_yet"), "first", year_2025));
}

TEST(CertificateNamesHost, RefusesWhatIsNoPlainHostCertificate) {
  EXPECT_TRUE(certificate_names_host(certificate("host_sha256"), "first", year_2025));
  EXPECT_TRUE(certificate_names_host(certificate("host_sha512"), "first", year_2025));
  EXPECT_FALSE(certificate_names_host(certificate("host_sha1"), "first", year_2025));
  EXPECT_FALSE(certificate_names_host(certificate("host_critical"), "first", year_2025));
  EXPECT_FALSE(certificate_names_host(certificate("host_no_principals"), "first", year_2025));
  EXPECT_FALSE(certificate_names_host(certificate("user"), "alice", year_2025));
  EXPECT_FALSE(certificate_names_host(public_key("messages/host.pub"), "first", year_2025));
}

/// As OpenSSH does: so that whoever looks at a certificate later meets no error.
TEST(Certificate, RefusesUnreadableSignature) {
  for (const Bytes& signature : {Bytes{}, Writer().string("unknown").string("").take(), from_hex("000000ff")}) {
    Draft draft;
    draft.signature = signature;
    EXPECT_TRUE(parse_error(draft));
  }
}

}  // namespace
}  // namespace fob
