#include "protocol/verify.h"

#include "protocol/evp.h"
#include "protocol/signature.h"
#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

using test::error_of;
using test::FileSignature;
using test::from_hex;

FileSignature openssh_signature(const std::string& name) {
  return test::file_signature("openssh/sshsig/" + name + ".sig", "openssh/sshsig/signed-data");
}

/// All but ML-DSA, which composite_test.cc has.
const std::vector<std::string>& names() {
  static const std::vector<std::string> list{"rsa", "ecdsa", "ed25519", "ecdsa_sk", "ed25519_sk", "ecdsa_sk_webauthn"};
  return list;
}

TEST(VerifySignature, TakesSignaturesOfOpenSsh) {
  for (const std::string& name : names()) {
    const FileSignature file = openssh_signature(name);
    EXPECT_TRUE(equal(file.key_blob, test::public_key_blob("openssh/sshsig/" + name + ".pub"))) << name;
    EXPECT_NO_THROW(verify_signature(PublicKey::parse(file.key_blob), file.signature, file.signed_data)) << name;
  }
}

TEST(VerifySignature, RefusesEveryFlippedBitOfTheSignature) {
  for (const std::string& name : names()) {
    SCOPED_TRACE(name);
    const FileSignature file = openssh_signature(name);
    const PublicKey key = PublicKey::parse(file.key_blob);
    test::expect_every_bit_counts(file.signature,
                                  [&](ByteView signature) { verify_signature(key, signature, file.signed_data); });
  }
}

TEST(VerifySignature, RefusesEveryFlippedBitOfTheData) {
  for (const std::string& name : names()) {
    SCOPED_TRACE(name);
    const FileSignature file = openssh_signature(name);
    const PublicKey key = PublicKey::parse(file.key_blob);
    test::expect_every_bit_counts(file.signed_data,
                                  [&](ByteView data) { verify_signature(key, file.signature, data); });
  }
}

TEST(VerifySignature, RefusesEveryFlippedBitOfTheKey) {
  for (const std::string& name : names()) {
    SCOPED_TRACE(name);
    const FileSignature file = openssh_signature(name);
    test::expect_every_bit_counts(file.key_blob, [&](ByteView blob) {
      verify_signature(PublicKey::parse(blob), file.signature, file.signed_data);
    });
  }
}

TEST(VerifySignature, RefusesSignatureTypeOfAnotherKey) {
  for (const std::string& key_name : names()) {
    for (const std::string& name : names()) {
      if (key_name == name) continue;
      const PublicKey key = test::public_key("openssh/sshsig/" + key_name + ".pub");
      const FileSignature file = openssh_signature(name);
      EXPECT_EQ(error_of([&] { verify_signature(key, file.signature, file.signed_data); }), Errc::bad_signature)
          << key_name << " " << name;
    }
  }
}

TEST(VerifySignature, VerifiesWithTheKeyInACertificate) {
  const Bytes& login = test::message("login.2.reply");
  Reader in(login);
  in.u8();
  const ByteView signature = in.string();
  const Bytes& request = test::message("login.3.request");
  Reader asked(request);
  asked.u8();
  PublicKey key = PublicKey::parse(asked.string());
  const ByteView data = asked.string();
  EXPECT_NO_THROW(verify_signature(key, signature, data));
  key.certificate.emplace();
  EXPECT_NO_THROW(verify_signature(key, signature, data));
}

/// Each signature that OpenSSH's agent gave, with the key and the data of the request before it.
TEST(VerifySignature, TakesSignaturesOfOpenSshsAgent) {
  const std::vector<std::pair<std::string, std::string>> pairs{{"test_ed25519.request", "test_ed25519.reply"},
                                                               {"test_sk_ecdsa.request", "test_sk_ecdsa.reply"},
                                                               {"sshsig.request", "sshsig.2.reply"},
                                                               {"issue_host.request", "issue_host.reply"},
                                                               {"login.request", "login.reply"},
                                                               {"login.4.request", "login.3.reply"},
                                                               {"login_forward.3.request", "login_forward.2.reply"}};
  for (const auto& [request, reply] : pairs) {
    Reader asked(test::message(request));
    asked.u8();
    const PublicKey key = PublicKey::parse(asked.string());
    const ByteView data = asked.string();
    Reader answered(test::message(reply));
    answered.u8();
    EXPECT_NO_THROW(verify_signature(key, answered.string(), data)) << request;
  }
}

TEST(VerifySignature, TakesRsaSignatureWithoutItsLeadingZero) {
  const auto words = test::read_words("openssl/rsa_short.txt").at(0);
  const Bytes blob = Writer().string("ssh-rsa").mpint(from_hex(words[1])).mpint(from_hex(words[0])).take();
  const PublicKey key = PublicKey::parse(blob);
  const Bytes message = from_hex(words[2]);
  const Bytes whole = from_hex(words[3]);
  const auto verify = [&](ByteView value) {
    verify_signature(key, Writer().string("rsa-sha2-256").string(value).bytes(), message);
  };
  EXPECT_NO_THROW(verify(whole));
  EXPECT_NO_THROW(verify(ByteView(whole).subspan(1)));
  EXPECT_EQ(error_of([&] { verify(ByteView(whole).subspan(2)); }), Errc::bad_signature);
  EXPECT_EQ(error_of([&] { verify(ByteView(whole).first(whole.size() - 1)); }), Errc::bad_signature);
  EXPECT_EQ(error_of([&] { verify({}); }), Errc::bad_signature);
  Bytes longer = whole;
  longer.insert(longer.begin(), 0);
  EXPECT_EQ(error_of([&] { verify(longer); }), Errc::bad_signature);
}

