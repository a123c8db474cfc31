#include "protocol/sshsig.h"

#include <gtest/gtest.h>

#include "protocol/base64.h"
#include "protocol/evp.h"
#include "protocol/limits.h"
#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

using test::error_of;
using test::read_data;

const std::vector<std::string> types{"ed25519", "ecdsa", "rsa", "ed25519_sk", "ecdsa_sk", "ecdsa_sk_webauthn"};

std::string vector_text(const std::string& type) { return read_data("openssh/sshsig/" + type + ".sig"); }
Sshsig vector_of(const std::string& type) { return Sshsig::parse_text(vector_text(type)); }
Bytes digest_of_data(Hash hash) {
  return to_bytes(Digest(hash, as_bytes(read_data("openssh/sshsig/signed-data"))).view());
}

TEST(Sshsig, VerifiesWhatOpensshSigned) {
  for (const std::string& type : types) {
    const Sshsig sshsig = vector_of(type);
    EXPECT_EQ(sshsig.signature_namespace, read_data("openssh/sshsig/namespace")) << type;
    EXPECT_TRUE(equal(sshsig.key.blob, test::public_key_blob("openssh/sshsig/" + type + ".pub"))) << type;
    EXPECT_NO_THROW(verify_sshsig(sshsig, digest_of_data(sshsig.hash))) << type;
  }
}

TEST(Sshsig, WritesWhatItRead) {
  for (const std::string& type : types) EXPECT_EQ(vector_of(type).text(), vector_text(type)) << type;
}

TEST(Sshsig, RefusesAnotherFileNamespaceOrHash) {
  for (const std::string& type : types) {
    const Sshsig sshsig = vector_of(type);
    const Bytes digest = digest_of_data(sshsig.hash);
    Sshsig changed = sshsig;
    changed.signature_namespace = "file";
    EXPECT_EQ(error_of([&] { verify_sshsig(changed, digest); }), Errc::bad_signature) << type;
    changed = sshsig;
    changed.hash = Hash::sha256;
    EXPECT_EQ(error_of([&] { verify_sshsig(changed, digest); }), Errc::bad_signature) << type;
    const Bytes other = to_bytes(Digest(sshsig.hash, as_bytes("other")).view());
    EXPECT_EQ(error_of([&] { verify_sshsig(sshsig, other); }), Errc::bad_signature) << type;
  }
}

TEST(Sshsig, RefusesTruncatedAndOverlongBlobs) {
  const Bytes blob = vector_of("ed25519").write();
  test::expect_exact_length(blob, [](ByteView part) { Sshsig::parse(part); });
}

TEST(Sshsig, RefusesWhatItDoesNotKnow) {
  const Sshsig sshsig = vector_of("ed25519");
  const auto blob = [&](std::uint32_t version, std::string_view name, std::string_view hash) {
    Writer out;
    out.raw(as_bytes("SSHSIG")).u32(version).string(sshsig.key.blob).string(name).string("").string(hash);
    out.string(sshsig.signature);
    return out.take();
  };
  EXPECT_NO_THROW(Sshsig::parse(blob(1, "file", "sha256")));
  EXPECT_EQ(error_of([&] { Sshsig::parse(blob(2, "file", "sha512")); }), Errc::unsupported);
  EXPECT_EQ(error_of([&] { Sshsig::parse(blob(1, "file", "sha1")); }), Errc::unsupported);
  EXPECT_EQ(error_of([&] { Sshsig::parse(blob(1, "", "sha512")); }), Errc::malformed);
  EXPECT_EQ(error_of([&] { Sshsig::parse(blob(1, std::string(257, 'n'), "sha512")); }), Errc::malformed);
  EXPECT_EQ(error_of([&] { Sshsig::parse(as_bytes("SSHSIX")); }), Errc::malformed);
}

TEST(Sshsig, ReadsLineEndsOfAnySystemAndPassesOverWhatFollows) {
  std::string text = vector_text("rsa");
  const Bytes blob = Sshsig::parse_text(text).write();
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) text.insert(at, "\r");
  EXPECT_TRUE(equal(Sshsig::parse_text(text + "what follows\n").write(), blob));
}

