#include "protocol/signature.h"
#include "protocol/verify.h"
#include "tests/unit/tokens/support.h"

namespace fob {
namespace {

using test::Bench;
using test::new_key;
using test::Outcome;

virt::Personality u2f_only() {
  virt::Personality out;
  out.ctap2 = false;
  return out;
}

virt::Personality ctap20() {
  virt::Personality out;
  out.ctap21 = false;
  return out;
}

NewKey generated(const Outcome& outcome) { return outcome.as<host::Generated>().key; }

Signature::Sk verified(const NewKey& key, const Outcome& outcome, std::string_view data) {
  const Bytes blob = outcome.as<host::Signed>().signature;
  EXPECT_NO_THROW(verify_signature(key.public_key, blob, as_bytes(data)));
  return *Signature::parse(blob).sk;
}

TEST(FidoToken, DescribesItself) {
  Bench bench;
  const TokenInfo info = bench.describe().as<host::Described>().info;
  EXPECT_TRUE(info.is_fido2 && info.takes_pin && !info.pin_set && info.resident_keys && info.cred_protect);
  EXPECT_TRUE(info.credential_management && !info.always_uv && !info.built_in_uv && !info.pin_for_new_key);
  EXPECT_EQ(info.firmware, 0x050403U);
  EXPECT_EQ(info.resident_left, 25U);
  EXPECT_EQ(info.min_pin_length, 4U);
  EXPECT_FALSE(info.pin_tries);
  EXPECT_EQ(as_text(info.aaguid).substr(0, 4), "fob-");
  EXPECT_EQ(info.key_kinds, (std::vector{KeyKind::sk_ecdsa_p256, KeyKind::sk_ed25519}));
  EXPECT_EQ(bench.touches(), 0U);
}

TEST(FidoToken, DescribesU2fToken) {
  Bench bench(u2f_only());
  const TokenInfo info = bench.describe().as<host::Described>().info;
  EXPECT_EQ(info.versions, std::vector<std::string>{"U2F_V2"});
  EXPECT_EQ(info.key_kinds, std::vector{KeyKind::sk_ecdsa_p256});
  EXPECT_FALSE(info.is_fido2 || info.takes_pin || info.resident_keys);
}

TEST(FidoToken, MakesKeysThatSign) {
  for (const virt::Personality& personality : {virt::Personality(), ctap20()}) {
    Bench bench(personality);
    bench.token.set_touch(virt::TouchPolicy::after(virt::Milliseconds(5)));
    for (const KeyKind kind : {KeyKind::sk_ecdsa_p256, KeyKind::sk_ed25519}) {
      const Outcome made = bench.generate(new_key(kind));
      const NewKey key = generated(made);
      EXPECT_EQ(made.touches, 1U);
      EXPECT_EQ(key.public_key.kind, kind);
      EXPECT_EQ(key.public_key.application, "ssh:");
      EXPECT_EQ(key.challenge.size(), 32U);
      EXPECT_FALSE(key.attestation_certificate.empty() || key.attestation_signature.empty());
      const Outcome signature = bench.sign(key, "data");
      EXPECT_EQ(signature.touches, 1U);
      const Signature::Sk first = verified(key, signature, "data");
      EXPECT_EQ(first.flags, 0x01);
      EXPECT_GT(verified(key, bench.sign(key, "more data"), "more data").counter, first.counter);
    }
  }
}

TEST(FidoToken, SignsWithU2f) {
  Bench bench(u2f_only());
  const Outcome made = bench.generate();
  EXPECT_EQ(made.touches, 1U);
  const NewKey key = generated(made);
  const Outcome signature = bench.sign(key, "data");
  EXPECT_EQ(signature.touches, 1U);
  EXPECT_EQ(verified(key, signature, "data").flags, 0x01);
}

TEST(FidoToken, SignsWithoutTouchWhereTheKeyWantsNone) {
  Bench bench;
  const NewKey key = generated(bench.generate(new_key(KeyKind::sk_ed25519, 0)));
  EXPECT_EQ(bench.touches(), 1U);
  const Outcome signature = bench.sign(key, "data");
  EXPECT_EQ(signature.touches, 0U);
  EXPECT_EQ(verified(key, signature, "data").flags, 0x00);
  EXPECT_EQ(bench.touches(), 1U);
}

TEST(FidoToken, KnowsItsKeysWithoutTouch) {
  for (const virt::Personality& personality : {virt::Personality(), u2f_only()}) {
    Bench bench(personality);
    Bench other(personality);
    const NewKey key = generated(bench.generate());
    EXPECT_TRUE(bench.host(host::HasKey{test::key_ref(key)}).as<host::Found>().found);
    EXPECT_FALSE(other.host(host::HasKey{test::key_ref(key)}).as<host::Found>().found);
    EXPECT_EQ(bench.touches(), 1U);
    EXPECT_EQ(other.touches(), 0U);
    EXPECT_EQ(other.sign(key, "data").error(), Errc::not_found);
    EXPECT_EQ(other.touches(), 0U);
  }
}

TEST(FidoToken, RefusesBeforeATouchWhatItCannotDo) {
  virt::Personality plain;
  plain.ed25519 = false;
  plain.resident_keys = false;
  plain.credential_protection = false;
  plain.pin = false;
  Bench bench(plain);
  EXPECT_EQ(bench.generate(new_key(KeyKind::sk_ed25519)).error(), Errc::unsupported);
  EXPECT_EQ(bench.generate(new_key(KeyKind::sk_ecdsa_p256, sk_flags::resident_key)).error(), Errc::unsupported);
  EXPECT_EQ(bench.generate(new_key(KeyKind::sk_ecdsa_p256, sk_flags::user_verification_required)).error(),
            Errc::unsupported);
  EXPECT_EQ(bench.set_pin("1234").error(), Errc::unsupported);
  EXPECT_EQ(bench.list("1234").error(), Errc::unsupported);
  Bench u2f(u2f_only());
  EXPECT_EQ(u2f.generate(new_key(KeyKind::sk_ed25519)).error(), Errc::unsupported);
  EXPECT_EQ(u2f.generate(new_key(KeyKind::sk_ecdsa_p256, sk_flags::resident_key)).error(), Errc::unsupported);
  EXPECT_EQ(u2f.set_pin("1234").error(), Errc::unsupported);
  EXPECT_EQ(u2f.host(host::Reset{}).error(), Errc::unsupported);
  EXPECT_EQ(bench.touches() + u2f.touches(), 0U);
}

TEST(FidoToken, UsesTheChallengeItIsGiven) {
  Bench bench;
  NewKeyRequest request;
  request.challenge = to_bytes(as_bytes("a challenge"));
  EXPECT_TRUE(equal(generated(bench.generate(request)).challenge, request.challenge));
}

TEST(FidoToken, ForgetsEverythingWhenReset) {
  Bench bench;
  const NewKey key = generated(bench.generate());
  bench.set_pin("1234").as<host::Done>();
  bench.token.set_touch(virt::TouchPolicy::after(virt::Milliseconds(5)));
  const Outcome reset = bench.host(host::Reset{});
  reset.as<host::Done>();
  EXPECT_EQ(reset.touches, 1U);
  EXPECT_FALSE(bench.describe().as<host::Described>().info.pin_set);
  EXPECT_FALSE(bench.host(host::HasKey{test::key_ref(key)}).as<host::Found>().found);
}

TEST(FidoToken, SaysThatNobodyTouched) {
  Bench bench;
  bench.token.set_touch({virt::TouchPolicy::Mode::manual, {}, virt::Milliseconds(200)});
  const Outcome made = bench.generate();
  EXPECT_EQ(made.error(), Errc::timed_out);
  EXPECT_EQ(made.touches, 1U);
  bench.token.set_touch(virt::TouchPolicy::automatic());
  EXPECT_FALSE(bench.generate().error());
}

}  // namespace
}  // namespace fob
