#include "protocol/public_key.h"

#include "protocol/limits.h"
#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

using test::error_of;
using test::from_hex;
using test::public_key;
using test::public_key_blob;

std::optional<Errc> parse_error(ByteView blob) {
  return error_of([&] { PublicKey::parse(blob); });
}

Bytes rsa_blob(std::size_t modulus_bytes, std::uint8_t lead) {
  Bytes modulus(modulus_bytes, 0x55);
  modulus[0] = lead;
  return Writer().string("ssh-rsa").mpint(from_hex("010001")).mpint(modulus).take();
}

Bytes point_blob(std::string_view type, std::string_view curve, std::size_t point_bytes, std::uint8_t lead = 0x04) {
  Bytes point(point_bytes, 0x55);
  if (!point.empty()) point[0] = lead;
  Writer out;
  out.string(type);
  if (!curve.empty()) out.string(curve);
  return out.string(point).take();
}

TEST(PublicKey, RefusesEveryTruncationAndTrailingByte) {
  for (const auto& [name, blob] : test::all_key_blobs()) {
    SCOPED_TRACE(name);
    test::expect_exact_length(blob, [](ByteView bytes) { PublicKey::parse(bytes); });
  }
}

TEST(PublicKey, KeepsItsBlob) {
  for (const auto& [name, blob] : test::all_key_blobs()) {
    EXPECT_TRUE(equal(PublicKey::parse(blob).blob, blob)) << name;
  }
}

/// Of a certificate the key in it is a key that has its own file beside.
TEST(PublicKey, ComposesThePlainKeyOfACertificate) {
  for (const char* name : {"rsa_1", "ecdsa_1", "ed25519_1", "ecdsa_sk1", "ed25519_sk1", "mldsa44_ed25519_1"}) {
    const std::string path = std::string("openssh/sshkey/") + name;
    const Bytes plain = public_key_blob(path + ".pub");
    EXPECT_TRUE(equal(public_key(path + "-cert.pub").plain_blob(), plain)) << name;
    EXPECT_TRUE(equal(public_key(path + ".pub").plain_blob(), plain)) << name;
  }
}

TEST(PublicKey, KnowsKindsOfOpenSshsKeys) {
  const auto check = [](const std::string& file, KeyKind kind, unsigned bits, const char* display_type) {
    const PublicKey key = public_key("openssh/sshkey/" + file);
    EXPECT_EQ(key.kind, kind) << file;
    EXPECT_EQ(key.bits(), bits) << file;
    EXPECT_EQ(key.display_type(), display_type) << file;
    EXPECT_EQ(key.is_certificate(), file.ends_with("-cert.pub")) << file;
    EXPECT_EQ(key.type_name(), test::read_words("openssh/sshkey/" + file)[0][0]) << file;
  };
  check("rsa_1.pub", KeyKind::rsa, 1024, "RSA");
  check("rsa_2.pub", KeyKind::rsa, 2048, "RSA");
  check("rsa_1-cert.pub", KeyKind::rsa, 1024, "RSA-CERT");
  check("ecdsa_1.pub", KeyKind::ecdsa_p256, 256, "ECDSA");
  check("ecdsa_1-cert.pub", KeyKind::ecdsa_p256, 256, "ECDSA-CERT");
  check("ecdsa_2.pub", KeyKind::ecdsa_p521, 521, "ECDSA");
  check("ed25519_1.pub", KeyKind::ed25519, 256, "ED25519");
  check("ed25519_1-cert.pub", KeyKind::ed25519, 256, "ED25519-CERT");
  check("ecdsa_sk1.pub", KeyKind::sk_ecdsa_p256, 256, "ECDSA-SK");
  check("ecdsa_sk1-cert.pub", KeyKind::sk_ecdsa_p256, 256, "ECDSA-SK-CERT");
  check("ed25519_sk1.pub", KeyKind::sk_ed25519, 256, "ED25519-SK");
  check("ed25519_sk1-cert.pub", KeyKind::sk_ed25519, 256, "ED25519-SK-CERT");
  check("mldsa44_ed25519_1.pub", KeyKind::mldsa44_ed25519, 256, "MLDSA44-ED25519");
  check("mldsa44_ed25519_1-cert.pub", KeyKind::mldsa44_ed25519, 256, "MLDSA44-ED25519-CERT");
}

TEST(PublicKey, ReadsApplicationsOfSkKeys) {
  EXPECT_EQ(public_key("openssh/sshkey/ecdsa_sk1.pub").application, "ssh:");
  EXPECT_EQ(public_key("openssh/sshkey/ed25519_sk1-cert.pub").application, "ssh:");
}

TEST(PublicKey, RefusesUnknownTypes) {
  for (const char* name : {"", "ssh-dss", "ssh-dss-cert-v01@openssh.com", "SSH-ED25519", "ssh-ed25519 ", "rsa-sha2-256",
                           "ecdsa-sha2-nistp224", "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"}) {
    EXPECT_EQ(parse_error(point_blob(name, "", 32)), Errc::unsupported) << name;
  }
}

TEST(PublicKey, RefusesPlainKeyWithCertificateAsPlainOnly) {
  const Bytes certificate = public_key_blob("openssh/sshkey/ed25519_1-cert.pub");
  EXPECT_EQ(error_of([&] { PublicKey::parse_plain(certificate); }), Errc::malformed);
  EXPECT_NO_THROW(PublicKey::parse_plain(public_key_blob("openssh/sshkey/ed25519_1.pub")));
}

