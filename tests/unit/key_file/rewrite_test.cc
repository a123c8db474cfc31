#include <algorithm>

#include "protocol/key_file/armour.h"
#include "protocol/key_file/der.h"
#include "protocol/wire.h"
#include "tests/unit/key_file/files.h"

namespace fob::test {
namespace {

constexpr std::string_view other_passphrase = "another phrase";

/// The file with another comment, or another passphrase; an empty one for none.
std::string with_comment(const std::string& name, const std::string& comment) {
  KeyFile content = parse(name);
  content.comment = comment;
  const bool encrypted = inspect_key_file(key_file(name)).encrypted;
  const SecretBytes typed(as_bytes(encrypted ? passphrase : ""));
  return std::string(as_text(rewrite_key_file(key_file(name), content, typed, KeyFileChange::comment)));
}
std::string with_passphrase(const std::string& name, std::string_view typed) {
  const SecretBytes secret(as_bytes(typed));
  return std::string(as_text(rewrite_key_file(key_file(name), parse(name), secret, KeyFileChange::passphrase)));
}

void expect_same_key(const std::string& name, const std::string& text, std::string_view typed) {
  const KeyFile before = parse(name);
  const KeyFile after = parse_key_file(text, typing(typed));
  EXPECT_TRUE(after.key.secret == before.key.secret);
  EXPECT_TRUE(equal(after.key.public_key.blob, before.key.public_key.blob));
}

/// Cipher, KDF and rounds of OpenSSH's form.
std::string openssh_encryption(const std::string& text) {
  const Bytes file = unarmoured(text);
  Reader in(file);
  in.raw(std::string_view("openssh-key-v1").size() + 1);
  const std::string cipher(in.text());
  const std::string kdf(in.text());
  Reader options(in.string());
  if (options.remaining() == 0) return cipher;
  options.string();
  return cipher + " " + kdf + " " + std::to_string(options.u32());
}

/// A PPK's first line, and those of its encryption, but for the salt.
std::string ppk_form(const std::string& text) {
  std::string out;
  Lines lines(text);
  while (const auto line = lines.next()) {
    const bool tells = line->starts_with("PuTTY-") || line->starts_with("Encryption") || line->starts_with("Key-") ||
                       (line->starts_with("Argon2-") && !line->starts_with("Argon2-Salt"));
    if (tells) out += std::string(*line) + "\n";
  }
  return out;
}

/// What follows the salt in the parameters of a PKCS#8 file's KDF, and the cipher's object, in hexadecimal digits.
std::string pkcs8_kdf(const std::string& text) {
  const Bytes file = unarmoured(text);
  der::Values outer = der::Values(file).values().values();
  outer.object();
  der::Values in = outer.values();
  der::Values derivation = in.values();
  std::string out = to_hex(as_bytes(derivation.object()));
  der::Values parameters = derivation.values();
  parameters.value(der::octet_string);
  for (const std::uint8_t tag : {der::integer, der::integer, der::integer}) {
    if (parameters.next_is(tag)) out += " " + to_hex(parameters.value(tag));
  }
  if (!parameters.empty()) out += " " + to_hex(as_bytes(parameters.values().object()));
  return out + " " + to_hex(as_bytes(in.values().object()));
}

TEST(KeyFileComment, LeavesCipherAndRoundsOfOpensshAlone) {
  for (const std::string& name : files_of("ed25519.openssh-")) {
    SCOPED_TRACE(name);
    const std::string text = with_comment(name, "new");
    EXPECT_EQ(openssh_encryption(text), openssh_encryption(key_file(name)));
    EXPECT_EQ(parse_key_file(text, typing(passphrase)).comment, "new");
    expect_same_key(name, text, passphrase);
    EXPECT_THROW(parse_key_file(text, typing("wrong")), WrongPassphrase);
  }
  EXPECT_EQ(openssh_encryption(with_comment("rsa.openssh-rounds", "")),
            openssh_encryption(key_file("rsa.openssh-rounds")));
  EXPECT_EQ(openssh_encryption(with_comment("p256", "new")), "none");
}

TEST(KeyFileComment, LeavesVersionAndEncryptionOfPpkAlone) {
  for (const char* key : {"ed25519", "rsa", "p521"}) {
    for (const std::string& name : files_of(std::string(key) + ".ppk")) {
      SCOPED_TRACE(name);
      const std::string text = with_comment(name, "new");
      EXPECT_EQ(ppk_form(text), ppk_form(key_file(name)));
      EXPECT_EQ(parse_key_file(text, typing(passphrase)).comment, "new");
      expect_same_key(name, text, passphrase);
    }
  }
}

TEST(KeyFileComment, OfPpk2IsTheSameFileOtherwise) {
  // It has no salt: so what puttygen wrote comes out byte for byte.
  for (const char* name : {"ed25519.ppk2", "ed25519.ppk2-encrypted", "rsa.ppk2-encrypted", "p384.ppk2"}) {
    EXPECT_EQ(with_comment(name, parse(name).comment), key_file(name)) << name;
  }
}

TEST(KeyFileComment, IsNoneOfPemAndPkcs8) {
  for (const char* name : {"p256.pem", "p256.pem-encrypted", "p256.pkcs8", "p256.pkcs8-encrypted"}) {
    EXPECT_EQ(error_of([&] { with_comment(name, "new"); }), Errc::unsupported) << name;
  }
}

TEST(KeyFilePassphrase, CostsNoLessThanBeforeInOpenssh) {
  const auto encryption = [](const char* name, std::string_view typed) {
    const std::string text = with_passphrase(name, typed);
    expect_same_key(name, text, typed);
    EXPECT_EQ(parse_key_file(text, typing(typed)).comment, parse(name).comment);
    return openssh_encryption(text);
  };
  EXPECT_EQ(openssh_encryption(key_file("rsa.openssh-rounds")), "aes256-ctr bcrypt 40");
  EXPECT_EQ(encryption("rsa.openssh-rounds", other_passphrase), "aes256-ctr bcrypt 40");
  EXPECT_EQ(encryption("ed25519.openssh-aes256-gcm", other_passphrase), "aes256-gcm@openssh.com bcrypt 24");
  EXPECT_EQ(encryption("ed25519", other_passphrase), "aes256-ctr bcrypt 24");
  EXPECT_EQ(encryption("rsa.openssh-rounds", ""), "none");
}

TEST(KeyFilePassphrase, CostsNoLessThanBeforeInPpk) {
  const auto form = [](const std::string& name, std::string_view typed) {
    const std::string text = with_passphrase(name, typed);
    expect_same_key(name, text, typed);
    return ppk_form(text);
  };
  const std::string key = "ssh-ed25519\n";
  const std::string new_kdf =
      "Key-Derivation: Argon2id\nArgon2-Memory: 8192\nArgon2-Passes: 13\nArgon2-Parallelism: 1\n";
  const std::string encrypted = "PuTTY-User-Key-File-3: " + key + "Encryption: aes256-cbc\n";
  // PPK 2 has no KDF at all.
  EXPECT_EQ(form("ed25519.ppk2-encrypted", other_passphrase), encrypted + new_kdf);
  EXPECT_EQ(form("ed25519.ppk2", other_passphrase), encrypted + new_kdf);
  EXPECT_EQ(form("ed25519.ppk3-argon2id", other_passphrase), encrypted + new_kdf);
  EXPECT_EQ(form("ed25519.ppk3-argon2i", other_passphrase), encrypted + replaced(new_kdf, "Argon2id", "Argon2i"));
  EXPECT_EQ(form("ed25519.ppk2-encrypted", ""), "PuTTY-User-Key-File-2: " + key + "Encryption: none\n");
  EXPECT_EQ(form("ed25519.ppk3-argon2d", ""), "PuTTY-User-Key-File-3: " + key + "Encryption: none\n");
}

TEST(KeyFilePassphrase, KeepsMoreMemoryAndMorePassesOfPpk) {
  // Encrypted as before, then asked to cost more: only what the file says of its KDF is looked at.
  const auto form = [](const std::string& memory, const std::string& passes) {
    const std::string name = "ed25519.ppk3-argon2id";
    const std::string text = replaced(replaced(key_file(name), "Argon2-Memory: 8192", "Argon2-Memory: " + memory),
                                      "Argon2-Passes: 2\n", "Argon2-Passes: " + passes + "\n");
    const SecretBytes typed(as_bytes(other_passphrase));
    const std::string out(as_text(rewrite_key_file(text, parse(name), typed, KeyFileChange::passphrase)));
    expect_same_key(name, out, other_passphrase);
    return ppk_form(out).substr(ppk_form(out).find("Argon2-Memory"));
  };
  const std::string lanes = "Argon2-Parallelism: 1\n";
  EXPECT_EQ(form("8192", "20"), "Argon2-Memory: 8192\nArgon2-Passes: 20\n" + lanes);
  EXPECT_EQ(form("65536", "1"), "Argon2-Memory: 65536\nArgon2-Passes: 2\n" + lanes);
  EXPECT_EQ(form("1024", "200"), "Argon2-Memory: 8192\nArgon2-Passes: 25\n" + lanes);
}

TEST(KeyFilePassphrase, CostsNoLessThanBeforeInPkcs8) {
  const auto kdf = [](const std::string& name) {
    const std::string text = with_passphrase(name, other_passphrase);
    expect_same_key(name, text, other_passphrase);
    return pkcs8_kdf(text);
  };
  const std::string pbkdf2 = "2a864886f70d01050c 0927c0 2a864886f70d02";  // 600,000 rounds, HMAC with …
  const std::string aes256 = " 60864801650304012a";
  EXPECT_EQ(kdf("p256.pkcs8"), pbkdf2 + "09" + aes256);
  EXPECT_EQ(kdf("p256.pkcs8-hmac-sha1"), pbkdf2 + "09" + aes256);
  EXPECT_EQ(kdf("p256.pkcs8-hmac-sha512"), pbkdf2 + "0b" + aes256);
  EXPECT_EQ(kdf("p256.pkcs8-pbe-3des"), pbkdf2 + "09" + aes256);
  EXPECT_EQ(kdf("p256.pkcs8-scrypt"), pkcs8_kdf(key_file("p256.pkcs8-scrypt")));
  // Not costly by what it has of memory: 1 MiB.
  EXPECT_EQ(kdf("p256.pkcs8-scrypt-costly"), pbkdf2 + "09" + aes256);
  EXPECT_EQ(with_passphrase("p256.pkcs8-encrypted", ""), key_file("p256.pkcs8"));
}

TEST(KeyFilePassphrase, OfPemIsAsThatFormHasIt) {
  const std::string text = with_passphrase("p256.pem-aes256", other_passphrase);
  expect_same_key("p256.pem-aes256", text, other_passphrase);
  EXPECT_NE(text.find("DEK-Info: AES-128-CBC"), std::string::npos);
}

}  // namespace
}  // namespace fob::test
