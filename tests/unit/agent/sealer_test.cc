#include "agent/sealer.h"

#include <gtest/gtest.h>

#include "tests/unit/agent/support.h"

namespace fob {
namespace {

const ByteView associated = as_bytes("the public part");

SecretBytes secret(std::string_view text) { return SecretBytes(as_bytes(text)); }

TEST(Sealer, OpensWhatItSealed) {
  const Sealer sealer;
  for (const std::size_t size : {0U, 1U, 31U, 64U, 5000U}) {
    const std::string text(size, 's');
    const Bytes sealed = sealer.seal(secret(text), associated);
    EXPECT_EQ(as_text(sealer.open(sealed, associated).view()), text) << size;
  }
}

TEST(Sealer, ShowsNothingOfTheSecret) {
  const Sealer sealer;
  const std::string text(64, 's');
  const Bytes sealed = sealer.seal(secret(text), associated);
  EXPECT_EQ(as_text(sealed).find("ssss"), std::string_view::npos);
}

TEST(Sealer, SealsTheSameSecretDifferentlyEachTime) {
  const Sealer sealer;
  EXPECT_FALSE(equal(sealer.seal(secret("secret"), associated), sealer.seal(secret("secret"), associated)));
}

TEST(Sealer, RefusesAnotherPublicPart) {
  const Sealer sealer;
  const Bytes sealed = sealer.seal(secret("secret"), associated);
  for (const std::string_view other : {"", "the public par", "the public part ", "another key"}) {
    EXPECT_EQ(error_of([&] { sealer.open(sealed, as_bytes(other)); }), Errc::system) << other;
  }
}

TEST(Sealer, RefusesAnyFlippedBit) {
  const Sealer sealer;
  Bytes sealed = sealer.seal(secret("secret"), associated);
  for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    const auto mask = static_cast<std::uint8_t>(1U << bit % 8);
    sealed[bit / 8] ^= mask;
    EXPECT_EQ(error_of([&] { sealer.open(sealed, associated); }), Errc::system) << bit;
    sealed[bit / 8] ^= mask;
  }
  EXPECT_EQ(as_text(sealer.open(sealed, associated).view()), "secret");
}

TEST(Sealer, RefusesWhatIsCutShortOrLonger) {
  const Sealer sealer;
  Bytes sealed = sealer.seal(secret("secret"), associated);
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_EQ(error_of([&] { sealer.open(ByteView(sealed).first(size), associated); }), Errc::system) << size;
  }
  sealed.push_back(0);
  EXPECT_EQ(error_of([&] { sealer.open(sealed, associated); }), Errc::system);
}

TEST(Sealer, OpensNothingOfAnothers) {
  const Bytes sealed = Sealer().seal(secret("secret"), associated);
  EXPECT_EQ(error_of([&] { Sealer().open(sealed, associated); }), Errc::system);
}

}  // namespace
}  // namespace fob