TEST(PublicKey, TakesRsaFrom1024To16384Bits) {
  EXPECT_EQ(parse_error(rsa_blob(128, 0x7f)), Errc::invalid_key);  // 1,023 bits
  EXPECT_EQ(PublicKey::parse(rsa_blob(128, 0x80)).bits(), 1024U);
  EXPECT_EQ(PublicKey::parse(rsa_blob(129, 0x01)).bits(), 1025U);
  EXPECT_EQ(PublicKey::parse(rsa_blob(2048, 0xff)).bits(), 16384U);
  EXPECT_TRUE(parse_error(rsa_blob(2049, 0x01)));  // 16,385 bits
}

TEST(PublicKey, RefusesRsaWithoutModulus) {
  const Bytes blob = Writer().string("ssh-rsa").mpint(from_hex("03")).mpint({}).take();
  EXPECT_EQ(parse_error(blob), Errc::invalid_key);
}

TEST(PublicKey, RefusesRsaNumbersNotInShortestForm) {
  Writer out;
  out.string("ssh-rsa").string(from_hex("00010001")).mpint(Bytes(256, 0x80));
  EXPECT_EQ(parse_error(out.bytes()), Errc::malformed);
}

TEST(PublicKey, RefusesPointsOfOtherSizes) {
  for (const KeyKindTraits& fixed : key_kinds) {
    if (fixed.kind == KeyKind::rsa) continue;
    for (const std::size_t size : {std::size_t{0}, fixed.point_bytes - 1, fixed.point_bytes + 1}) {
      EXPECT_EQ(parse_error(point_blob(fixed.name, fixed.curve, size)), Errc::malformed) << fixed.name << " " << size;
    }
  }
}

TEST(PublicKey, RefusesCompressedPoints) {
  for (const KeyKindTraits& fixed : key_kinds) {
    if (fixed.curve.empty()) continue;
    for (const std::uint8_t lead : test::from_hex("000203050607")) {
      EXPECT_EQ(parse_error(point_blob(fixed.name, fixed.curve, fixed.point_bytes, lead)), Errc::malformed);
    }
    const std::size_t half = (fixed.point_bytes + 1) / 2;
    EXPECT_EQ(parse_error(point_blob(fixed.name, fixed.curve, half, 2)), Errc::malformed) << fixed.name;
  }
}

TEST(PublicKey, RefusesCurveOfAnotherType) {
  for (const char* curve : {"nistp384", "nistp521", "nistp25", "nistp2560", "", "prime256v1"}) {
    Writer out;
    out.string("ecdsa-sha2-nistp256").string(curve).string(Bytes(65, 4));
    EXPECT_EQ(parse_error(out.bytes()), Errc::malformed) << curve;
  }
}

TEST(PublicKey, RefusesNulInApplication) {
  Writer out;
  out.string("sk-ssh-ed25519@openssh.com").string(Bytes(32, 1)).string(std::string_view("ssh:\0x", 6));
  EXPECT_EQ(parse_error(out.bytes()), Errc::malformed);
}

TEST(PublicKey, TakesApplicationsUpToTheirLimit) {
  const auto with_application = [](std::size_t size) {
    return Writer().string("sk-ssh-ed25519@openssh.com").string(Bytes(32, 1)).string(std::string(size, 'a')).take();
  };
  EXPECT_EQ(PublicKey::parse(with_application(limits::name_bytes)).application.size(), limits::name_bytes);
  EXPECT_EQ(parse_error(with_application(limits::name_bytes + 1)), Errc::malformed);
}

TEST(PublicKey, TakesTypeNamesUpToTheirLimit) {
  EXPECT_EQ(parse_error(point_blob(std::string(limits::name_bytes, 'a'), "", 32)), Errc::unsupported);
  EXPECT_EQ(parse_error(point_blob(std::string(limits::name_bytes + 1, 'a'), "", 32)), Errc::malformed);
}

TEST(PublicKey, ReadsFieldsAsAddIdentityHasThem) {
  // RSA: modulus first, unlike in a blob.
  const PublicKey key = public_key("openssh/sshkey/rsa_1.pub");
  const Bytes fields = Writer().mpint(key.rsa_n).mpint(key.rsa_e).take();
  Reader in(fields);
  const PublicKey read = PublicKey::read_plain_fields(KeyKind::rsa, in);
  in.done();
  EXPECT_TRUE(equal(read.blob, key.blob));
}

TEST(PublicKey, HasNoBitsWithoutModulus) {
  PublicKey key;
  key.kind = KeyKind::rsa;
  EXPECT_EQ(key.bits(), 0U);
}

TEST(KeyKind, NamesLeadBackToTheirKind) {
  for (const KeyKindTraits& fixed : key_kinds) {
    EXPECT_EQ(&traits(fixed.kind), &fixed);
    EXPECT_EQ(key_type_from_name(fixed.name)->kind, fixed.kind);
    EXPECT_FALSE(key_type_from_name(fixed.name)->is_certificate);
    EXPECT_EQ(key_type_from_name(fixed.certificate_name)->kind, fixed.kind);
    EXPECT_TRUE(key_type_from_name(fixed.certificate_name)->is_certificate);
  }
  EXPECT_FALSE(key_type_from_name("ssh-dss"));
}

}  // namespace
}  // namespace fob
