#include "agent/ready_key.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "protocol/composite.h"
#include "protocol/verify.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

const ByteView data = as_bytes("data to sign");

std::string_view algorithm_of(ByteView blob) { return Reader(blob).text(); }

ByteView value_of(ByteView blob) {
  Reader in(blob);
  in.string();
  return in.string();
}

std::shared_ptr<const ReadyKey> ready(const TestKey& key) {
  const PrivateKey pair = key.private_key();
  return ReadyKey::make(pair.public_key, pair.secret);
}

TEST(ReadyKey, OfEveryKindSignsWhatVerifies) {
  for (const KeyKind kind : software_kinds) {
    const TestKey& key = TestKey::any(kind);
    const auto signer = ready(key);
    for (const std::size_t size : {0U, 1U, 10'000U}) {
      const std::string text(size, 'd');
      EXPECT_NO_THROW(verify_signature(key.public_key(), signer->sign(as_bytes(text), 0), as_bytes(text)))
          << traits(kind).name << ' ' << size;
    }
  }
}

/// r and s come in all lengths; a signature with a short one is as good as the others.
TEST(ReadyKey, WritesShortEcdsaNumbersAsItShould) {
  for (const KeyKind kind : {KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521}) {
    const TestKey& key = TestKey::any(kind);
    const auto signer = ready(key);
    bool was_short = false;
    for (int i = 0; i < 2000 && !was_short; ++i) {
      const Bytes blob = signer->sign(data, 0);
      Reader value(value_of(blob));
      const std::size_t r = value.mpint().size();
      const std::size_t s = value.mpint().size();
      was_short = std::min(r, s) < (traits(kind).bits + 7) / 8 - 1;
      if (i == 0 || was_short) verify_signature(key.public_key(), blob, data);
    }
  }
}

TEST(ReadyKey, OfTheCompositeKindSignsWhereOpensslCan) {
  const SecretBytes seeds(64);
  if (!has_composite()) {
    EXPECT_EQ(error_of([&] { composite_public_key(seeds); }), Errc::unsupported);
    return;
  }
  Writer fields;
  fields.string(composite_public_key(seeds));
  Reader in(fields.bytes());
  const PublicKey key = PublicKey::read_plain_fields(KeyKind::mldsa44_ed25519, in);
  Writer secret;
  secret.string(seeds.view());
  const auto signer = ReadyKey::make(key, SecretBytes(ByteView(secret.bytes())));
  verify_signature(key, signer->sign(data, 0), data);
}

TEST(ReadyKey, ChoosesTheRsaAlgorithmByFlags) {
  const TestKey& key = TestKey::any(KeyKind::rsa);
  const auto signer = ready(key);
  const std::pair<std::uint32_t, std::string_view> cases[] = {
      {0, "ssh-rsa"},      {1, "ssh-rsa"},      {2, "rsa-sha2-256"}, {4, "rsa-sha2-512"},
      {6, "rsa-sha2-256"}, {3, "rsa-sha2-256"}, {5, "rsa-sha2-512"}};
  for (const auto& [flags, algorithm] : cases) {
    const Bytes blob = signer->sign(data, flags);
    EXPECT_EQ(algorithm_of(blob), algorithm) << flags;
    EXPECT_NO_THROW(verify_signature(key.public_key(), blob, data)) << flags;
  }
}

TEST(ReadyKey, WritesRsaSignaturesInFullLength) {
  const auto signer = ready(TestKey::any(KeyKind::rsa));
  for (int i = 0; i < 300; ++i) {
    const Bytes blob = signer->sign(as_bytes(std::to_string(i)), 2);
    ASSERT_EQ(value_of(blob).size(), 256U);
  }
}

TEST(ReadyKey, OfATokenIsRefused) {
  for (const KeyKind kind : sk_kinds) {
    EXPECT_EQ(error_of([&] { ready(TestKey::any(kind)); }), Errc::unsupported);
  }
}

/// Signs with numbers that no key check has seen. Each signature must verify or never come out.
void expect_no_wrong_signature(const RsaNumbers& numbers, const PublicKey& key, bool must_fail) {
  const PrivateKey pair = TestKey::from_rsa(numbers).private_key();
  const auto signer = ReadyKey::make(key, pair.secret);
  for (const std::uint32_t flags : {0U, 2U, 4U}) {
    std::optional<Bytes> blob;
    const std::optional<Errc> fault = error_of([&] { blob = signer->sign(data, flags); });
    if (blob) {
      EXPECT_NO_THROW(verify_signature(key, *blob, data));
    }
    EXPECT_TRUE(!must_fail || fault == Errc::system);
  }
}

TEST(ReadyKey, NeverGivesAWrongRsaSignature) {
  const RsaNumbers good = RsaNumbers::random(1024);
  const PublicKey key = TestKey::from_rsa(good).public_key();
  expect_no_wrong_signature(good, key, false);
  RsaNumbers wrong_d = good;
  wrong_d.d = plus(good.d, 2);
  expect_no_wrong_signature(wrong_d, key, true);
  RsaNumbers foreign_d = good;
  foreign_d.d = RsaNumbers::random(1024).d;
  expect_no_wrong_signature(foreign_d, key, true);
  RsaNumbers wrong_coefficient = good;
  wrong_coefficient.iqmp = plus(good.iqmp, -1);
  expect_no_wrong_signature(wrong_coefficient, key, false);
  RsaNumbers wrong_p = good;
  wrong_p.p = plus(good.p, 2);
  expect_no_wrong_signature(wrong_p, key, false);
  RsaNumbers swapped = good;
  std::swap(swapped.p, swapped.q);
  expect_no_wrong_signature(swapped, key, false);
}

TEST(ReadyKey, SignsOnSeveralThreadsAtOnce) {
  for (const KeyKind kind : software_kinds) {
    const TestKey& key = TestKey::any(kind);
    const auto signer = ready(key);
    std::atomic<int> good = 0;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 10; ++i) {
          const std::string text = std::to_string(thread) + '.' + std::to_string(i);
          const Bytes blob = signer->sign(as_bytes(text), 4);
          if (!error_of([&] { verify_signature(key.public_key(), blob, as_bytes(text)); })) ++good;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(good, 40) << traits(kind).name;
  }
}

TEST(ReadyKey, MayDieOnAnotherThread) {
  for (const KeyKind kind : software_kinds) {
    auto signer = ready(TestKey::any(kind));
    std::thread([last = std::move(signer)]() mutable { last.reset(); }).join();
  }
}

TEST(ReadyKey, KnowsWhatIsSlow) {
  for (const KeyKind kind : {KeyKind::rsa, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521, KeyKind::mldsa44_ed25519}) {
    EXPECT_TRUE(ReadyKey::is_slow(kind)) << traits(kind).name;
  }
  for (const KeyKind kind : {KeyKind::ed25519, KeyKind::ecdsa_p256}) EXPECT_FALSE(ReadyKey::is_slow(kind));
}

}  // namespace
}  // namespace fob
