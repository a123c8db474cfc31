#include <gtest/gtest.h>
#include <sodium.h>

#include <array>

#include "protocol/composite.h"
#include "protocol/limits.h"
#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"
#include "tests/daemon/refusal.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

struct Ed25519Pair {
  Ed25519Pair() : secret_key(64) { crypto_sign_keypair(public_key.data(), secret_key.data()); }
  Bytes seed() const { return {secret_key.begin(), secret_key.begin() + 32}; }
  std::array<std::uint8_t, 32> public_key;
  Bytes secret_key;
};

Bytes ed25519_fields(ByteView point, ByteView secret_key) {
  Writer out;
  out.string("ssh-ed25519").string(point).string(secret_key);
  return out.take();
}

Bytes joined(ByteView a, ByteView b) {
  Bytes out = to_bytes(a);
  out.insert(out.end(), b.begin(), b.end());
  return out;
}

TEST(BadEd25519Key, WithAForeignPublicHalfIsRefused) {
  Daemon daemon;
  const Ed25519Pair own;
  const Ed25519Pair foreign;
  EXPECT_TRUE(refuses(daemon, ed25519_fields(foreign.public_key, joined(own.seed(), foreign.public_key))))
      << "in both places: two signatures would give the scalar away";
  EXPECT_TRUE(refuses(daemon, ed25519_fields(own.public_key, joined(own.seed(), foreign.public_key))));
  EXPECT_TRUE(refuses(daemon, ed25519_fields(foreign.public_key, own.secret_key)));
  EXPECT_TRUE(accepts(daemon, ed25519_fields(own.public_key, own.secret_key)));
}

TEST(BadEd25519Key, OfAnotherLengthIsRefused) {
  Daemon daemon;
  const Ed25519Pair own;
  EXPECT_TRUE(refuses(daemon, ed25519_fields(own.public_key, own.seed())));
  EXPECT_TRUE(refuses(daemon, ed25519_fields(own.public_key, joined(own.secret_key, own.seed()))));
  EXPECT_TRUE(refuses(daemon, ed25519_fields(ByteView(own.public_key).first(31), own.secret_key)));
  EXPECT_TRUE(refuses(daemon, ed25519_fields({}, {})));
}

/// An ECDSA P-256 key taken apart, so that each part can be made wrong.
struct EcdsaFields {
  explicit EcdsaFields(const TestKey& key) : point(key.public_key().point), d(key.secrets()[0].value) {}
  Bytes fields() const {
    Writer out;
    out.string("ecdsa-sha2-nistp256").string(curve).string(point);
    if (raw_d.empty()) {
      out.mpint(d);
    } else {
      out.string(raw_d);
    }
    return out.take();
  }
  std::string curve = "nistp256";
  Bytes point;
  Bytes d;
  Bytes raw_d;  ///< as the octets of the mpint, where they are to be irregular
};

