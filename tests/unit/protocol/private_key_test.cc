#include "protocol/private_key.h"

#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

using test::error_of;
using test::from_hex;

PrivateKey read_whole(ByteView fields) {
  Reader in(fields);
  PrivateKey out = PrivateKey::read(in);
  in.done();
  return out;
}

Bytes written(const PrivateKey& key) {
  Writer out;
  key.write(out);
  return out.take();
}

/// The key's fields in a message that adds it.
Bytes fields_in(const Bytes& request) {
  Reader in(request);
  in.u8();
  const std::size_t start = in.position();
  PrivateKey::read(in);
  return to_bytes(in.since(start));
}

/// The fields in an unencrypted OpenSSH key file (PROTOCOL.key): the same as in a message.
Bytes fields_in_file(const std::string& name) {
  std::string text = test::read_data(name);
  const std::size_t begin = text.find('\n') + 1;
  const Bytes blob = test::from_base64(text.substr(begin, text.rfind("-----END") - begin));
  Reader in(blob);
  in.raw(sizeof("openssh-key-v1"));
  for (int i = 0; i < 3; ++i) in.string();  // cipher, kdf, its options
  in.u32();                                 // number of keys
  in.string();                              // public key
  Reader contents = in.nested();
  contents.u64();  // two check numbers
  const std::size_t start = contents.position();
  PrivateKey::read(contents);
  return to_bytes(contents.since(start));
}

/// By kind, "cert" before certificates.
const std::map<std::string, Bytes>& keys() {
  static const std::map<std::string, Bytes> all = [] {
    std::map<std::string, Bytes> out;
    for (const char* kind : {"rsa", "ecdsa_p256", "ecdsa_p384", "ecdsa_p521", "ed25519", "sk_ecdsa", "sk_ed25519"}) {
      out[kind] = fields_in(test::message(std::string("add_") + kind + ".request"));
      out[std::string("cert ") + kind] = fields_in(test::message(std::string("certify_") + kind + ".request"));
    }
    const std::string mldsa = "openssh/sshkey/mldsa44_ed25519_1";
    const Bytes plain = fields_in_file(mldsa);
    out["mldsa"] = plain;
    // ssh-mldsa-eddsa.c: of a certificate only the seeds follow.
    Writer certified;
    certified.string("ssh-mldsa44-ed25519-cert-v01@openssh.com");
    certified.string(test::public_key_blob(mldsa + "-cert.pub")).raw(ByteView(plain).last(4 + 64));
    out["cert mldsa"] = certified.take();
    return out;
  }();
  return all;
}

TEST(PrivateKey, WritesWhatItRead) {
  for (const auto& [name, fields] : keys()) EXPECT_TRUE(equal(written(read_whole(fields)), fields)) << name;
}

TEST(PrivateKey, RefusesEveryTruncationAndTrailingByte) {
  for (const auto& [name, fields] : keys()) {
    SCOPED_TRACE(name);
    test::expect_exact_length(fields, [](ByteView bytes) { read_whole(bytes); });
  }
}

TEST(PrivateKey, HasTheRightPublicKey) {
  const Bytes& answer = test::message("list.reply");
  for (const auto& [name, fields] : keys()) {
    if (name.find("mldsa") != std::string::npos) continue;
    const PrivateKey key = read_whole(fields);
    EXPECT_EQ(key.public_key.is_certificate(), name.starts_with("cert ")) << name;
    EXPECT_NE(as_text(answer).find(as_text(key.public_key.blob)), std::string_view::npos) << name;
  }
  const PrivateKey mldsa = read_whole(keys().at("mldsa"));
  EXPECT_TRUE(equal(mldsa.public_key.blob, test::public_key_blob("openssh/sshkey/mldsa44_ed25519_1.pub")));
}

TEST(PrivateKey, KeepsSecretFieldsOnly) {
  for (const auto& [name, fields] : keys()) {
    const PrivateKey key = read_whole(fields);
    const ByteView secret = key.secret.view();
    ASSERT_LT(secret.size(), fields.size()) << name;
    EXPECT_TRUE(equal(secret, ByteView(fields).last(secret.size()))) << name;
  }
  EXPECT_EQ(read_whole(keys().at("ed25519")).secret.size(), 4U + 64);
  EXPECT_EQ(read_whole(keys().at("mldsa")).secret.size(), 4U + 64);
  EXPECT_LE(read_whole(keys().at("ecdsa_p521")).secret.size(), 4U + 67);
}

TEST(PrivateKey, OfACertificateHasTheSecretOfThePlainKey) {
  for (const auto& [name, fields] : keys()) {
    if (name.starts_with("cert ")) continue;
    EXPECT_TRUE(read_whole(fields).secret == read_whole(keys().at("cert " + name)).secret) << name;
  }
}

