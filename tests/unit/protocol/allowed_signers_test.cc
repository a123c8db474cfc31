#include "protocol/allowed_signers.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "protocol/base64.h"
#include "protocol/limits.h"
#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

using test::error_of;

constexpr std::uint64_t now = 1'700'000'000;  // 2023-11-14 22:13:20 UTC

PublicKey key() { return test::public_key("openssh/sshkey/ed25519_1.pub"); }
std::string line_of(const PublicKey& key) { return std::string(key.type_name()) + " " + encode_base64(key.blob); }
std::string line() { return line_of(key()); }

/// Empty if alice may sign files; else why not.
std::string fault(const std::string& text, const PublicKey& key, std::string_view identity = "alice@example.org",
                  std::string_view signature_namespace = "file", std::uint64_t time = now) {
  try {
    check_allowed_signer(text, key, identity, signature_namespace, time);
    return "";
  } catch (const Error& error) {
    return error.code() == Errc::refused ? error.what() : "another error: " + std::string(error.what());
  }
}
std::string fault(const std::string& text) { return fault(text, key()); }

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(AllowedSigners, ReadsEachPartOfALine) {
  const auto signer = parse_allowed_signer(
      "alice@example.org,*@desk cert-authority,namespaces=\"file,git\",valid-after=\"20200101Z\","
      "valid-before=\"20300203040506Z\" " +
      line() + " a comment\r");
  ASSERT_TRUE(signer);
  EXPECT_EQ(signer->principals, "alice@example.org,*@desk");
  EXPECT_TRUE(signer->authority);
  EXPECT_EQ(signer->namespaces, "file,git");
  EXPECT_EQ(signer->valid_after, 1'577'836'800U);
  EXPECT_EQ(signer->valid_before, 1'896'321'906U);
  EXPECT_TRUE(equal(signer->key.blob, key().blob));
}

TEST(AllowedSigners, AQuotationMarkCountsAtTheBeginningOnly) {
  // As ssh-keygen reads these: the first is a name with quotation marks in it, of the second the key is not found.
  EXPECT_NE(fault("al\"i\"ce@example.org " + line()), "");
  EXPECT_NE(fault("\"alice@example.org\",bob " + line()), "");
  EXPECT_EQ(fault("\"alice@example.org,bob\" " + line()), "");
  EXPECT_NE(fault("\"alice@example.org " + line()), "");
  EXPECT_NE(fault(std::string(3000, 'x') + ",alice@example.org " + line()), "");
}

TEST(AllowedSigners, TimesWithoutAZAreLocal) {
  setenv("TZ", "UTC-5", 1);
  const auto signer = parse_allowed_signer("a valid-after=\"202001010500\" " + line());
  unsetenv("TZ");
  tzset();
  ASSERT_TRUE(signer);
  EXPECT_EQ(signer->valid_after, 1'577'836'800U);
}

TEST(AllowedSigners, PassesOverCommentsAndEmptyLines) {
  for (const char* text : {"", " \t", "# a comment", "  # a comment", "\r"}) EXPECT_FALSE(parse_allowed_signer(text));
  EXPECT_EQ(fault("# a comment\n\nalice@example.org " + line() + "\n"), "");
}

TEST(AllowedSigners, RefusesLinesThatMeanNothing) {
  for (const std::string& options : std::vector<std::string>{
           "unknown", "namespaces=file", "namespaces=\"file", "namespaces", "namespaces=\"a\",namespaces=\"b\"",
           "valid-after=\"2020\"", "valid-after=\"20201301\"", "valid-after=\"20200100\"", "valid-after=\"19700101Z\"",
           "valid-after=\"20210101\",valid-before=\"20200101\"", "cert-authority,", ",", "valid-after=\"20200101x\""}) {
    EXPECT_EQ(error_of([&] { parse_allowed_signer("a " + options + " " + line()); }), Errc::malformed) << options;
  }
  EXPECT_EQ(error_of([&] { parse_allowed_signer("a"); }), Errc::malformed);
  EXPECT_EQ(error_of([&] { parse_allowed_signer("\"a " + line()); }), Errc::malformed);
  EXPECT_EQ(error_of([&] { parse_allowed_signer("a ssh-ed25519 ????"); }), Errc::malformed);
  EXPECT_EQ(error_of([&] { parse_allowed_signer("a ssh-rsa " + encode_base64(key().blob)); }), Errc::malformed);
}

TEST(AllowedSigners, SaysWhichPartDoesNotFit) {
  const std::string other = line_of(test::public_key("openssh/sshkey/ed25519_2.pub"));
  EXPECT_EQ(fault("alice@example.org " + line()), "");
  EXPECT_EQ(fault("*@example.org,!bob@example.org " + line()), "");
  EXPECT_TRUE(has(fault("bob@example.org " + other), "neither that identity nor this key is there"));
  EXPECT_TRUE(has(fault("bob@example.org " + line()), "line 1: its key is there for bob@example.org"));
  EXPECT_TRUE(has(fault("\nalice@example.org " + other), "line 2: that identity has other keys there"));
  EXPECT_TRUE(
      has(fault("alice@example.org namespaces=\"git\" " + line()), "not sign for the namespace file, only for git"));
  EXPECT_TRUE(has(fault("alice@example.org valid-after=\"20300101Z\" " + line()), "is not valid before 20"));
  EXPECT_TRUE(has(fault("alice@example.org valid-before=\"20200101Z\" " + line()), "was valid until 20"));
  EXPECT_TRUE(has(fault("alice@example.org nonsense " + line()), "line 1: it cannot be read"));
  // The line that came closest is the one that is told of.
  EXPECT_TRUE(has(fault("alice@example.org " + other + "\nbob@example.org " + line() +
                        "\nalice@example.org namespaces=\"git\" " + line()),
                  "line 3: "));
}

TEST(AllowedSigners, OneLineThatFitsIsEnough) {
  EXPECT_EQ(fault("nonsense\nalice@example.org namespaces=\"git\" " + line() + "\nalice@example.org " + line()), "");
}

TEST(AllowedSigners, BoundsOfTimeAreThoseOfSshKeygen) {
  const std::string text =
      "alice@example.org valid-after=\"20231114221320Z\",valid-before=\"20231114221320Z\" " + line();
  EXPECT_NE(fault(text), "");
  const std::string after = "alice@example.org valid-after=\"20231114221320Z\" " + line();
  EXPECT_EQ(fault(after), "");
  EXPECT_NE(fault(after, key(), "alice@example.org", "file", now - 1), "");
  const std::string before = "alice@example.org valid-before=\"20231114221320Z\" " + line();
  EXPECT_EQ(fault(before), "");
  EXPECT_NE(fault(before, key(), "alice@example.org", "file", now + 1), "");
}

TEST(AllowedSigners, CertificatesAreForThoseWhomTheyName) {
  const PublicKey certificate = test::public_key("certificates/user-cert.pub");  // of alice and bob, for ever
  const std::string authority = line_of(PublicKey::parse(certificate.certificate->signature_key));
  EXPECT_EQ(fault("* cert-authority " + authority, certificate, "alice"), "");
  EXPECT_TRUE(has(fault("* cert-authority " + authority, certificate, "nobody"), "does not name nobody"));
  EXPECT_TRUE(has(fault("bob cert-authority " + authority, certificate, "alice"), "its key is there for bob"));
  // Neither a line for the CA's own signatures, nor one for the plain key, is for the certificate.
  EXPECT_NE(fault("* " + authority, certificate, "alice"), "");
  EXPECT_NE(fault("* " + line_of(PublicKey::parse(certificate.plain_blob())), certificate, "alice"), "");
}

TEST(AllowedSigners, CertificatesHaveTheirTimeAndKind) {
  PublicKey certificate = test::public_key("certificates/user-cert.pub");
  const std::string text = "* cert-authority " + line_of(PublicKey::parse(certificate.certificate->signature_key));
  certificate.certificate->valid_after = now;
  certificate.certificate->valid_before = now + 1;
  EXPECT_EQ(fault(text, certificate, "alice"), "");
  EXPECT_TRUE(has(fault(text, certificate, "alice", "file", now - 1), "is not valid before"));
  EXPECT_TRUE(has(fault(text, certificate, "alice", "file", now + 1), "was valid until"));
  certificate.certificate->type = Certificate::Type::host;
  EXPECT_TRUE(has(fault(text, certificate, "alice"), "is one of a host"));
}

TEST(AllowedSigners, ALineForAuthoritiesLetsNoPlainKeyIn) {
  EXPECT_NE(fault("alice@example.org cert-authority " + line()), "");
}

TEST(AllowedSigners, HugeFilesAreRefusedAndLongOnesRead) {
  EXPECT_EQ(error_of([] {
              check_allowed_signer(std::string(limits::allowed_signers_bytes + 1, '\n'), key(), "a", "file", now);
            }),
            Errc::too_large);
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "user" + std::to_string(i) + " " + line() + "\n";
  EXPECT_EQ(fault(text + "alice@example.org " + line()), "");
}

}  // namespace
}  // namespace fob