Bytes order_of_p256() {
  return {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
          0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
}

TEST(BadEcdsaKey, WithAForeignPublicKeyIsRefused) {
  Daemon daemon;
  EcdsaFields key(TestKey::make(KeyKind::ecdsa_p256));
  EXPECT_TRUE(accepts(daemon, key.fields()));
  key.point = TestKey::make(KeyKind::ecdsa_p256).public_key().point;
  EXPECT_TRUE(refuses(daemon, key.fields()));
}

TEST(BadEcdsaKey, WithAPointOffTheCurveIsRefused) {
  Daemon daemon;
  const EcdsaFields good(TestKey::make(KeyKind::ecdsa_p256));
  EcdsaFields bad = good;
  bad.point.back() ^= 1;
  EXPECT_TRUE(refuses(daemon, bad.fields()));
  bad.point = Bytes(65);
  bad.point[0] = 4;
  EXPECT_TRUE(refuses(daemon, bad.fields())) << "(0, 0)";
  bad.point = Bytes(1);
  EXPECT_TRUE(refuses(daemon, bad.fields())) << "the point at infinity";
  bad.point = Bytes(good.point.begin(), good.point.begin() + 33);
  bad.point[0] = static_cast<std::uint8_t>(2 | (good.point.back() & 1));
  EXPECT_TRUE(refuses(daemon, bad.fields())) << "compressed";
}

TEST(BadEcdsaKey, WithAScalarOutOfRangeIsRefused) {
  Daemon daemon;
  const EcdsaFields good(TestKey::make(KeyKind::ecdsa_p256));
  EcdsaFields bad = good;
  bad.d.clear();
  EXPECT_TRUE(refuses(daemon, bad.fields())) << "0";
  bad.d = order_of_p256();
  EXPECT_TRUE(refuses(daemon, bad.fields())) << "n";
  bad.d = sum(good.d, order_of_p256());
  EXPECT_TRUE(refuses(daemon, bad.fields())) << "d + n has the same public key";
  bad.d = plus(good.d, 1);
  EXPECT_TRUE(refuses(daemon, bad.fields())) << "d + 1";
}

TEST(BadEcdsaKey, WithAnIrregularNumberIsRefused) {
  Daemon daemon;
  const EcdsaFields good(TestKey::make(KeyKind::ecdsa_p256));
  EcdsaFields bad = good;
  bad.raw_d = joined(Bytes(2), good.d);
  EXPECT_TRUE(refuses(daemon, bad.fields())) << "two leading zeros";
  bad.raw_d = joined(Bytes(40 - good.d.size()), good.d);
  EXPECT_TRUE(refuses(daemon, bad.fields()));
  bad.raw_d = good.d;
  bad.raw_d[0] |= 0x80;
  EXPECT_TRUE(refuses(daemon, bad.fields())) << "negative";
}

TEST(BadEcdsaKey, OfAnotherCurveThanItsTypeIsRefused) {
  Daemon daemon;
  EcdsaFields key(TestKey::make(KeyKind::ecdsa_p256));
  key.curve = "nistp384";
  EXPECT_TRUE(refuses(daemon, key.fields()));
  key.curve = "secp256k1";
  EXPECT_TRUE(refuses(daemon, key.fields()));
}

TEST(BadSkKey, WithAPointOffTheCurveIsRefused) {
  Daemon daemon;
  Bytes point = TestKey::any(KeyKind::sk_ecdsa_p256).public_key().point;
  point.back() ^= 1;
  Writer fields;
  fields.string("sk-ecdsa-sha2-nistp256@openssh.com").string("nistp256").string(point).string("ssh:");
  fields.u8(1).string("handle").string("");
  EXPECT_TRUE(refuses(daemon, fields.bytes()));
}

TEST(BadKey, OfAnUnknownTypeIsRefused) {
  Daemon daemon;
  for (const std::string_view type : {"", "ssh-ed448", "ssh-foo", "ssh-rsa1", "rsa-sha2-512"}) {
    Writer fields;
    fields.string(type).string(std::string(32, 'k')).string(std::string(64, 'k'));
    EXPECT_TRUE(refuses(daemon, fields.bytes())) << type;
  }
}

TEST(BadKey, OfDsaIsRefused) {
  Daemon daemon;
  Writer fields;
  fields.string("ssh-dss");
  for (const std::size_t bytes : {128UL, 20UL, 128UL, 128UL, 20UL}) fields.mpint(Bytes(bytes, 0x7b));  // p q g y x
  EXPECT_TRUE(refuses(daemon, fields.bytes()));
  EXPECT_TRUE(daemon.logs("ssh-dss"));
}

TEST(BadKey, OfATypeThatNeedsANewerOpensslIsRefusedByName) {
  Daemon daemon;
  Writer fields;
  fields.string("ssh-mldsa44-ed25519@openssh.com").string(Bytes(1344, 0x11)).string(Bytes(64, 0x22));
  EXPECT_TRUE(refuses(daemon, fields.bytes())) << "as its halves do not fit, it is refused with any OpenSSL";
  EXPECT_TRUE(has_composite() || daemon.logs("mldsa44-ed25519"));
}

TEST(BadKey, WithANulInItsCommentIsRefused) {
  Daemon daemon;
  Client client(daemon);
  EXPECT_FALSE(client.add(TestKey::any(KeyKind::ed25519), std::string("before\0after", 12)));
  EXPECT_FALSE(client.add(TestKey::any(KeyKind::ed25519), std::string("\0", 1)));
  EXPECT_EQ(client.list().size(), 0U);
}

TEST(BadKey, CutShortAnywhereIsRefused) {
  Daemon daemon;
  Client client(daemon);
  for (const KeyKind kind : {KeyKind::ed25519, KeyKind::ecdsa_p256, KeyKind::sk_ed25519}) {
    const Bytes whole = frame_request(AddIdentity{TestKey::any(kind).private_key(), "comment", {}});
    for (std::size_t size = 5; size < whole.size(); ++size) {
      const ByteView part = ByteView(whole).subspan(4, size - 4);
      ASSERT_FALSE(client.succeeds_raw(part)) << size;
    }
  }
  EXPECT_EQ(client.list().size(), 0U);
}

TEST(BadCertificate, ForAnotherKeyIsRefused) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& authority = TestKey::any(KeyKind::ed25519);
  for (const KeyKind kind : software_kinds) {
    const TestKey own = TestKey::make(kind);
    const TestKey foreign = TestKey::make(kind);
    EXPECT_FALSE(client.add(own.with_certificate(certify(authority, foreign)))) << traits(kind).name;
  }
  EXPECT_EQ(client.list().size(), 0U);
}

TEST(BadCertificate, ThatItsAuthorityDidNotSignIsRefused) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::ecdsa_p256);
  Bytes certificate = certify(TestKey::any(KeyKind::ed25519), key);
  certificate.back() ^= 1;
  EXPECT_FALSE(client.add(key.with_certificate(certificate)));
  EXPECT_EQ(client.list().size(), 0U);
}

}  // namespace
}  // namespace fob
