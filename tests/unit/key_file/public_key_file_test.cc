#include "protocol/key_file/public_key_file.h"

#include "protocol/key_file/armour.h"
#include "protocol/limits.h"
#include "protocol/wire.h"
#include "tests/unit/key_file/files.h"

namespace fob::test {
namespace {

constexpr const char* keys[] = {"ed25519", "p256", "p384", "p521", "rsa"};
constexpr std::string_view putty_comment =
    R"(a "quoted" \ comment, long enough that it does not fit into one line of 72 bytes)";

std::optional<Errc> error(const std::string& text) {
  return error_of([&] { parse_public_key_file(text); });
}

std::string fault(const std::string& text) {
  try {
    parse_public_key_file(text);
  } catch (const Error& thrown) {
    return thrown.what();
  }
  return {};
}

std::string written(const PublicKey& key, std::string_view comment, PublicKeyFormat format) {
  return format_public_key(key, comment, format);
}

Bytes blob_of(const std::string& key) { return public_key_blob("key_files/formats/" + key + ".pub"); }

std::string line_of(ByteView blob, const std::string& type) {
  return written(PublicKey{KeyKind::ed25519, to_bytes(blob), {}, {}, {}, {}, {}}, "", PublicKeyFormat::openssh)
      .replace(0, std::string_view("ssh-ed25519").size(), type);
}

TEST(PublicKeyFile, ReadsWhatSshKeygenPuttygenAndOpensslWrote) {
  for (const std::string key : keys) {
    SCOPED_TRACE(key);
    const auto expect = [&](const std::string& form, PublicKeyFormat format, std::string_view comment) {
      SCOPED_TRACE(form);
      const PublicKeyFile file = parse_public_key_file(key_file(key + form));
      EXPECT_TRUE(equal(file.key.blob, blob_of(key)));
      EXPECT_EQ(file.format, format);
      EXPECT_EQ(file.comment.substr(0, comment.size()), comment);
    };
    expect(".pub", PublicKeyFormat::openssh, "comment of " + key);
    expect(".rfc4716-putty", PublicKeyFormat::rfc4716, putty_comment);
    expect(".rfc4716", PublicKeyFormat::rfc4716, key == "rsa" ? "2048-bit RSA, converted by" : "");
    if (key != "ed25519") expect(".spki", PublicKeyFormat::pem, "");
    if (key == "rsa") expect(".rsa-public", PublicKeyFormat::pem, "");
    if (key == "p384") expect(".spki-compressed", PublicKeyFormat::pem, "");
  }
  EXPECT_TRUE(equal(parse_public_key_file(key_file("openssl_ed25519.spki")).key.blob, blob_of("openssl_ed25519")));
}

TEST(PublicKeyFile, ReadsEveryKeyAndCertificateThereIs) {
  for (const auto& [name, blob] : all_key_blobs()) {
    const PublicKeyFile file = parse_public_key_file(read_data(name));
    EXPECT_TRUE(equal(file.key.blob, blob)) << name;
    const std::string again = written(file.key, file.comment, PublicKeyFormat::rfc4716);
    EXPECT_TRUE(equal(parse_public_key_file(again).key.blob, blob)) << name;
  }
}

TEST(PublicKeyFile, PassesOverOptionsAndCommentsOfAuthorizedKeys) {
  const std::string line = key_file("p256.pub");
  const char* options[] = {"no-pty ", "command=\"echo \\\"two words\\\" # no\",no-pty\t ",
                           "from=\"*.example.com,!bad\",environment=\"A=b c\" ",
                           "\n# a comment\n  \n\tcert-authority "};
  for (const std::string before : options) {
    const PublicKeyFile file = parse_public_key_file(before + line + "and more");
    EXPECT_TRUE(equal(file.key.blob, blob_of("p256"))) << before;
    EXPECT_EQ(file.comment, "comment of p256");
    EXPECT_EQ(file.options, trimmed(before.substr(before.rfind('\n') + 1)));
  }
  EXPECT_EQ(parse_public_key_file(line).options, "");
  EXPECT_EQ(error("command=\"never closed " + line), Errc::malformed);
  EXPECT_EQ(error("two words " + line), Errc::malformed);
}

TEST(PublicKeyFile, TakesACommentForNothingElse) {
  const PublicKey key = public_key("key_files/formats/p256.pub");
  for (const char* comment : {"-----BEGIN PUBLIC KEY-----", "---- BEGIN SSH2 PUBLIC KEY ----", "PRIVATE KEY"}) {
    for (const PublicKeyFormat format : {PublicKeyFormat::openssh, PublicKeyFormat::rfc4716}) {
      EXPECT_EQ(parse_public_key_file(written(key, comment, format)).comment, comment);
    }
  }
}

TEST(PublicKeyFile, IsReadWhateverItsLineEnds) {
  for (const char* name : {"p256.pub", "p256.rfc4716", "p256.rfc4716-putty", "p256.spki"}) {
    for (const char* line_end : {"\r\n", "\r"}) {
      const std::string text = "\xef\xbb\xbf\n" + with_line_ends(key_file(name), line_end);
      EXPECT_TRUE(equal(parse_public_key_file(text).key.blob, blob_of("p256"))) << name;
    }
  }
}

TEST(PublicKeyFile, NeedsEachByte) {
  const auto read = [](std::string_view part) { parse_public_key_file(part); };
  expect_every_byte_needed(key_file("p256.rfc4716"), "---- END SSH2 PUBLIC KEY ----", read);
  expect_every_byte_needed(key_file("p256.spki"), "-----END PUBLIC KEY-----", read);
  expect_every_byte_needed(key_file("rsa.rsa-public"), "-----END RSA PUBLIC KEY-----", read);
  const std::string line = key_file("rsa.pub");
  const std::string without_comment = line.substr(0, line.find(" comment"));
  expect_every_byte_needed(without_comment, without_comment.substr(without_comment.size() - 8), read);
}

TEST(PublicKeyFile, SaysWhatOtherFilesAre) {
  for (const char* name : {"p256", "p256.pem", "p256.pkcs8", "p256.ppk3", "foreign.dsa-ppk", "foreign.sshcom"}) {
    EXPECT_EQ(error(key_file(name)), Errc::unsupported) << name;
    EXPECT_NE(fault(key_file(name)).find("private key"), std::string::npos) << name;
  }
  EXPECT_NE(fault(key_file("foreign.x509")).find("openssl x509"), std::string::npos);
  EXPECT_NE(fault(key_file("foreign.dsa-public")).find("DSA"), std::string::npos);
  EXPECT_EQ(error(key_file("foreign.der")), Errc::unsupported);
  for (const char* text :
       {"", " \n", "hello", "# only\n# comments\n", "ssh-ed25519", "ssh-ed25519 !!!!", "ssh-rsa AAAA"}) {
    EXPECT_EQ(error(text), Errc::malformed) << text;
  }
  EXPECT_EQ(error(std::string(limits::key_file_bytes + 1, '\n')), Errc::too_large);
}

TEST(PublicKeyFile, RefusesATypeThatItsKeyIsNot) {
  EXPECT_EQ(error(replaced(key_file("p256.pub"), "nistp256", "nistp384")), Errc::malformed);
  EXPECT_EQ(error(key_file("p256.pub").substr(0, 60)), Errc::malformed);
}

TEST(PublicKeyFile, RefusesKeysThatNoAgentTakes) {
  Bytes point = blob_of("p256");
  point.back() ^= 1;
  EXPECT_EQ(error(line_of(point, "ecdsa-sha2-nistp256")), Errc::invalid_key);
  Bytes ed25519 = blob_of("ed25519");
  std::fill(ed25519.end() - 32, ed25519.end(), std::uint8_t{0});
  EXPECT_EQ(error(line_of(ed25519, "ssh-ed25519")), Errc::invalid_key);
  const PublicKey rsa = public_key("key_files/formats/rsa.pub");
  const auto with = [](const Bytes& e, const Bytes& n) {
    Writer blob;
    blob.string("ssh-rsa").mpint(e).mpint(n);
    return error(line_of(blob.bytes(), "ssh-rsa"));
  };
  Bytes even = rsa.rsa_n;
  even.back() &= 0xfe;
  EXPECT_EQ(with(rsa.rsa_e, rsa.rsa_n), std::nullopt);
  EXPECT_EQ(with({}, rsa.rsa_n), Errc::invalid_key);
  EXPECT_EQ(with({1}, rsa.rsa_n), Errc::invalid_key);
  EXPECT_EQ(with({2}, rsa.rsa_n), Errc::invalid_key);
  EXPECT_EQ(with(Bytes(9, 0xff), rsa.rsa_n), Errc::invalid_key);
  EXPECT_EQ(with(rsa.rsa_e, even), Errc::invalid_key);
  EXPECT_EQ(with(rsa.rsa_e, Bytes(64, 0xff)), Errc::invalid_key);
}

TEST(PublicKeyFile, KeepsTheBlanksOfLinesThatContinue) {
  // RFC 4716 §3.3.3 breaks its example that way.
  const std::string comment = "Comment: \"a comment of several\\\n words,\\  \n  and more \\\n\"\n";
  const std::string text = key_file("p256.rfc4716-putty");
  const std::size_t begin = text.find("Comment: ");
  const std::string other = text.substr(0, begin) + comment + text.substr(text.find('\n', begin) + 1);
  EXPECT_EQ(parse_public_key_file(other).comment, "a comment of several words,  and more ");
}

TEST(PublicKeyFile, RefusesBrokenRfc4716) {
  const std::string text = key_file("p256.rfc4716-putty");
  EXPECT_EQ(error(replaced(text, "SSH2 PUBLIC KEY ----\n", "SSH2 PUBLIC KEY ----+\n")), Errc::malformed);
  EXPECT_EQ(error(replaced(text, "\n---- END", "\nX-Late: header\n---- END")), Errc::malformed);
  EXPECT_EQ(error(replaced(text, "Comment: \"", "Comment: \"" + std::string(limits::comment_bytes, 'c'))),
            Errc::malformed);
  EXPECT_EQ(error(replaced(text, "\n---- END", "!\n---- END")), Errc::malformed);
  std::string endless = "---- BEGIN SSH2 PUBLIC KEY ----\nComment: \\\n";
  while (endless.size() < limits::key_file_bytes / 2) endless += "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\\n";
  EXPECT_EQ(error(endless), Errc::malformed);
  const std::string other = replaced(text, "Comment:", "Subject: someone\nx-private: \\\n  value\nCOMMENT:");
  EXPECT_EQ(parse_public_key_file(other).comment, putty_comment);
}

TEST(PublicKeyFile, RefusesBrokenPem) {
  EXPECT_EQ(error(replaced(key_file("p256.spki"), "-----END", "-----BEGIN")), Errc::malformed);
  Bytes der = parse_base64(replaced(replaced(key_file("p256.spki"), "-----BEGIN PUBLIC KEY-----\n", ""),
                                    "\n-----END PUBLIC KEY-----\n", ""));
  const auto with = [&](std::size_t at, std::uint8_t flip) {
    Bytes changed = der;
    changed[at] ^= flip;
    return error(armoured("PUBLIC KEY", changed));
  };
  EXPECT_EQ(with(der.size() - 1, 1), Errc::invalid_key);      // off the curve
  EXPECT_EQ(with(der.size() - 66, 1), Errc::malformed);       // unused bits
  EXPECT_EQ(with(der.size() - 65, 0xff), Errc::invalid_key);  // no form of a point
  EXPECT_EQ(with(0, 1), Errc::malformed);
}

TEST(PublicKeyFormat, IsAsTheOthersWriteIt) {
  for (const std::string name : keys) {
    const PublicKeyFile file = parse_public_key_file(key_file(name + ".pub"));
    EXPECT_EQ(written(file.key, file.comment, PublicKeyFormat::openssh), key_file(name + ".pub"));
    if (name != "ed25519") {
      EXPECT_EQ(written(file.key, "", PublicKeyFormat::pem), key_file(name + ".spki"));
    }
  }
  EXPECT_EQ(public_key_line(public_key("key_files/ed25519_sk.pub"), "comment of ed25519_sk") + "\n",
            read_data("key_files/ed25519_sk.pub"));
  const PublicKey ed25519 = public_key("key_files/formats/openssl_ed25519.pub");
  EXPECT_EQ(written(ed25519, "", PublicKeyFormat::pem), key_file("openssl_ed25519.spki"));
  EXPECT_EQ(written(ed25519, "", PublicKeyFormat::openssh), key_file("openssl_ed25519.pub"));
}

/// Of the lines of the text.
std::size_t longest_line(std::string_view text) {
  std::size_t out = 0;
  Lines lines(text);
  while (const auto line = lines.next()) out = std::max(out, line->size());
  return out;
}

TEST(PublicKeyFormat, HasACommentOfOneLineInRfc4716) {
  // PuTTY reads no other, and the line has no more than 72 bytes (RFC 4716 §3.3).
  const PublicKey key = public_key("key_files/formats/p256.pub");
  const auto comment_of = [&](const std::string& comment) {
    const std::string text = written(key, comment, PublicKeyFormat::rfc4716);
    EXPECT_LE(longest_line(text), 72U);
    EXPECT_EQ(text.find("\\\n"), std::string::npos);
    return parse_public_key_file(text).comment;
  };
  for (const std::size_t size : {0U, 1U, 60U, 61U, 62U, 63U, 200U, 1024U, 2000U}) {
    EXPECT_EQ(comment_of(std::string(size, 'c')), std::string(std::min(size, std::size_t{61}), 'c'));
  }
  // Escapes take room, and neither they nor characters are cut in two.
  EXPECT_EQ(comment_of(std::string(40, '"')), std::string(30, '"'));
  EXPECT_EQ(comment_of("c" + std::string(40, '\\')), "c" + std::string(30, '\\'));
  std::string long_one = std::string(60, 'c');
  EXPECT_EQ(comment_of(long_one + "\u00e9"), long_one);
  long_one.pop_back();
  EXPECT_EQ(comment_of(long_one + "\u00e9"), long_one + "\u00e9");
  EXPECT_EQ(comment_of(long_one + "\u00e9c"), long_one + "\u00e9");
}

TEST(PublicKeyFormat, KeepsACommentInItsLine) {
  const PublicKey key = public_key("key_files/formats/p256.pub");
  for (const PublicKeyFormat format : {PublicKeyFormat::openssh, PublicKeyFormat::rfc4716}) {
    EXPECT_EQ(parse_public_key_file(written(key, "two\nlines", format)).comment, "two?lines");
  }
}

TEST(PublicKeyFormat, RefusesKeysThatPemHasNoFormFor) {
  for (const char* name : {"key_files/ed25519_sk.pub", "certificates/user-cert.pub"}) {
    EXPECT_EQ(error_of([&] { written(public_key(name), "", PublicKeyFormat::pem); }), Errc::unsupported);
  }
}

}  // namespace
}  // namespace fob::test
