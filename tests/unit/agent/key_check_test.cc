#include "agent/key_check.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include "protocol/composite.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

// What a client can send wrong is tried in tests/daemon/bad_*_test.cc; here is what does not show there: the kind of
// error, what is left behind, and keys that no parser would let through.

std::optional<Errc> fault_of(const PrivateKey& key) {
  const auto out = error_of([&] { check_private_key(key); });
  EXPECT_EQ(ERR_peek_error(), 0U) << "OpenSSL's error queue is not empty";
  return out;
}

SecretBytes secret_of(const Writer& fields) { return SecretBytes(ByteView(fields.bytes())); }

std::optional<Errc> fault_of(const RsaNumbers& numbers) { return fault_of(TestKey::from_rsa(numbers).private_key()); }

TEST(KeyCheck, TakesGoodKeysOfEveryKind) {
  for (const KeyKind kind : host_key_kinds) EXPECT_FALSE(fault_of(TestKey::any(kind).private_key()));
}

TEST(KeyCheck, TakesCertificatesOfEveryKind) {
  for (const KeyKind kind : host_key_kinds) {
    const TestKey& key = TestKey::any(kind);
    EXPECT_FALSE(fault_of(key.with_certificate(certify(TestKey::any(KeyKind::ed25519), key)).private_key()));
  }
}

TEST(KeyCheck, TellsABadCertificateFromABadKey) {
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  Bytes certificate = certify(TestKey::any(KeyKind::ecdsa_p256), key);
  certificate.back() ^= 1;
  EXPECT_EQ(fault_of(key.with_certificate(certificate).private_key()), Errc::bad_signature);
}

TEST(KeyCheck, RefusesAForeignPublicHalf) {
  for (const KeyKind kind : software_kinds) {
    PrivateKey key = TestKey::any(kind).private_key();
    key.public_key = TestKey::make(kind).public_key();
    EXPECT_EQ(fault_of(key), Errc::invalid_key) << traits(kind).name;
  }
}

TEST(KeyCheck, RefusesAForeignPublicHalfInsideAnEd25519Secret) {
  PrivateKey key = TestKey::any(KeyKind::ed25519).private_key();
  const PrivateKey other = TestKey::make(KeyKind::ed25519).private_key();
  Bytes both = to_bytes(Reader(key.secret.view()).string().first(32));
  const ByteView foreign = Reader(other.secret.view()).string().subspan(32);
  both.insert(both.end(), foreign.begin(), foreign.end());
  Writer secret;
  secret.string(both);
  key.secret = secret_of(secret);
  EXPECT_EQ(fault_of(key), Errc::invalid_key);
}

TEST(KeyCheck, RefusesAnEcdsaPointOffItsCurve) {
  for (const KeyKind kind : {KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521, KeyKind::sk_ecdsa_p256}) {
    PrivateKey key = TestKey::any(kind).private_key();
    key.public_key.point.back() ^= 1;
    EXPECT_EQ(fault_of(key), Errc::invalid_key) << traits(kind).name;
    key.public_key.point.assign(traits(kind).point_bytes, 0);
    EXPECT_EQ(fault_of(key), Errc::invalid_key) << "the point at infinity, or what some take for it";
    key.public_key.point[0] = 4;
    EXPECT_EQ(fault_of(key), Errc::invalid_key) << "zero";
  }
}

TEST(KeyCheck, RefusesSkEd25519KeysThatAreNoPoints) {
  PrivateKey key = TestKey::any(KeyKind::sk_ed25519).private_key();
  key.public_key.point.assign(32, 0xff);
  EXPECT_EQ(fault_of(key), Errc::invalid_key);
  // The neutral element: of small order.
  key.public_key.point.assign(32, 0);
  key.public_key.point[0] = 1;
  EXPECT_EQ(fault_of(key), Errc::invalid_key);
}

TEST(KeyCheck, RefusesRsaNumbersThatDoNotFit) {
  const RsaNumbers good = RsaNumbers::random(1024);
  EXPECT_FALSE(fault_of(good));
  for (Bytes RsaNumbers::*field : {&RsaNumbers::e, &RsaNumbers::d, &RsaNumbers::iqmp, &RsaNumbers::p, &RsaNumbers::q}) {
    for (const long change : {-2L, -1L, 1L, 2L}) {
      RsaNumbers bad = good;
      bad.*field = plus(good.*field, change);
      EXPECT_EQ(fault_of(bad), Errc::invalid_key) << change;
    }
    RsaNumbers none = good;
    (none.*field).clear();
    EXPECT_EQ(fault_of(none), Errc::invalid_key) << "zero";
    RsaNumbers one = good;
    one.*field = {1};
    EXPECT_EQ(fault_of(one), Errc::invalid_key) << "one";
  }
}

TEST(KeyCheck, RefusesAnRsaModulusOfThreePrimes) {
  const Bytes p = product(random_prime(264), random_prime(264));
  const Bytes e = plus({}, 65537);
  EXPECT_EQ(fault_of(RsaNumbers::from_primes(p, random_prime(528), e)), Errc::invalid_key);
}

TEST(KeyCheck, RefusesACompositeKeyWithAForeignHalf) {
  const SecretBytes seeds(64);
  Writer fields;
  fields.string(has_composite() ? composite_public_key(seeds) : Bytes(traits(KeyKind::mldsa44_ed25519).point_bytes));
  Reader in(fields.bytes());
  PrivateKey key;
  key.public_key = PublicKey::read_plain_fields(KeyKind::mldsa44_ed25519, in);
  Writer secret;
  secret.string(seeds.view());
  key.secret = secret_of(secret);
  if (!has_composite()) {
    EXPECT_EQ(fault_of(key), Errc::unsupported);
    return;
  }
  EXPECT_FALSE(fault_of(key));
  for (const std::size_t at : {std::size_t{0}, key.public_key.point.size() - 1}) {
    key.public_key.point[at] ^= 1;
    EXPECT_EQ(fault_of(key), Errc::invalid_key);
    key.public_key.point[at] ^= 1;
  }
}

}  // namespace
}  // namespace fob
