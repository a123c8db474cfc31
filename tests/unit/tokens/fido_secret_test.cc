#include "protocol/limits.h"
#include "tests/unit/tokens/support.h"

namespace fob {
namespace {

using test::Bench;
using test::Outcome;

constexpr std::string_view pin = "1234";
constexpr std::uint8_t user_present = 0x01;
constexpr std::uint8_t user_verified = 0x04;

const Bytes salt(limits::fido_salt_bytes, 7);

Bytes credential(const Outcome& made) { return made.as<host::SecretCredential>().key_handle; }

/// The same token with each of the two ways to send it a PIN or a salt (CTAP 2.1 §6.5.6, §6.5.7), and an older one.
std::vector<virt::Personality> tokens() {
  std::vector<virt::Personality> out(3);
  out[0].pin_protocols = {1};
  out[1].pin_protocols = {2};
  out[2].ctap21 = false;
  out[2].pin_protocols = {1};
  return out;
}

TEST(FidoSecret, IsTheSameEachTimeByTouchAlone) {
  for (const virt::Personality& personality : tokens()) {
    Bench bench(personality);
    bench.token.set_touch(virt::TouchPolicy::after(virt::Milliseconds(5)));
    const Outcome made = bench.make_secret_credential();
    EXPECT_EQ(made.touches, 1U);
    const Bytes handle = credential(made);
    const Outcome first = bench.derive(handle, salt);
    EXPECT_EQ(first.touches, 1U);
    EXPECT_EQ(first.secret().size(), limits::fido_secret_bytes);
    EXPECT_EQ(bench.derive(handle, salt).secret(), first.secret());
    bench.replug();
    EXPECT_EQ(bench.derive(handle, salt).secret(), first.secret());
    EXPECT_EQ(bench.touches(), 4U);
  }
}

TEST(FidoSecret, IsAnotherOfAnotherSaltOrCredential) {
  Bench bench;
  const Bytes handle = credential(bench.make_secret_credential());
  const Bytes other = credential(bench.make_secret_credential());
  const std::string first = bench.derive(handle, salt).secret();
  EXPECT_NE(bench.derive(handle, Bytes(limits::fido_salt_bytes, 8)).secret(), first);
  EXPECT_NE(bench.derive(other, salt).secret(), first);
}

TEST(FidoSecret, IsAnotherWithThePin) {
  for (const virt::Personality& personality : tokens()) {
    Bench bench(personality);
    bench.set_pin(pin).as<host::Done>();
    // An older token wants its PIN for any new credential (makeCredUvNotRqd).
    const Bytes handle = credential(bench.make_secret_credential(personality.ctap21 ? "" : pin));
    const std::string with = bench.derive(handle, salt, true, pin).secret();
    const std::string without = bench.derive(handle, salt).secret();
    EXPECT_EQ(with.size(), limits::fido_secret_bytes);
    EXPECT_NE(with, without);
    EXPECT_EQ(bench.derive(handle, salt, true, pin).secret(), with);
    EXPECT_EQ(bench.derive(handle, salt).secret(), without);
  }
}

TEST(FidoSecret, TakesThePinThatTheCredentialWasMadeWithout) {
  Bench bench;
  const Bytes handle = credential(bench.make_secret_credential());
  const std::string without = bench.derive(handle, salt).secret();
  bench.set_pin(pin).as<host::Done>();
  EXPECT_EQ(bench.derive(handle, salt).secret(), without);
  EXPECT_NE(bench.derive(handle, salt, true, pin).secret(), without);
}

TEST(FidoSecret, WantsThePinItIsTold) {
  Bench bench;
  bench.set_pin(pin).as<host::Done>();
  const Bytes handle = credential(bench.make_secret_credential());
  const unsigned touches = bench.touches();
  EXPECT_EQ(bench.derive(handle, salt, true).error(), Errc::pin_required);
  const unsigned tries = bench.pin_tries();
  EXPECT_EQ(bench.derive(handle, salt, true, "9999").error(), Errc::wrong_pin);
  EXPECT_EQ(bench.pin_tries(), tries - 1);
  EXPECT_EQ(bench.touches(), touches);
}

TEST(FidoSecret, SendsNoPinWhereNoneIsWanted) {
  Bench bench;
  bench.set_pin(pin).as<host::Done>();
  const unsigned tries = bench.pin_tries();
  const Outcome made = bench.make_secret_credential("9999");
  const std::string first = bench.derive(credential(made), salt).secret();
  EXPECT_EQ(bench.derive(credential(made), salt, false, "9999").secret(), first);
  EXPECT_EQ(bench.pin_tries(), tries);
  EXPECT_EQ(bench.token.status().pin_attempts, 0U);
}

TEST(FidoSecret, IsMadeWithThePinOnlyWhereTheTokenWantsIt) {
  virt::Personality strict;
  strict.make_credential_without_uv = false;
  Bench bench(strict);
  bench.set_pin(pin).as<host::Done>();
  EXPECT_EQ(bench.make_secret_credential().error(), Errc::pin_required);
  EXPECT_EQ(bench.touches(), 0U);
  const Bytes handle = credential(bench.make_secret_credential(pin));
  EXPECT_EQ(bench.derive(handle, salt).secret().size(), limits::fido_secret_bytes);
}

TEST(FidoSecret, IsRefusedWithoutPinByATokenThatAlwaysWantsIt) {
  virt::Personality strict;
  strict.always_uv = true;
  Bench bench(strict);
  bench.set_pin(pin).as<host::Done>();
  const Bytes handle = credential(bench.make_secret_credential(pin));
  EXPECT_EQ(bench.derive(handle, salt).error(), Errc::refused);
  EXPECT_EQ(bench.derive(handle, salt, true, pin).secret().size(), limits::fido_secret_bytes);
}

TEST(FidoSecret, CannotBeVerifiedByATokenWithoutPin) {
  Bench bench;
  const Bytes handle = credential(bench.make_secret_credential());
  EXPECT_EQ(bench.derive(handle, salt, true).error(), Errc::refused) << "a PIN can be set";
  virt::Personality plain;
  plain.pin = false;
  Bench no_pin(plain);
  const Bytes other = credential(no_pin.make_secret_credential());
  EXPECT_EQ(no_pin.derive(other, salt, true).error(), Errc::unsupported);
  EXPECT_EQ(no_pin.derive(other, salt).secret().size(), limits::fido_secret_bytes);
}

TEST(FidoSecret, IsNotMadeByATokenWithoutTheExtension) {
  virt::Personality plain;
  plain.hmac_secret = false;
  virt::Personality u2f;
  u2f.ctap2 = false;
  for (const virt::Personality& personality : {plain, u2f}) {
    Bench bench(personality);
    const Outcome made = bench.make_secret_credential();
    EXPECT_EQ(made.error(), Errc::unsupported);
    EXPECT_NE(made.text().find("hmac-secret"), std::string::npos) << made.text();
    EXPECT_EQ(bench.touches(), 0U);
  }
}

TEST(FidoSecret, IsNotMadeByAnotherToken) {
  Bench bench;
  Bench other;
  const Bytes handle = credential(bench.make_secret_credential());
  const KeyRef ref{KeyKind::sk_ecdsa_p256, "fob:vault", handle};
  EXPECT_TRUE(bench.host(host::HasKey{ref}).as<host::Found>().found);
  EXPECT_FALSE(other.host(host::HasKey{ref}).as<host::Found>().found);
  EXPECT_EQ(other.derive(handle, salt).error(), Errc::not_found);
  EXPECT_EQ(bench.host(host::DeriveSecret{"ssh:", handle, salt, false, {}}).error(), Errc::not_found);
  EXPECT_EQ(other.touches(), 0U);
}

TEST(FidoSecret, IsNotMadeOfAKeyThatSigns) {
  Bench bench;
  NewKeyRequest request;
  request.application = "fob:vault";
  const Bytes handle = bench.generate(request).as<host::Generated>().key.key_handle;
  EXPECT_EQ(bench.derive(handle, salt).error(), Errc::unsupported);
}

TEST(FidoSecret, EndsTheHostOfAMalformedRequest) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{31}, std::size_t{33}, std::size_t{64}}) {
    Bench bench;
    const Bytes handle = credential(bench.make_secret_credential());
    EXPECT_THROW(bench.derive(handle, Bytes(bytes, 7)), std::exception) << bytes;
    EXPECT_EQ(bench.touches(), 1U);
  }
}

