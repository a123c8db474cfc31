#include <gtest/gtest.h>

#include "tests/daemon/daemon.h"
#include "tests/daemon/numbers.h"
#include "tests/daemon/refusal.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

Bytes fields(const RsaNumbers& key) {
  Writer out;
  out.string("ssh-rsa");
  for (const Bytes* number : {&key.n, &key.e, &key.d, &key.iqmp, &key.p, &key.q}) out.mpint(*number);
  return out.take();
}

/// One good key for the process: what is changed in it is what a test is about.
const RsaNumbers& good() {
  static const RsaNumbers numbers = RsaNumbers::random(2048);
  return numbers;
}

testing::AssertionResult refuses_with(Daemon& daemon, Bytes RsaNumbers::*field, Bytes value) {
  RsaNumbers bad = good();
  bad.*field = std::move(value);
  return refuses(daemon, fields(bad));
}

TEST(BadRsaKey, OnlyTheGoodOneIsAccepted) {
  Daemon daemon;
  EXPECT_TRUE(accepts(daemon, fields(good())));
}

TEST(BadRsaKey, WithAWrongPrimeIsRefused) {
  Daemon daemon;
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::p, {}));
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::q, {}));
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::p, plus(good().p, 2)));
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::q, plus(good().q, 2)));
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::p, {1}));
}

TEST(BadRsaKey, WithTheTrivialFactorsIsRefused) {
  Daemon daemon;
  RsaNumbers bad = good();
  bad.p = bad.n;
  bad.q = {1};
  bad.iqmp = {1};
  EXPECT_TRUE(refuses(daemon, fields(bad))) << "n · 1 = n";
}

TEST(BadRsaKey, WithAWrongPrivateExponentIsRefused) {
  Daemon daemon;
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::d, {}));
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::d, {1}));
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::d, plus(good().d, 2)));
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::d, plus(good().d, -2)));
}

TEST(BadRsaKey, WithAWrongPublicExponentIsRefused) {
  Daemon daemon;
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::e, {}));
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::e, {1}));
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::e, {3}));
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::e, {1, 0, 0}));
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::e, {2}));
}

TEST(BadRsaKey, WithTheExponentOneIsRefusedThoughItIsConsistent) {
  Daemon daemon;
  RsaNumbers bad = good();
  bad.e = {1};
  bad.d = {1};
  EXPECT_TRUE(refuses(daemon, fields(bad)));
}

TEST(BadRsaKey, WithAWrongCoefficientIsRefused) {
  Daemon daemon;
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::iqmp, {}));
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::iqmp, plus(good().iqmp, 1)));
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::iqmp, inverse(good().p, good().q)));
}

TEST(BadRsaKey, WithAWrongModulusIsRefused) {
  Daemon daemon;
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::n, plus(good().n, 2)));
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::n, plus(good().n, 1)));
  EXPECT_TRUE(refuses_with(daemon, &RsaNumbers::n, {}));
}

TEST(BadRsaKey, WithEqualPrimesIsRefused) {
  Daemon daemon;
  RsaNumbers bad = good();
  bad.q = bad.p;
  bad.n = product(bad.p, bad.p);
  EXPECT_TRUE(refuses(daemon, fields(bad)));
}

TEST(BadRsaKey, TooSmallIsRefused) {
  Daemon daemon;
  EXPECT_TRUE(refuses(daemon, fields(RsaNumbers::random(512))));
  RsaNumbers one_bit_short = good();
  do {
    one_bit_short = RsaNumbers::from_primes(random_prime(512), random_prime(511), good().e);
  } while (one_bit_short.n.size() * 8 != 1024 || one_bit_short.n[0] >= 0x80);
  EXPECT_TRUE(refuses(daemon, fields(one_bit_short))) << "1,023 bits";
  EXPECT_TRUE(accepts(daemon, fields(RsaNumbers::random(1024))));
}

TEST(BadRsaKey, WithIrregularNumbersIsRefused) {
  Daemon daemon;
  Writer out;
  out.string("ssh-rsa").mpint(good().n).mpint(good().e).mpint(good().d).mpint(good().iqmp).mpint(good().p);
  Bytes padded(2);
  padded.insert(padded.end(), good().q.begin(), good().q.end());
  out.string(padded);
  EXPECT_TRUE(refuses(daemon, out.bytes()));
}

TEST(GoodRsaKey, MayHaveItsPrimesInAnyOrder) {
  Daemon daemon;
  EXPECT_TRUE(accepts(daemon, fields(RsaNumbers::from_primes(good().q, good().p, good().e))));
}

TEST(GoodRsaKey, MayHaveAnyOddExponent) {
  Daemon daemon;
  const Bytes e{0x01, 0x00, 0x00, 0x00, 0x0f};  // prime, so it has an inverse
  EXPECT_TRUE(accepts(daemon, fields(RsaNumbers::from_primes(good().p, good().q, e))));
}

}  // namespace
}  // namespace fob
