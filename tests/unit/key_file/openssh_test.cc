#include <algorithm>

#include "protocol/limits.h"
#include "protocol/wire.h"
#include "tests/unit/key_file/files.h"

namespace fob::test {
namespace {

constexpr const char* label = "OPENSSH PRIVATE KEY";

/// Of the folder above: keys of FIDO2 tokens and others.
std::string older_file(const std::string& name) { return read_data("key_files/" + name); }
KeyFile parse_older(const std::string& name) { return parse_key_file(older_file(name), typing(passphrase)); }

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
std::string with_rounds(std::uint32_t rounds, std::string_view salt = "0123456789abcdef",
                        std::string_view kdf = "bcrypt", std::size_t contents_bytes = 160) {
  Writer options;
  options.string(salt).u32(rounds);
  Writer out;
  out.raw(as_bytes(std::string_view("openssh-key-v1\0", 15))).string("aes256-ctr").string(kdf);
  out.string(options.bytes()).u32(1).string(public_key_blob("key_files/ecdsa_sk.pub"));
  out.string(std::string(contents_bytes, 'x'));
  return armoured(label, out.bytes());
}

TEST(OpensshKeyFile, HasKeysOfTokensToo) {
  for (const char* name :
       {"ecdsa_sk", "ed25519_sk", "resident_sk", "ecdsa_sk_encrypted", "ed25519_sk_encrypted", "ed25519_sk_gcm"}) {
    const KeyFile file = parse_older(name);
    EXPECT_TRUE(equal(file.key.public_key.blob, public_key_blob("key_files/" + std::string(name) + ".pub")));
    EXPECT_EQ(file.comment, "comment of " + std::string(name));
  }
  EXPECT_EQ(flags_of(parse_older("ecdsa_sk")), 0x01);
  EXPECT_EQ(flags_of(parse_older("ed25519_sk")), 0x00);
  EXPECT_EQ(flags_of(parse_older("resident_sk")), 0x25);
  EXPECT_EQ(parse_older("ed25519_sk").key.public_key.application, "ssh:other");
}

TEST(OpensshKeyFile, IsReadAgainAfterItWasWritten) {
  for (const char* name : {"ecdsa_sk", "ed25519_sk", "resident_sk", "software", "software_p521", "software_rsa"}) {
    const KeyFile file = parse_older(name);
    for (const char* with : {"", "secret"}) {
      const Bytes text = format_key_file(file.key, file.comment, SecretBytes(as_bytes(with)));
      const KeyFile again = parse_key_file(as_text(text), typing(with));
      EXPECT_TRUE(equal(again.key.public_key.blob, file.key.public_key.blob));
      EXPECT_TRUE(again.key.secret == file.key.secret);
      EXPECT_EQ(again.comment, file.comment);
    }
  }
}

TEST(OpensshKeyFile, LooksAsSshKeygenWroteIt) {
  const std::string wanted = older_file("ecdsa_sk");
  const KeyFile file = parse_older("ecdsa_sk");
  const Bytes written = format_key_file(file.key, file.comment, SecretBytes());
  const std::string text(as_text(written));
  EXPECT_EQ(to_hex(without_checks(unarmoured(text))), to_hex(without_checks(unarmoured(wanted))));
  EXPECT_EQ(text.size(), wanted.size());
  EXPECT_EQ(text.find('\n', 40), wanted.find('\n', 40));
}

TEST(OpensshKeyFile, HoldsACertificateWithItsKey) {
  KeyFile file = parse("ed25519");
  const PublicKey certificate = public_key("openssh/sshkey/ed25519_1-cert.pub");
  file.key.public_key = certificate;
  const Bytes text = format_key_file(file.key, "certified", SecretBytes());
  EXPECT_TRUE(equal(inspect_key_file(as_text(text)).public_key->blob, certificate.blob));
  // It is of another key, and that shows.
  EXPECT_EQ(parse_error(as_text(text)), Errc::invalid_key);
}

TEST(OpensshKeyFile, NeedsEachByteAndNoMore) {
  for (const char* name : {"ecdsa_sk", "ed25519_sk", "ecdsa_sk_encrypted", "ed25519_sk_gcm", "software_p521"}) {
    SCOPED_TRACE(name);
    expect_exact_length(unarmoured(older_file(name)),
                        [](ByteView part) { parse_key_file(armoured(label, part), typing(passphrase)); });
  }
  for (const char* name : {"ed25519.openssh-chacha20-poly1305", "ed25519.openssh-3des-cbc"}) {
    SCOPED_TRACE(name);
    expect_exact_length(unarmoured(key_file(name)),
                        [](ByteView part) { parse_key_file(armoured(label, part), typing(passphrase)); });
  }
  expect_every_byte_needed(key_file("ed25519"), "KEY-----",
                           [](std::string_view part) { parse_key_file(part, no_passphrase); });
}

TEST(OpensshKeyFile, NoticesAnyChangeOfATaggedFile) {
  for (const char* name : {"ed25519.openssh-chacha20-poly1305", "ed25519.openssh-aes128-gcm"}) {
    const Bytes whole = unarmoured(key_file(name));
    // From the encrypted part on: what is before has rounds of bcrypt in it.
    for (std::size_t at = whole.size() - 150; at < whole.size(); at += 7) {
      Bytes changed = whole;
      changed[at] ^= 1;
      EXPECT_THROW(parse_key_file(armoured(label, changed), typing(passphrase)), WrongPassphrase) << name << ' ' << at;
    }
  }
}

TEST(OpensshKeyFile, RefusesPublicAndPrivateKeysThatDiffer) {
  Bytes file = unarmoured(older_file("ed25519_sk"));
  // In the outer public key: magic, cipher, KDF, no options, count, its length, type name, length of the point.
  const std::size_t point = 15 + 8 + 8 + 4 + 4 + 4 + 4 + 26 + 4;
  file[point] ^= 1;
  EXPECT_EQ(parse_error(armoured(label, file)), Errc::malformed);
}

TEST(OpensshKeyFile, RefusesForeignHalves) {
  for (const char* name : {"ed25519", "p256", "p384", "p521", "rsa"}) {
    KeyFile file = parse(name);
    KeyFile other = parse_older(std::string(name) == "rsa" ? "software_rsa" : "software");
    if (std::string(name).starts_with("p")) other = parse_older("software_" + std::string(name));
    file.key.secret = std::move(other.key.secret);
    EXPECT_EQ(parse_error(as_text(format_key_file(file.key, "", SecretBytes()))), Errc::invalid_key) << name;
  }
}

TEST(OpensshKeyFile, RefusesWrongChecksPaddingCountsAndMagic) {
  const Bytes file = unarmoured(older_file("ed25519_sk"));
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes changed = file;
    changed[at] = value;
    return parse_fault(armoured(label, changed));
  };
  EXPECT_NE(with(file.size() - 1, 77).find("padding"), std::string::npos);
  EXPECT_NE(with(15 + 8 + 8 + 4 + 3, 2).find("2 keys"), std::string::npos);
  EXPECT_NE(with(0, 'O').find("openssh-key-v1"), std::string::npos);
  Reader in(file);
  in.raw(15);
  for (int i = 0; i < 3; ++i) in.string();
  in.u32();
  in.string();
  const std::size_t contents = in.position() + 4;
  EXPECT_NE(with(contents, static_cast<std::uint8_t>(file[contents] ^ 1)).find("check numbers"), std::string::npos);
}

TEST(OpensshKeyFile, RefusesCiphersAndDerivationsThatItDoesNotKnow) {
  Bytes file = unarmoured(older_file("ed25519_sk"));
  file[15 + 4] = 'm';
  EXPECT_NE(parse_fault(armoured(label, file)).find("ssh-keygen -p -Z aes256-ctr"), std::string::npos);
  EXPECT_EQ(parse_error(with_rounds(1, "0123456789abcdef", "scrypt"), no_passphrase), Errc::unsupported);
}

TEST(OpensshKeyFile, BoundsWhatAFileMayAskFor) {
  EXPECT_THROW(parse_key_file(with_rounds(1), typing(passphrase)), WrongPassphrase);
  EXPECT_EQ(parse_error(with_rounds(0), no_passphrase), Errc::malformed);
  EXPECT_EQ(parse_error(with_rounds(limits::key_file_rounds + 1), no_passphrase), Errc::malformed);
  EXPECT_EQ(parse_error(with_rounds(UINT32_MAX), no_passphrase), Errc::malformed);
  EXPECT_EQ(parse_error(with_rounds(1, ""), no_passphrase), Errc::malformed);
  EXPECT_EQ(parse_error(with_rounds(1, std::string(limits::key_file_salt_bytes + 1, 's')), no_passphrase),
            Errc::malformed);
  EXPECT_EQ(parse_error(with_rounds(1, "salt", "bcrypt", 161), no_passphrase), Errc::malformed);
  EXPECT_EQ(parse_error(with_rounds(1, "salt", "bcrypt", 0), no_passphrase), Errc::malformed);
}

TEST(OpensshKeyFile, RefusesRsaNumbersThatDoNotFit) {
  const RsaFields good = RsaFields::good();
  const auto fault = [](const RsaFields& fields) {
    return parse_fault(as_text(format_key_file(fields.as_key(), "", SecretBytes())));
  };
  EXPECT_EQ(fault(good), "");
  RsaFields bad = good;
  bad.p = {};
  EXPECT_EQ(fault(bad), "RSA prime factors must be odd and greater than 1");
  bad = good;
  bad.q = {1};
  EXPECT_EQ(fault(bad), "RSA prime factors must be odd and greater than 1");
  bad = good;
  bad.e = {1};
  EXPECT_EQ(fault(bad), "RSA public exponent must be odd and greater than 1");
  bad = good;
  bad.iqmp.back() ^= 1;
  EXPECT_EQ(fault(bad), "RSA CRT coefficient is wrong");
}

TEST(OpensshKeyFile, RefusesAPointOffItsCurve) {
  KeyFile file = parse("p256");
  Writer fields;
  Bytes point = file.key.public_key.point;
  point.back() ^= 1;
  fields.string("ecdsa-sha2-nistp256").string("nistp256").string(point).raw(file.key.secret.view());
  Reader in(fields.bytes());
  const PrivateKey bad = PrivateKey::read(in);
  EXPECT_EQ(parse_error(as_text(format_key_file(bad, "", SecretBytes()))), Errc::invalid_key);
}

}  // namespace
}  // namespace fob::test
