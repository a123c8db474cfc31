#include "tokens/fido_pin.h"
#include "tests/unit/tokens/support.h"

namespace fob {
namespace {

using test::Bench;
using test::new_key;
using test::Outcome;

constexpr std::uint8_t verify_required = sk_flags::user_presence_required | sk_flags::user_verification_required;

std::optional<Errc> new_pin_error(std::string_view pin, std::uint32_t min_characters = 4) {
  try {
    check_new_pin(test::secret(pin), min_characters);
    return std::nullopt;
  } catch (const Error& error) {
    return error.code();
  }
}

TEST(NewPin, CountsCharactersAndBytes) {
  EXPECT_EQ(new_pin_error("123"), Errc::refused);
  EXPECT_EQ(new_pin_error("1234"), std::nullopt);
  EXPECT_EQ(new_pin_error("äöü"), Errc::refused);
  EXPECT_EQ(new_pin_error("äöüß"), std::nullopt);
  EXPECT_EQ(new_pin_error("1234567", 8), Errc::refused);
  EXPECT_EQ(new_pin_error("12345678", 8), std::nullopt);
  EXPECT_EQ(new_pin_error(std::string(63, '1')), std::nullopt);
  EXPECT_EQ(new_pin_error(std::string(64, '1')), Errc::refused);
  EXPECT_EQ(new_pin_error("1234\xff"), Errc::refused);
  EXPECT_EQ(new_pin_error(""), Errc::refused);
}

TEST(FidoPin, IsSetAndChanged) {
  for (const bool ctap21 : {true, false}) {
    for (const unsigned protocol : {1U, 2U}) {
      virt::Personality personality;
      personality.ctap21 = ctap21;
      personality.pin_protocols = {protocol};
      Bench bench(personality);
      bench.set_pin("1234").as<host::Done>();
      EXPECT_EQ(bench.describe().as<host::Described>().info.pin_tries, 8U);
      EXPECT_EQ(bench.set_pin("5678").error(), Errc::refused);
      bench.change_pin("1234", "5678 äöü").as<host::Done>();
      const Outcome wrong = bench.change_pin("1234", "9999");
      EXPECT_EQ(wrong.error(), Errc::wrong_pin);
      EXPECT_EQ(wrong.text(), "wrong PIN: 7 tries left");
      EXPECT_TRUE(bench.list("5678 äöü").as<host::ResidentKeys>().keys.empty());
      EXPECT_EQ(bench.touches(), 0U);
    }
  }
}

TEST(FidoPin, IsNotSpentOnANewPinThatNoTokenTakes) {
  Bench bench;
  EXPECT_EQ(bench.set_pin("123").error(), Errc::refused);
  EXPECT_EQ(bench.change_pin("1234", "5678").error(), Errc::refused);
  bench.set_pin("1234").as<host::Done>();
  EXPECT_EQ(bench.change_pin("9999", "123").error(), Errc::refused);
  EXPECT_EQ(bench.change_pin("9999", std::string(64, '1')).error(), Errc::refused);
  EXPECT_EQ(bench.pin_tries(), 8U);
}

TEST(FidoPin, IsAskedForBeforeATouch) {
  Bench bench;
  const NewKeyRequest request = new_key(KeyKind::sk_ecdsa_p256, verify_required);
  EXPECT_EQ(bench.generate(request).error(), Errc::refused);  // none is set
  bench.set_pin("1234").as<host::Done>();
  EXPECT_EQ(bench.generate(request).error(), Errc::pin_required);
  EXPECT_EQ(bench.touches(), 0U);
  const NewKey key = bench.generate(request, "1234").as<host::Generated>().key;
  EXPECT_EQ(key.flags, verify_required);
  EXPECT_EQ(bench.sign(key, "data").error(), Errc::pin_required);
  EXPECT_EQ(bench.sign(key, "data", "9999").error(), Errc::wrong_pin);
  EXPECT_EQ(bench.touches(), 1U);
  EXPECT_EQ(bench.pin_tries(), 7U);
  bench.sign(key, "data", "1234").as<host::Signed>();
  EXPECT_EQ(bench.pin_tries(), 8U);
}

TEST(FidoPin, OfAVerifyRequiredKeyIsSeenInTheSignature) {
  Bench bench;
  bench.set_pin("1234").as<host::Done>();
  const NewKey key = bench.generate(new_key(KeyKind::sk_ed25519, verify_required), "1234").as<host::Generated>().key;
  const Bytes blob = bench.sign(key, "data", "1234").as<host::Signed>().signature;
  EXPECT_EQ(blob[blob.size() - 5], 0x05);
}

TEST(FidoPin, IsNotSentWhereTheTokenNeedsNone) {
  Bench bench;
  bench.set_pin("1234").as<host::Done>();
  bench.generate({}, "9999").as<host::Generated>();
  EXPECT_EQ(bench.pin_tries(), 8U);
}

TEST(FidoPin, IsWantedForAnyKeyByTokensThatSaySo) {
  virt::Personality strict;
  strict.make_credential_without_uv = false;
  virt::Personality always;
  always.always_uv = true;
  for (const virt::Personality& personality : {strict, always}) {
    Bench bench(personality);
    bench.set_pin("1234").as<host::Done>();
    EXPECT_TRUE(bench.describe().as<host::Described>().info.pin_for_new_key);
    EXPECT_EQ(bench.generate().error(), Errc::pin_required);
    EXPECT_EQ(bench.touches(), 0U);
    bench.generate({}, "1234").as<host::Generated>();
  }
}

TEST(FidoPin, IsWantedForEverySignatureByTokensThatSaySo) {
  virt::Personality always;
  always.always_uv = true;
  Bench bench(always);
  bench.set_pin("1234").as<host::Done>();
  const NewKey key = bench.generate({}, "1234").as<host::Generated>().key;
  EXPECT_EQ(bench.sign(key, "data").error(), Errc::pin_required);
  bench.sign(key, "data", "1234").as<host::Signed>();
  EXPECT_TRUE(bench.host(host::HasKey{test::key_ref(key)}).as<host::Found>().found);
}

/// CTAP 2.1 §6.5.5.7.2: three wrong ones in a row, then a power cycle; eight in all, then a reset.
TEST(FidoPin, BlocksAfterWrongOnes) {
  Bench bench;
  bench.set_pin("1234").as<host::Done>();
  unsigned tries = 8;
  while (tries > 0) {
    for (int i = 0; i < 3 && tries > 0; ++i) {
      const Outcome outcome = bench.list("9999");
      --tries;
      EXPECT_EQ(bench.pin_tries(), tries);
      if (tries == 0) {
        EXPECT_EQ(outcome.error(), Errc::pin_blocked) << outcome.text();
      } else if (i == 2) {
        EXPECT_EQ(outcome.error(), Errc::pin_blocked) << outcome.text();
        EXPECT_NE(outcome.text().find("plug it in again"), std::string::npos);
        EXPECT_EQ(bench.list("1234").error(), Errc::pin_blocked);
      } else {
        EXPECT_EQ(outcome.error(), Errc::wrong_pin);
      }
    }
    bench.replug();
  }
  const Outcome blocked = bench.list("1234");
  EXPECT_EQ(blocked.error(), Errc::pin_blocked);
  EXPECT_NE(blocked.text().find("reset"), std::string::npos);
}

}  // namespace
}  // namespace fob