/// What a broken or hostile token says of the person must be what was asked for.
TEST(FidoSecret, IsRefusedWhereTheTokenSaysSomethingElseOfThePerson) {
  virt::Personality untouched;
  untouched.assertion_flags_cleared = user_present;
  virt::Personality unverified;
  unverified.assertion_flags_cleared = user_verified;
  virt::Personality verified;
  verified.assertion_flags_set = user_verified;
  const auto derive_error = [](const virt::Personality& personality, bool verify) {
    Bench bench(personality);
    bench.set_pin(pin).as<host::Done>();
    const Bytes handle = credential(bench.make_secret_credential());
    return bench.derive(handle, salt, verify, verify ? pin : "").error();
  };
  EXPECT_EQ(derive_error(virt::Personality(), false), std::nullopt);
  EXPECT_EQ(derive_error(virt::Personality(), true), std::nullopt);
  EXPECT_EQ(derive_error(untouched, false), Errc::refused);
  EXPECT_EQ(derive_error(untouched, true), Errc::refused);
  EXPECT_EQ(derive_error(unverified, true), Errc::refused);
  EXPECT_EQ(derive_error(unverified, false), std::nullopt);
  EXPECT_EQ(derive_error(verified, false), Errc::refused);
}

TEST(FidoSecret, IsRefusedWhereItHasAnotherSize) {
  for (const std::size_t bytes : {std::size_t{16}, std::size_t{48}, std::size_t{64}}) {
    virt::Personality broken;
    broken.secret_bytes = bytes;
    Bench bench(broken);
    EXPECT_EQ(bench.derive(credential(bench.make_secret_credential()), salt).error(), Errc::unsupported) << bytes;
  }
}

TEST(FidoSecret, IsRefusedWhereTheCredentialWasMadeWithoutIt) {
  virt::Personality broken;
  broken.makes_no_secrets = true;
  Bench bench(broken);
  EXPECT_EQ(bench.make_secret_credential().error(), Errc::unsupported);
}

TEST(FidoSecret, EndsWithItsTouch) {
  Bench bench;
  const Bytes handle = credential(bench.make_secret_credential());
  bench.token.set_touch({virt::TouchPolicy::Mode::manual, {}, virt::Milliseconds(200)});
  EXPECT_EQ(bench.derive(handle, salt).error(), Errc::timed_out);
  EXPECT_EQ(bench.make_secret_credential().error(), Errc::timed_out);
}

}  // namespace
}  // namespace fob
