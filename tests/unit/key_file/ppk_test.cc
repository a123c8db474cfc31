#include <algorithm>

#include "protocol/base64.h"
#include "protocol/key_file/armour.h"
#include "protocol/key_file/ppk_crypto.h"
#include "protocol/limits.h"
#include "protocol/wire.h"
#include "tests/unit/key_file/files.h"

namespace fob::test {
namespace {

std::string base64_lines(ByteView bytes) { return std::string(as_text(encode_base64_lines(bytes, 64))); }
std::string line_count(const std::string& lines) {
  return std::to_string(std::count(lines.begin(), lines.end(), '\n'));
}

/// A version 3 file that is not encrypted, with a MAC that fits: anybody can make one.
std::string plain_ppk(std::string_view type, ByteView public_blob, ByteView private_blob,
                      std::string_view comment = "hostile") {
  ppk::Keys keys;
  keys.mac_hash = Hash::sha256;
  const Bytes mac = ppk::mac_of(keys, {type, "none", comment, public_blob, private_blob});
  const std::string public_lines = base64_lines(public_blob);
  const std::string private_lines = base64_lines(private_blob);
  return "PuTTY-User-Key-File-3: " + std::string(type) + "\nEncryption: none\nComment: " + std::string(comment) +
         "\nPublic-Lines: " + line_count(public_lines) + "\n" + public_lines +
         "Private-Lines: " + line_count(private_lines) + "\n" + private_lines + "Private-MAC: " + to_hex(mac) + "\n";
}

std::string rsa_ppk(const RsaFields& fields) {
  Writer private_blob;
  private_blob.mpint(fields.d).mpint(fields.p).mpint(fields.q).mpint(fields.iqmp);
  Writer public_blob;
  public_blob.string("ssh-rsa").mpint(fields.e).mpint(fields.n);
  return plain_ppk("ssh-rsa", public_blob.bytes(), private_blob.bytes());
}

TEST(PpkKeyFile, NeedsEachByte) {
  for (const char* name :
       {"ed25519.ppk2", "ed25519.ppk3", "p521.ppk3", "ed25519.ppk3-argon2i", "p256.ppk2-encrypted"}) {
    SCOPED_TRACE(name);
    const std::string text = key_file(name);
    expect_every_byte_needed(text, text.substr(text.size() - 2, 1),
                             [](std::string_view part) { parse_key_file(part, typing(passphrase)); });
    EXPECT_EQ(parse_error(text + "more"), std::nullopt);
  }
}

TEST(PpkKeyFile, NoticesEachChange) {
  for (const char* name : {"ed25519.ppk2", "ed25519.ppk3"}) {
    const std::string text = key_file(name);
    for (std::size_t at = 0; at + 1 < text.size(); ++at) {
      if (text[at] == '\n') continue;
      std::string changed = text;
      // Not into another letter of the same hexadecimal digit.
      changed[at] = text[at] == 'x' ? 'y' : 'x';
      EXPECT_TRUE(parse_error(changed)) << name << ' ' << at;
    }
  }
  EXPECT_EQ(parse_error(replaced(key_file("ed25519.ppk3"), "comment of", "comment or")), Errc::malformed);
  // With a passphrase, who changed it and who mistyped look alike.
  EXPECT_THROW(
      parse_key_file(replaced(key_file("ed25519.ppk3-argon2id"), "comment of", "comment or"), typing(passphrase)),
      WrongPassphrase);
  EXPECT_THROW(
      parse_key_file(replaced(key_file("ed25519.ppk2-encrypted"), "comment of", "comment or"), typing(passphrase)),
      WrongPassphrase);
}

TEST(PpkKeyFile, BoundsWhatAFileMayAskFor) {
  const std::string text = key_file("ed25519.ppk3-argon2id");
  const auto with = [&](const char* name, const std::string& from, const std::string& to) {
    const std::string header = std::string(name) + ": ";
    return parse_error(replaced(text, header + from + "\n", header + to + "\n"), no_passphrase);
  };
  EXPECT_EQ(with("Argon2-Memory", "8192", std::to_string(limits::ppk_argon2_kib + 1)), Errc::too_large);
  EXPECT_EQ(with("Argon2-Memory", "8192", "4294967296"), Errc::too_large);
  EXPECT_EQ(with("Argon2-Memory", "8192", "99999999999"), Errc::malformed);
  EXPECT_EQ(with("Argon2-Memory", "8192", "7"), Errc::malformed);
  EXPECT_EQ(with("Argon2-Memory", "8192", "-1"), Errc::malformed);
  EXPECT_EQ(with("Argon2-Memory", "8192", ""), Errc::malformed);
  EXPECT_EQ(with("Argon2-Passes", "2", "0"), Errc::malformed);
  EXPECT_EQ(with("Argon2-Passes", "2", std::to_string(limits::ppk_argon2_passes + 1)), Errc::too_large);
  EXPECT_EQ(with("Argon2-Parallelism", "1", "0"), Errc::malformed);
  EXPECT_EQ(with("Argon2-Parallelism", "1", std::to_string(limits::ppk_argon2_lanes + 1)), Errc::too_large);
  EXPECT_EQ(with("Private-Lines", "1", "4294967295"), Errc::too_large);
  EXPECT_EQ(with("Public-Lines", "2", "1000"), Errc::malformed);
  EXPECT_EQ(with("Key-Derivation", "Argon2id", "Argon2"), Errc::unsupported);
  EXPECT_EQ(with("Encryption", "aes256-cbc", "aes128-cbc"), Errc::unsupported);
  const std::string both = replaced(text, "Argon2-Memory: 8192\n", "Argon2-Memory: 1048576\n");
  EXPECT_EQ(parse_error(replaced(both, "Argon2-Passes: 2\n", "Argon2-Passes: 10000\n"), no_passphrase),
            Errc::too_large);
}

TEST(PpkKeyFile, BoundsItsSalt) {
  const std::string text = key_file("ed25519.ppk3-argon2id");
  const std::size_t begin = text.find("Argon2-Salt: ") + 13;
  const std::string salt = text.substr(begin, text.find('\n', begin) - begin);
  for (const std::string& other :
       {std::string(), std::string(14, 'a'), std::string(2 * limits::key_file_salt_bytes + 2, 'a'),
        std::string(15, 'a'), std::string(16, 'g')}) {
    EXPECT_EQ(parse_error(replaced(text, salt, other), no_passphrase), Errc::malformed) << other.size();
  }
}

TEST(PpkKeyFile, RefusesWhatItsMacDoesNotTell) {
  const PublicKey key = public_key("key_files/formats/ed25519.pub");
  const PublicKey foreign = public_key("key_files/formats/putty_ed25519.pub");
  const KeyFile good = parse("ed25519.ppk3");
  Writer seed;
  seed.string(good.key.secret.view().subspan(4, 32));
  EXPECT_EQ(parse_fault(plain_ppk("ssh-ed25519", key.blob, seed.bytes())), "");
  EXPECT_EQ(parse_fault(plain_ppk("ssh-ed25519", foreign.blob, seed.bytes())),
            "Ed25519 public key is of another private key");
  EXPECT_EQ(parse_error(plain_ppk("ssh-rsa", key.blob, seed.bytes())), Errc::malformed);
  Writer longer;
  longer.raw(seed.bytes()).u8(0);
  EXPECT_EQ(parse_error(plain_ppk("ssh-ed25519", key.blob, longer.bytes())), Errc::malformed);
  Writer long_seed;
  long_seed.string(Bytes(33));
  EXPECT_EQ(parse_error(plain_ppk("ssh-ed25519", key.blob, long_seed.bytes())), Errc::malformed);
  EXPECT_EQ(parse_error(plain_ppk("ssh-ed25519", key.blob, {})), Errc::malformed);
  EXPECT_EQ(parse_error(plain_ppk("ssh-ed25519", {}, seed.bytes())), Errc::malformed);
}

TEST(PpkKeyFile, RefusesKeysThatPuttyHasNot) {
  const PublicKey sk = public_key("key_files/ed25519_sk.pub");
  EXPECT_EQ(parse_error(plain_ppk(sk.type_name(), sk.blob, {})), Errc::unsupported);
  const PublicKey certificate = public_key("certificates/user-cert.pub");
  const std::string text = plain_ppk(certificate.type_name(), certificate.blob, {});
  EXPECT_NE(parse_fault(text).find("--remove-certificate"), std::string::npos);
}

TEST(PpkKeyFile, RefusesRsaNumbersThatDoNotFit) {
  const RsaFields good = RsaFields::good();
  EXPECT_EQ(parse_fault(rsa_ppk(good)), "");
  const auto expect_fault = [&](Bytes RsaFields::*field, const Bytes& value, std::string_view fault) {
    RsaFields bad = good;
    bad.*field = value;
    EXPECT_EQ(parse_error(rsa_ppk(bad)), Errc::invalid_key) << fault;
    EXPECT_EQ(parse_fault(rsa_ppk(bad)), fault);
  };
  expect_fault(&RsaFields::p, {}, "RSA prime factors must be odd and greater than 1");
  expect_fault(&RsaFields::q, {1}, "RSA prime factors must be odd and greater than 1");
  expect_fault(&RsaFields::e, {1}, "RSA public exponent must be odd and greater than 1");
  expect_fault(&RsaFields::d, good.p, "RSA private exponent does not fit the public key");
  expect_fault(&RsaFields::iqmp, {2}, "RSA CRT coefficient is wrong");
}

TEST(PpkKeyFile, TakesASeedThatEndsInZeros) {
  // PuTTY writes Ed25519's seed as a number, whose highest byte is its last: it leaves zeros there out.
  SecretBytes seed(32);
  seed.data()[0] = 7;
  const Bytes algorithm_and_seed = from_hex("302e020100300506032b657004220420");
  Bytes file = algorithm_and_seed;
  file.insert(file.end(), seed.view().begin(), seed.view().end());
  const KeyFile key = parse_key_file(armoured("PRIVATE KEY", file), no_passphrase);
  const Bytes text = format_key_file(key.key, "zeros", SecretBytes(), KeyFileFormat::ppk);
  EXPECT_NE(as_text(text).find("\nPrivate-Lines: 1\nAAAAAQc=\n"), std::string_view::npos);
  EXPECT_TRUE(parse_key_file(as_text(text), no_passphrase).key.secret == key.key.secret);
}

TEST(PpkKeyFile, HasACommentOfOneLine) {
  const KeyFile key = parse("ed25519");
  const Bytes text = format_key_file(key.key, " two\nlines\x01 ", SecretBytes(), KeyFileFormat::ppk);
  EXPECT_EQ(parse_key_file(as_text(text), no_passphrase).comment, " two?lines? ");
  const Bytes longest =
      format_key_file(key.key, std::string(limits::comment_bytes + 1, 'c'), SecretBytes(), KeyFileFormat::ppk);
  EXPECT_EQ(parse_key_file(as_text(longest), no_passphrase).comment.size(), limits::comment_bytes);
  EXPECT_EQ(parse_error(replaced(std::string(as_text(longest)), "Comment: ", "Comment: c")), Errc::malformed);
  EXPECT_EQ(parse_error(replaced(std::string(as_text(longest)),
                                 "Comment: ", "Comment: " + std::string(limits::key_file_line_bytes, 'c'))),
            Errc::malformed);
}

}  // namespace
}  // namespace fob::test