/// What a certificate's key repeats must be what the certificate says.
TEST(PrivateKey, RefusesPointThatIsNotTheCertificates) {
  for (const char* name : {"cert ed25519", "cert sk_ed25519"}) {
    PrivateKey key = read_whole(keys().at(name));
    key.public_key.point[31] ^= 1;
    EXPECT_EQ(error_of([&] { read_whole(written(key)); }), Errc::invalid_key) << name;
    key.public_key.point[31] ^= 1;
    key.public_key.point.push_back(0);
    EXPECT_EQ(error_of([&] { read_whole(written(key)); }), Errc::invalid_key) << name;
    key.public_key.point.clear();
    EXPECT_EQ(error_of([&] { read_whole(written(key)); }), Errc::invalid_key) << name;
  }
}

TEST(PrivateKey, RefusesApplicationThatIsNotTheCertificates) {
  for (const char* name : {"cert sk_ecdsa", "cert sk_ed25519"}) {
    for (const char* application : {"", "ssh", "ssh:other", "https://example.org"}) {
      PrivateKey key = read_whole(keys().at(name));
      key.public_key.application = application;
      EXPECT_EQ(error_of([&] { read_whole(written(key)); }), Errc::invalid_key) << name << application;
    }
  }
}

TEST(PrivateKey, RefusesCertificateOfAnotherType) {
  const Bytes certificate = read_whole(keys().at("cert ed25519")).public_key.blob;
  const Bytes plain = read_whole(keys().at("ed25519")).public_key.blob;
  for (const ByteView blob : {ByteView(certificate), ByteView(plain)}) {
    const Bytes fields =
        Writer().string("ecdsa-sha2-nistp256-cert-v01@openssh.com").string(blob).mpint(Bytes(32, 1)).take();
    EXPECT_EQ(error_of([&] { read_whole(fields); }), Errc::malformed);
  }
  const Bytes fields = Writer().string("ssh-ed25519-cert-v01@openssh.com").string(plain).string(Bytes(32)).take();
  EXPECT_EQ(error_of([&] { read_whole(fields); }), Errc::malformed);
}

TEST(PrivateKey, RefusesUnknownTypes) {
  for (const char* name : {"", "ssh-dss", "rsa-sha2-256", "ssh-ed448"}) {
    EXPECT_EQ(error_of([&] { read_whole(Writer().string(name).string("x").bytes()); }), Errc::unsupported) << name;
  }
}

TEST(PrivateKey, RefusesSecretsOfOtherSizes) {
  for (const char* name : {"ed25519", "mldsa"}) {
    const PrivateKey key = read_whole(keys().at(name));
    for (const std::size_t size : {0U, 32U, 63U, 65U, 96U}) {
      PrivateKey other{key.public_key, SecretBytes(Writer().string(Bytes(size)).bytes())};
      EXPECT_EQ(error_of([&] { read_whole(written(other)); }), Errc::malformed) << name << size;
    }
  }
}

TEST(PrivateKey, RefusesNumbersNotInShortestFormOrNegative) {
  const PrivateKey ecdsa = read_whole(keys().at("ecdsa_p256"));
  for (const char* number : {"00000001 00", "00000002 0001", "00000001 80"}) {
    PrivateKey other{ecdsa.public_key, SecretBytes(from_hex(number))};
    EXPECT_EQ(error_of([&] { read_whole(written(other)); }), Errc::malformed) << number;
  }
  const PrivateKey rsa = read_whole(keys().at("rsa"));
  const Bytes one = Writer().mpint(from_hex("01")).take();
  for (std::size_t bad = 0; bad < 4; ++bad) {
    Writer numbers;
    for (std::size_t i = 0; i < 4; ++i) numbers.raw(i == bad ? from_hex("00000002 0001") : one);
    PrivateKey other{rsa.public_key, SecretBytes(numbers.bytes())};
    EXPECT_EQ(error_of([&] { read_whole(written(other)); }), Errc::malformed) << bad;
  }
}

TEST(PrivateKey, TakesAnySkFlagsAndHandles) {
  const PrivateKey key = read_whole(keys().at("sk_ed25519"));
  for (const unsigned flags : {0U, 1U, 0x25U, 0xffU}) {
    Writer secret;
    secret.u8(static_cast<std::uint8_t>(flags)).string(Bytes(1000, 7)).string("");
    const PrivateKey other{key.public_key, SecretBytes(secret.bytes())};
    EXPECT_TRUE(read_whole(written(other)).secret == other.secret);
  }
}

}  // namespace
}  // namespace fob
