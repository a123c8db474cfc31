#include <sodium.h>

#include <map>
#include <set>

#include "protocol/limits.h"
#include "tests/unit/key_file/files.h"

namespace fob::test {
namespace {

const std::set<std::string> public_forms{"pub", "rfc4716", "rfc4716-putty", "spki", "spki-compressed", "rsa-public"};
/// Old ciphers, which OpenSSL 3 has in its legacy provider only.
const std::set<std::string> refused_forms{"pkcs8-pbe-md5-des", "pkcs8-pbe-rc2"};

std::string form_of(const std::string& name) {
  return name.find('.') == std::string::npos ? "" : name.substr(name.find('.') + 1);
}

/// Every private key file there is of one key.
std::vector<std::string> private_files(const std::string& key) {
  std::vector<std::string> out;
  for (const std::string& name : files_of(key)) {
    const std::string form = form_of(name);
    const bool is_of_key = name == key || name.starts_with(key + ".");
    if (is_of_key && !public_forms.contains(form) && !refused_forms.contains(form)) out.push_back(name);
  }
  return out;
}

KeyFileFormat format_named(const std::string& form) {
  if (form.starts_with("pem")) return KeyFileFormat::pem;
  if (form.starts_with("pkcs8")) return KeyFileFormat::pkcs8;
  return form.starts_with("ppk") ? KeyFileFormat::ppk : KeyFileFormat::openssh;
}

bool is_encrypted(const std::string& form) {
  static const std::set<std::string> plain{"",      "pem",  "pem-compressed", "pem-without-public", "pem-parameters",
                                           "pkcs8", "ppk2", "ppk3",           "padded-puttygen",    "padded-python"};
  return !plain.contains(form);
}

Bytes key_blob(const std::string& key) { return public_key_blob("key_files/formats/" + key + ".pub"); }

class KeyFileOf : public testing::TestWithParam<const char*> {};

TEST_P(KeyFileOf, IsTheSameKeyInEveryForm) {
  const std::vector<std::string> names = private_files(GetParam());
  ASSERT_FALSE(names.empty());
  std::optional<KeyFile> first;
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    KeyFile file = parse(name);
    EXPECT_TRUE(equal(file.key.public_key.blob, key_blob(GetParam())));
    if (!first) {
      first = std::move(file);
    } else {
      EXPECT_TRUE(file.key.secret == first->key.secret);
    }
  }
}

TEST_P(KeyFileOf, IsInspectedWithoutItsPassphrase) {
  for (const std::string& name : private_files(GetParam())) {
    SCOPED_TRACE(name);
    const std::string form = form_of(name);
    const KeyFileInfo info = inspect_key_file(key_file(name));
    EXPECT_EQ(info.format, format_named(form));
    EXPECT_EQ(info.encrypted, is_encrypted(form));
    const bool hides = info.encrypted && (info.format == KeyFileFormat::pem || info.format == KeyFileFormat::pkcs8);
    ASSERT_EQ(info.public_key.has_value(), !hides);
    if (!hides) {
      EXPECT_TRUE(equal(info.public_key->blob, key_blob(GetParam())));
    }
    const bool is_plain_openssh = info.format == KeyFileFormat::openssh && !info.encrypted;
    const bool shows_comment = info.format == KeyFileFormat::ppk || (is_plain_openssh && form != "padded-python");
    EXPECT_EQ(info.comment, shows_comment ? "comment of " + std::string(GetParam()) : "");
  }
}

TEST_P(KeyFileOf, WantsItsPassphraseWhereItIsEncryptedAndElseNone) {
  for (const std::string& name : private_files(GetParam())) {
    SCOPED_TRACE(name);
    const std::string text = key_file(name);
    if (!is_encrypted(form_of(name))) {
      EXPECT_NO_THROW(parse_key_file(text, no_passphrase));
      continue;
    }
    EXPECT_THROW(parse_key_file(text, typing("pass phrase ")), WrongPassphrase);
    EXPECT_EQ(parse_fault(text, typing("")), "an encrypted file needs its passphrase");
    EXPECT_EQ(error_of([&] { parse_key_file(text, []() -> SecretBytes { throw Error(Errc::cancelled, "no"); }); }),
              Errc::cancelled);
  }
}

TEST_P(KeyFileOf, IsReadWhateverItsLineEnds) {
  for (const std::string& name : private_files(GetParam())) {
    SCOPED_TRACE(name);
    const std::string text = key_file(name);
    for (const char* line_end : {"\r\n", "\r"}) {
      EXPECT_EQ(parse_error(with_line_ends(text, line_end)), std::nullopt) << name << static_cast<int>(*line_end);
    }
    EXPECT_EQ(parse_error("\xef\xbb\xbf" + text + "\n\n"), std::nullopt);
    EXPECT_EQ(parse_error("\n  " + text), std::nullopt);
  }
}

TEST_P(KeyFileOf, KeepsItsComment) {
  for (const std::string& name : private_files(GetParam())) {
    const std::string form = form_of(name);
    const bool has_comment = !form.starts_with("pem") && !form.starts_with("pkcs8") && form != "padded-python";
    const std::string comment =
        form == "padded-puttygen-encrypted" ? "13 characters" : "comment of " + std::string(GetParam());
    EXPECT_EQ(parse(name).comment, has_comment ? comment : "") << name;
  }
}

INSTANTIATE_TEST_SUITE_P(EachKey, KeyFileOf,
                         testing::Values("ed25519", "p256", "p384", "p521", "rsa", "openssl_ed25519", "putty_ed25519",
                                         "putty_p256", "putty_rsa"));

TEST(KeyFile, SaysWhatOtherFilesAreAndWhatToDo) {
  const std::map<std::string, std::string> answers{
      {"foreign.dsa", "DSA"},
      {"foreign.dsa-pem", "DSA"},
      {"foreign.dsa-ppk", "DSA"},
      {"foreign.dsa-public", "DSA"},
      {"foreign.ed448", "Ed448"},
      {"foreign.ed448-ppk", "ssh-ed448"},
      {"foreign.k256", "P-256, P-384 and P-521"},
      {"foreign.explicit", "openssl pkey -ec_param_enc named_curve"},
      {"foreign.sshcom", "puttygen FILE -O private-openssh-new"},
      {"foreign.der", "openssl pkey -in FILE"},
      {"foreign.p12", "openssl pkey -in FILE"},
      {"foreign.x509", "X.509 certificate"},
      {"foreign.camellia", "CAMELLIA-128-CBC"},
      {"p256.pkcs8-pbe-md5-des", "-provider legacy"},
      {"p256.pkcs8-pbe-rc2", "-provider legacy"},
      {"p256.pub", "public key"},
      {"p256.rfc4716", "public key"},
      {"p256.spki", "public key"},
      {"rsa.rsa-public", "public key"},
  };
  for (const auto& [name, answer] : answers) {
    SCOPED_TRACE(name);
    const std::string text = key_file(name);
    EXPECT_EQ(parse_error(text, no_passphrase), Errc::unsupported);
    EXPECT_EQ(error_of([&] { inspect_key_file(text); }), Errc::unsupported);
    EXPECT_NE(parse_fault(text).find(answer), std::string::npos) << parse_fault(text);
  }
  EXPECT_NE(parse_fault(read_data("certificates/user-cert.pub")).find("certificate"), std::string::npos);
  EXPECT_EQ(parse_error("SSH PRIVATE KEY FILE FORMAT 1.1\n"), Errc::unsupported);
  EXPECT_EQ(parse_error("PuTTY-User-Key-File-1: ssh-rsa\n"), Errc::unsupported);
  EXPECT_EQ(parse_error("-----BEGIN PGP PRIVATE KEY BLOCK-----\n"), Errc::unsupported);
  EXPECT_EQ(parse_error("-----BEGIN TSS2 PRIVATE KEY-----\n"), Errc::unsupported);
}

TEST(KeyFile, RefusesWhatIsNoKeyFile) {
  for (const std::string& text : {std::string(), std::string("\n \r\n"), std::string("hello"), std::string(5, '\0'),
                                  std::string("-----BEGIN "), std::string("-----BEGIN RSA PRIVATE KEY"),
                                  std::string("PuTTY-User-Key-File-"), std::string("\xff\xfe-\0-\0", 6)}) {
    EXPECT_EQ(parse_error(text, no_passphrase), Errc::malformed) << text;
    EXPECT_EQ(error_of([&] { inspect_key_file(text); }), Errc::malformed) << text;
  }
}

TEST(KeyFile, RefusesTooLargeAText) {
  const std::string key = key_file("ed25519");
  const std::string longest = key + std::string(limits::key_file_bytes - key.size(), '\n');
  EXPECT_EQ(parse_error(longest), std::nullopt);
  EXPECT_EQ(parse_error(longest + "\n"), Errc::too_large);
  EXPECT_EQ(error_of([&] { inspect_key_file(longest + "\n"); }), Errc::too_large);
}

TEST(KeyFile, PassesOverWhatStandsAroundABlock) {
  const std::string key = key_file("p256.pem");
  EXPECT_EQ(parse_error("Bag Attributes\n    friendlyName: me\n" + key_file("foreign.x509") + key + "and more"),
            std::nullopt);
  EXPECT_EQ(parse_error("  " + with_line_ends(key, "\n  ")), std::nullopt);
}

TEST(KeyFile, RefusesBrokenArmour) {
  for (const char* name : {"ed25519", "p256.pem", "p256.pkcs8", "p256.pkcs8-encrypted", "p256.pem-encrypted"}) {
    SCOPED_TRACE(name);
    const std::string text = key_file(name);
    EXPECT_EQ(parse_error(replaced(text, "\n-----END ", "!\n-----END ")), Errc::malformed);
    EXPECT_EQ(parse_error(replaced(text, "\n-----END ", std::string("\0\n-----END ", 11))), Errc::malformed);
    EXPECT_EQ(parse_error(replaced(text, "-----END ", "-----END OTHER ")), Errc::malformed);
    EXPECT_EQ(parse_error(replaced(text, "-----END", "-----BEGIN")), Errc::malformed);
    const std::size_t last = text.find("-----END");
    EXPECT_EQ(parse_error(text.substr(0, last - 2) + text.substr(last)), Errc::malformed);
  }
}

TEST(KeyFile, AnswersTextsOfManyBlocksAtOnce) {
  std::string text;
  while (text.size() < limits::key_file_bytes - 64) text += "-----BEGIN CERTIFICATE-----\n";
  EXPECT_EQ(parse_error(text), Errc::unsupported);
  text.clear();
  while (text.size() < limits::key_file_bytes - 64) text += "-----BEGIN RSA PRIVATE KEY-----\n";
  EXPECT_EQ(parse_error(text), Errc::malformed);
  std::string headers = "-----BEGIN RSA PRIVATE KEY-----\n";
  while (headers.size() < limits::key_file_bytes - 64) headers += "a:b\n";
  EXPECT_EQ(parse_error(headers + "-----END RSA PRIVATE KEY-----\n"), Errc::malformed);
}

TEST(KeyFileFormat, HasNamesForPeople) {
  EXPECT_EQ(name_of(KeyFileFormat::openssh), "OpenSSH");
  EXPECT_EQ(name_of(KeyFileFormat::pem), "PEM");
  EXPECT_EQ(name_of(KeyFileFormat::pkcs8), "PKCS#8");
  EXPECT_EQ(name_of(KeyFileFormat::ppk), "PPK");
}

}  // namespace
}  // namespace fob::test
