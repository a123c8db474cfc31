#include "cli/key_file.h"

#include <sodium.h>
#include <unistd.h>

#include "protocol/limits.h"
#include "tests/daemon/temp_dir.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::cli {
namespace {

using test::error_of;
using test::read_data;

constexpr const char* passphrase = "pass phrase";

SecretBytes no_passphrase() {
  ADD_FAILURE() << "a passphrase was asked for";
  return {};
}
AskPassphrase typing(std::string_view text) {
  return [text] { return SecretBytes(as_bytes(text)); };
}

KeyFile parse(const std::string& name, const AskPassphrase& ask = no_passphrase) {
  return parse_key_file(read_data("key_files/" + name), ask);
}

/// What the file holds between its first and last line.
Bytes decoded(const std::string& text) {
  const std::size_t begin = text.find('\n') + 1;
  return test::from_base64(text.substr(begin, text.rfind("-----END") - begin));
}

std::string encoded(ByteView file) {
  std::string base64(sodium_base64_encoded_len(file.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(base64.data(), base64.size(), file.data(), file.size(), sodium_base64_VARIANT_ORIGINAL);
  base64.pop_back();
  return "-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64 + "\n-----END OPENSSH PRIVATE KEY-----\n";
}

std::optional<Errc> parse_error(const std::string& text, const AskPassphrase& ask = typing("pass phrase")) {
  return error_of([&] { parse_key_file(text, ask); });
}

/// The file with its two random check numbers, the first of the private part, set to zero.
Bytes without_checks(Bytes file) {
  Reader in(file);
  in.raw(15);
  for (int i = 0; i < 3; ++i) in.string();
  in.u32();
  in.string();
  std::fill_n(file.begin() + static_cast<std::ptrdiff_t>(in.position() + 4), 8, std::uint8_t{0});
  return file;
}

std::uint8_t flags_of(const KeyFile& file) { return file.key.secret.view()[0]; }

/// An outer part that asks for `rounds` of bcrypt_pbkdf.
std::string with_rounds(std::uint32_t rounds, std::string_view salt = "0123456789abcdef") {
  const Bytes blob = test::public_key_blob("key_files/ecdsa_sk.pub");
  Writer options;
  options.string(salt).u32(rounds);
  Writer out;
  out.raw(as_bytes(std::string_view("openssh-key-v1\0", 15))).string("aes256-ctr").string("bcrypt");
  out.string(options.bytes()).u32(1).string(blob).string(std::string(160, 'x'));
  return encoded(out.bytes());
}

bool has_ssh_keygen() { return run({"ssh-keygen", "-?"}).exit_status != 127; }

/// ssh-keygen's view of a file that we wrote: its public key and its comment's line.
void expect_ssh_keygen_reads(const PrivateKey& key, const std::string& public_file, const std::string& with) {
  if (!has_ssh_keygen()) GTEST_SKIP() << "no ssh-keygen";
  const TempDir folder;
  const std::string path = folder.file("key");
  write_file(path, as_text(format_key_file(key, "a comment", SecretBytes(as_bytes(with)))));
  const Outcome printed = run({"ssh-keygen", "-y", "-P", with, "-f", path});
  EXPECT_EQ(printed.exit_status, 0) << printed.output;
  const std::string wanted = read_data(public_file);
  EXPECT_EQ(printed.output, wanted.substr(0, wanted.find(" comment of")) + " a comment\n");
  EXPECT_EQ(run({"ssh-keygen", "-y", "-P", "wrong", "-f", path}).exit_status == 0, with.empty());
  const Outcome listed = run({"ssh-keygen", "-l", "-f", path});
  EXPECT_EQ(listed.exit_status, 0) << listed.output;
  EXPECT_EQ(run({"ssh-keygen", "-p", "-P", with, "-N", "other", "-f", path}).exit_status, 0);
}

TEST(KeyFile, ReadsWhatSshKeygenWrote) {
  for (const char* name : {"ecdsa_sk", "ed25519_sk", "resident_sk"}) {
    const KeyFile file = parse(name);
    EXPECT_TRUE(equal(file.key.public_key.blob, test::public_key_blob("key_files/" + std::string(name) + ".pub")));
    EXPECT_EQ(file.comment, "comment of " + std::string(name));
  }
  EXPECT_EQ(flags_of(parse("ecdsa_sk")), 0x01);
  EXPECT_EQ(flags_of(parse("ed25519_sk")), 0x00);
  EXPECT_EQ(flags_of(parse("resident_sk")), 0x25);
  EXPECT_EQ(parse("ed25519_sk").key.public_key.application, "ssh:other");
}

TEST(KeyFile, ReadsEncryptedOnesWithTheirPassphrase) {
  for (const char* name : {"ecdsa_sk_encrypted", "ed25519_sk_encrypted"}) {
    const KeyFile file = parse(name, typing(passphrase));
    EXPECT_TRUE(equal(file.key.public_key.blob, test::public_key_blob("key_files/" + std::string(name) + ".pub")));
    EXPECT_EQ(file.comment, "comment of " + std::string(name));
    EXPECT_EQ(error_of([&] { parse(name, typing("pass phrase ")); }), Errc::refused);
    EXPECT_EQ(error_of([&] { parse(name, typing("")); }), Errc::refused);
  }
}

TEST(KeyFile, ReadsSoftwareKeys) {
  const std::pair<const char*, KeyKind> files[] = {
      {"software", KeyKind::ed25519},          {"software_encrypted", KeyKind::ecdsa_p256},
      {"software_p256", KeyKind::ecdsa_p256},  {"software_p384", KeyKind::ecdsa_p384},
      {"software_p521", KeyKind::ecdsa_p521},  {"software_rsa", KeyKind::rsa},
      {"software_rsa_encrypted", KeyKind::rsa}};
  for (const auto& [name, kind] : files) {
    const KeyFile file = parse(name, typing(passphrase));
    EXPECT_EQ(file.key.public_key.kind, kind) << name;
    EXPECT_TRUE(equal(file.key.public_key.blob, test::public_key_blob("key_files/" + std::string(name) + ".pub")));
    EXPECT_EQ(file.comment, "comment of " + std::string(name));
    EXPECT_FALSE(file.key.secret.empty());
  }
}

TEST(KeyFile, ShowsThePublicKeyWithoutThePassphrase) {
  for (const char* name : {"ecdsa_sk_encrypted", "software_rsa_encrypted", "ed25519_sk_gcm"}) {
    const PublicKey key = parse_public_part(read_data("key_files/" + std::string(name)));
    EXPECT_TRUE(equal(key.blob, test::public_key_blob("key_files/" + std::string(name) + ".pub"))) << name;
  }
  EXPECT_EQ(error_of([] { parse_public_part(read_data("key_files/pem")); }), Errc::unsupported);
}

TEST(KeyFile, IsReadAgainAfterItWasWritten) {
  for (const char* name : {"ecdsa_sk", "ed25519_sk", "resident_sk", "software", "software_p521", "software_rsa"}) {
    const KeyFile file = parse(name);
    for (const char* with : {"", "secret"}) {
      const Bytes text = format_key_file(file.key, file.comment, SecretBytes(as_bytes(with)));
      const KeyFile again = parse_key_file(as_text(text), typing(with));
      EXPECT_TRUE(equal(again.key.public_key.blob, file.key.public_key.blob));
      EXPECT_TRUE(again.key.secret == file.key.secret);
      EXPECT_EQ(again.comment, file.comment);
    }
  }
}

TEST(KeyFile, IsReadBySshKeygenAfterWeWroteIt) {
  expect_ssh_keygen_reads(parse("ecdsa_sk").key, "key_files/ecdsa_sk.pub", "");
  expect_ssh_keygen_reads(parse("ed25519_sk").key, "key_files/ed25519_sk.pub", "");
  expect_ssh_keygen_reads(parse("ecdsa_sk").key, "key_files/ecdsa_sk.pub", "long pass \u00e9");
  expect_ssh_keygen_reads(parse("resident_sk").key, "key_files/resident_sk.pub", "secret");
  expect_ssh_keygen_reads(parse("software_rsa").key, "key_files/software_rsa.pub", "secret");
}

TEST(KeyFile, LooksAsSshKeygenWroteIt) {
  const std::string wanted = read_data("key_files/ecdsa_sk");
  const KeyFile file = parse("ecdsa_sk");
  const Bytes written = format_key_file(file.key, file.comment, SecretBytes());
  const std::string text(as_text(written));
  EXPECT_EQ(test::to_hex(without_checks(decoded(text))), test::to_hex(without_checks(decoded(wanted))));
  EXPECT_EQ(text.size(), wanted.size());
  EXPECT_EQ(text.find('\n', 40), wanted.find('\n', 40));
}

TEST(KeyFile, TakesOtherLineEndsAndLeadingSpace) {
  std::string text = read_data("key_files/ecdsa_sk");
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) text.replace(at, 1, "\r\n");
  EXPECT_NO_THROW(parse_key_file("\n  " + text, no_passphrase));
}

TEST(KeyFile, SaysWhatOtherFilesAre) {
  EXPECT_EQ(error_of([] { parse("ecdsa_sk.pub"); }), Errc::unsupported);
  EXPECT_EQ(error_of([] { parse("pem"); }), Errc::unsupported);
  EXPECT_EQ(error_of([] { parse("ed25519_sk_gcm"); }), Errc::unsupported);
  EXPECT_EQ(parse_error("PuTTY-User-Key-File-3: ssh-ed25519\n"), Errc::unsupported);
  EXPECT_EQ(parse_error(""), Errc::malformed);
  EXPECT_EQ(parse_error("hello"), Errc::malformed);
}

TEST(KeyFile, RefusesEveryTruncationAndTrailingByte) {
  for (const char* name : {"ecdsa_sk", "ed25519_sk", "ecdsa_sk_encrypted", "software", "software_p521"}) {
    const Bytes file = decoded(read_data("key_files/" + std::string(name)));
    SCOPED_TRACE(name);
    ASSERT_EQ(parse_error(encoded(file)), std::nullopt);
    test::expect_exact_length(file, [](ByteView part) { parse_key_file(encoded(part), typing(passphrase)); });
  }
}

TEST(KeyFile, RefusesBrokenArmour) {
  const std::string text = read_data("key_files/ed25519_sk");
  EXPECT_EQ(parse_error(text.substr(0, text.size() - 10)), Errc::malformed);
  EXPECT_EQ(parse_error(text.substr(1)), Errc::unsupported);
  std::string broken = text;
  broken[60] = '!';
  EXPECT_EQ(parse_error(broken), Errc::malformed);
}

TEST(KeyFile, RefusesPublicAndPrivateKeysThatDiffer) {
  Bytes file = decoded(read_data("key_files/ed25519_sk"));
  // In the outer public key: magic, cipher, KDF, no options, count, its length, type name, length of the point.
  const std::size_t point = 15 + 8 + 8 + 4 + 4 + 4 + 4 + 26 + 4;
  file[point] ^= 1;
  EXPECT_EQ(parse_error(encoded(file)), Errc::malformed);
}

TEST(KeyFile, RefusesWrongChecksPaddingAndCounts) {
  const Bytes file = decoded(read_data("key_files/ed25519_sk"));
  Bytes changed = file;
  changed.back() ^= 1;
  EXPECT_EQ(parse_error(encoded(changed)), Errc::malformed);
  changed = file;
  changed[15 + 8 + 8 + 4 + 3] = 2;  // the number of keys
  EXPECT_EQ(parse_error(encoded(changed)), Errc::malformed);
}

TEST(KeyFile, BoundsWhatAFileMayAskFor) {
  EXPECT_EQ(parse_error(with_rounds(1)), Errc::refused);
  EXPECT_EQ(parse_error(with_rounds(0), no_passphrase), Errc::malformed);
  EXPECT_EQ(parse_error(with_rounds(limits::key_file_rounds + 1), no_passphrase), Errc::malformed);
  EXPECT_EQ(parse_error(with_rounds(UINT32_MAX), no_passphrase), Errc::malformed);
  EXPECT_EQ(parse_error(with_rounds(1, ""), no_passphrase), Errc::malformed);
  EXPECT_EQ(parse_error(with_rounds(1, std::string(limits::key_file_salt_bytes + 1, 's')), no_passphrase),
            Errc::malformed);
}

}  // namespace
}  // namespace fob::cli