TEST(VerifySignature, RefusesRsaSignatureOfAnotherHash) {
  const FileSignature file = openssh_signature("rsa");
  const PublicKey key = PublicKey::parse(file.key_blob);
  Signature signature = Signature::parse(file.signature);
  for (const char* algorithm : {"ssh-rsa", "rsa-sha2-256"}) {
    signature.algorithm = algorithm;
    EXPECT_EQ(error_of([&] { verify_signature(key, signature.write(), file.signed_data); }), Errc::bad_signature);
  }
}

TEST(VerifySignature, RefusesIllFormedEcdsaValues) {
  const FileSignature file = openssh_signature("ecdsa");
  const PublicKey key = PublicKey::parse(file.key_blob);
  const auto error_with = [&](const Bytes& value) {
    const Bytes blob = Writer().string("ecdsa-sha2-nistp256").string(value).take();
    return error_of([&] { verify_signature(key, blob, file.signed_data); });
  };
  const Bytes one = from_hex("01");
  EXPECT_EQ(error_with({}), Errc::malformed);
  EXPECT_EQ(error_with(Writer().mpint(one).take()), Errc::malformed);
  EXPECT_EQ(error_with(Writer().mpint(one).mpint(one).u8(0).take()), Errc::malformed);
  EXPECT_EQ(error_with(Writer().mpint({}).mpint({}).take()), Errc::bad_signature);
  EXPECT_EQ(error_with(Writer().mpint(one).mpint(one).take()), Errc::bad_signature);
  EXPECT_EQ(error_with(Writer().mpint(Bytes(32, 0xff)).mpint(Bytes(32, 0xff)).take()), Errc::bad_signature);
  EXPECT_EQ(error_with(Writer().mpint(Bytes(33, 1)).mpint(one).take()), Errc::bad_signature);
  EXPECT_EQ(error_with(Writer().mpint(one).mpint(Bytes(2000, 1)).take()), Errc::bad_signature);
}

TEST(VerifySignature, RefusesEd25519ValuesOfOtherSizes) {
  const FileSignature file = openssh_signature("ed25519");
  const PublicKey key = PublicKey::parse(file.key_blob);
  for (const std::size_t size : {0U, 63U, 65U, 128U}) {
    const Bytes blob = Writer().string("ssh-ed25519").string(Bytes(size)).take();
    EXPECT_EQ(error_of([&] { verify_signature(key, blob, file.signed_data); }), Errc::bad_signature) << size;
  }
}

/// PROTOCOL.u2f: what must hold for a browser's signature before its value is looked at.
TEST(VerifySignature, ChecksWhatABrowserClaims) {
  const FileSignature file = openssh_signature("ecdsa_sk_webauthn");
  const PublicKey key = PublicKey::parse(file.key_blob);
  const Bytes extension = from_hex("a0");
  const auto refuses = [&](const std::function<void(Signature&)>& change) {
    Signature signature = Signature::parse(file.signature);
    change(signature);
    return error_of([&] { verify_signature(key, signature.write(), file.signed_data); }) == Errc::bad_signature;
  };
  EXPECT_FALSE(refuses([](Signature&) {}));
  EXPECT_TRUE(refuses([](Signature& s) { s.webauthn->origin = "https://evil.example"; }));
  EXPECT_TRUE(refuses([](Signature& s) { s.webauthn->origin = "https://www.example.com\",\""; }));
  EXPECT_TRUE(refuses([](Signature& s) { s.sk->flags |= 0x40; }));
  EXPECT_TRUE(refuses([](Signature& s) { s.sk->flags |= 0x80; }));
  EXPECT_TRUE(refuses([&](Signature& s) { s.webauthn->extensions = extension; }));
  EXPECT_TRUE(refuses([](Signature& s) { s.webauthn->client_data = {}; }));
  EXPECT_TRUE(refuses([](Signature& s) { ++s.sk->counter; }));
}

TEST(VerifySignature, RefusesKeysThatAreNone) {
  const FileSignature ecdsa = openssh_signature("ecdsa");
  PublicKey off_curve = PublicKey::parse(ecdsa.key_blob);
  off_curve.point.back() ^= 1;
  EXPECT_EQ(error_of([&] { verify_signature(off_curve, ecdsa.signature, ecdsa.signed_data); }), Errc::invalid_key);
  PublicKey zero = PublicKey::parse(ecdsa.key_blob);
  std::fill(zero.point.begin() + 1, zero.point.end(), std::uint8_t{0});
  EXPECT_EQ(error_of([&] { verify_signature(zero, ecdsa.signature, ecdsa.signed_data); }), Errc::invalid_key);
}

/// FIPS 180-4's and RFC 1321's "abc".
TEST(Digest, AgreesWithPublishedValues) {
  const auto hex = [](Hash hash) { return test::to_hex(Digest(hash, as_bytes("abc")).view()); };
  EXPECT_EQ(hex(Hash::md5), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(hex(Hash::sha1), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(Hash::sha256), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(Hash::sha384),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
  EXPECT_EQ(hex(Hash::sha512),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(OpensslError, SaysWhatFailed) {
  try {
    throw_openssl_error("testing");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::system);
    EXPECT_STREQ(error.what(), "testing: unknown OpenSSL error");
  }
}

}  // namespace
}  // namespace fob