TEST(Sshsig, RefusesATextThatIsNoSignature) {
  const std::string text = vector_text("ed25519");
  const std::string begin = "-----BEGIN SSH SIGNATURE-----";
  EXPECT_EQ(error_of([&] { Sshsig::parse_text(""); }), Errc::malformed);
  EXPECT_EQ(error_of([&] { Sshsig::parse_text(" " + text); }), Errc::malformed);
  EXPECT_EQ(error_of([&] { Sshsig::parse_text(begin + "x" + text.substr(begin.size())); }), Errc::malformed);
  EXPECT_EQ(error_of([&] { Sshsig::parse_text(text.substr(0, text.size() / 2)); }), Errc::malformed);
  EXPECT_EQ(error_of([&] { Sshsig::parse_text(begin + "\n?" + text.substr(begin.size())); }), Errc::malformed);
  EXPECT_EQ(error_of([&] { Sshsig::parse_text(begin + "\n\n-----END SSH SIGNATURE-----\n"); }), Errc::malformed);
  EXPECT_EQ(error_of([&] { Sshsig::parse_text(text + std::string(limits::sshsig_text_bytes, ' ')); }), Errc::too_large);
}

TEST(Sshsig, RefusesRsaWithSha1) {
  Sshsig sshsig = vector_of("rsa");
  Reader in(sshsig.signature);
  in.string();
  const Bytes value = to_bytes(in.string());
  sshsig.signature = Writer().string("ssh-rsa").string(value).take();
  EXPECT_EQ(error_of([&] { verify_sshsig(sshsig, digest_of_data(sshsig.hash)); }), Errc::unsupported);
}

TEST(Sshsig, ChecksTheAuthorityOfACertificate) {
  Sshsig sshsig = vector_of("ed25519");
  Bytes blob = test::public_key_blob("openssh/sshkey/ed25519_1-cert.pub");
  blob.back() ^= 1;
  sshsig.key = PublicKey::parse(blob);
  EXPECT_EQ(error_of([&] { verify_sshsig(sshsig, digest_of_data(sshsig.hash)); }), Errc::bad_signature);
}

TEST(Sshsig, NamespacesHaveALimit) {
  EXPECT_NO_THROW(check_sshsig_namespace(std::string(limits::name_bytes, 'n')));
  EXPECT_EQ(error_of([] { check_sshsig_namespace(std::string(limits::name_bytes + 1, 'n')); }), Errc::too_large);
  EXPECT_EQ(error_of([] { check_sshsig_namespace(""); }), Errc::malformed);
  EXPECT_EQ(error_of([] { check_sshsig_namespace(std::string_view("a\0b", 3)); }), Errc::malformed);
}

TEST(DigestStream, IsTheDigestOfAllPieces) {
  const std::string data = read_data("openssh/sshsig/signed-data");
  DigestStream stream(Hash::sha512);
  for (const char c : data) stream.add(as_bytes({&c, 1}));
  EXPECT_TRUE(equal(stream.finish(), Digest(Hash::sha512, as_bytes(data)).view()));
}

TEST(Base64, HasTheVectorsOfItsRfc) {
  // RFC 4648 §10.
  for (const auto& [text, encoded] : std::vector<std::pair<std::string, std::string>>{
           {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(encode_base64(as_bytes(text)), encoded);
    EXPECT_EQ(decode_base64(encoded).value(), to_bytes(as_bytes(text)));
  }
  EXPECT_EQ(decode_base64("Zm9v\nYg==\n", "\n").value(), to_bytes(as_bytes("foob")));
  for (const char* broken : {"Z", "Zg", "Zg=", "Zg==x", "Zm9v\n", "=", "Zm_v"}) EXPECT_FALSE(decode_base64(broken));
  EXPECT_FALSE(decode_base64(std::string_view("Zm9v\0Yg==", 9), "\n"));
}

TEST(Base64, ComesInLines) {
  EXPECT_EQ(as_text(encode_base64_lines(as_bytes("foobar"), 4)), "Zm9v\nYmFy\n");
  EXPECT_EQ(as_text(encode_base64_lines(as_bytes("foob"), 5)), "Zm9vY\ng==\n");
  EXPECT_EQ(as_text(encode_base64_lines({}, 4)), "");
}

}  // namespace
}  // namespace fob
