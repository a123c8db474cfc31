#include <gtest/gtest.h>

#include "tests/unit/virtual/host.h"

// Credentials and assertions, made by the virtual token and verified by libfido2.

namespace fob::virt {
namespace {

class MakeAssert : public testing::TestWithParam<int> {};

TEST_P(MakeAssert, LibfidoVerifiesBoth) {
  Authenticator token;
  Plug plug(token);
  Cred cred;
  ASSERT_EQ(make(plug.dev(), {.alg = GetParam()}, cred), FIDO_OK);
  EXPECT_STREQ(fido_cred_fmt(cred.get()), "packed");
  EXPECT_EQ(fido_cred_verify(cred.get()), FIDO_OK);
  EXPECT_GT(fido_cred_x5c_len(cred.get()), 0U);

  Assert assertion;
  ASSERT_EQ(get(plug.dev(), id_of(cred.get()), {}, assertion), FIDO_OK);
  EXPECT_EQ(verify(assertion.get(), cred.get()), FIDO_OK);
  EXPECT_EQ(fido_assert_flags(assertion.get(), 0), 0x01);
  EXPECT_EQ(fido_assert_sigcount(assertion.get(), 0), 2U);
  EXPECT_EQ(token.status().touch_requests, 2U);
}

TEST_P(MakeAssert, WithPinTheFlagSaysVerified) {
  Authenticator token;
  Plug plug(token);
  ASSERT_EQ(fido_dev_set_pin(plug.dev(), pin.c_str(), nullptr), FIDO_OK);
  Cred cred;
  ASSERT_EQ(make(plug.dev(), {.alg = GetParam(), .pin_text = pin.c_str()}, cred), FIDO_OK);
  EXPECT_EQ(fido_cred_verify(cred.get()), FIDO_OK);
  EXPECT_EQ(fido_cred_flags(cred.get()) & 0x05, 0x05);
  Assert assertion;
  ASSERT_EQ(get(plug.dev(), id_of(cred.get()), {.pin_text = pin.c_str()}, assertion), FIDO_OK);
  EXPECT_EQ(verify(assertion.get(), cred.get()), FIDO_OK);
  EXPECT_EQ(fido_assert_flags(assertion.get(), 0) & 0x05, 0x05);
}

TEST_P(MakeAssert, ResidentsAreFoundWithoutTheirHandles) {
  Authenticator token;
  Plug plug(token);
  Cred first;
  Cred second;
  ASSERT_EQ(make(plug.dev(), {.alg = GetParam(), .resident = true, .user_id = "a"}, first), FIDO_OK);
  ASSERT_EQ(make(plug.dev(), {.alg = GetParam(), .resident = true, .user_id = "b"}, second), FIDO_OK);
  Assert assertion;
  ASSERT_EQ(get(plug.dev(), {}, {}, assertion), FIDO_OK);
  ASSERT_EQ(fido_assert_count(assertion.get()), 2U);
  // The newest first; getNextAssertion gives the rest.
  EXPECT_EQ(verify(assertion.get(), second.get(), 0), FIDO_OK);
  EXPECT_EQ(verify(assertion.get(), first.get(), 1), FIDO_OK);
  EXPECT_EQ(fido_assert_user_name(assertion.get(), 0), nullptr);
  EXPECT_EQ(token.status().commands.at("getNextAssertion"), 1U);
  EXPECT_EQ(token.status().residents, 2U);
}

INSTANTIATE_TEST_SUITE_P(Algorithms, MakeAssert, testing::Values(COSE_ES256, COSE_EDDSA));

TEST(Token, SameUserReplacesTheResident) {
  Authenticator token;
  Plug plug(token);
  Cred old;
  Cred fresh;
  ASSERT_EQ(make(plug.dev(), {.resident = true}, old), FIDO_OK);
  ASSERT_EQ(make(plug.dev(), {.resident = true}, fresh), FIDO_OK);
  EXPECT_EQ(token.status().residents, 1U);
  Assert assertion;
  EXPECT_EQ(get(plug.dev(), id_of(old.get()), {}, assertion), FIDO_ERR_NO_CREDENTIALS);
  EXPECT_EQ(get(plug.dev(), id_of(fresh.get()), {}, assertion), FIDO_OK);
}

TEST(Token, FullStore) {
  Authenticator token({.resident_slots = 1});
  Plug plug(token);
  Cred cred;
  ASSERT_EQ(make(plug.dev(), {.resident = true, .user_id = "a"}, cred), FIDO_OK);
  EXPECT_EQ(make(plug.dev(), {.resident = true, .user_id = "b"}, cred), FIDO_ERR_KEY_STORE_FULL);
  EXPECT_EQ(make(plug.dev(), {.resident = true, .user_id = "a"}, cred), FIDO_OK);
}

TEST(Token, SilentProbeNeedsNoTouch) {
  Authenticator token;
  Authenticator other;
  Plug plug(token);
  Plug other_plug(other);
  Cred cred;
  ASSERT_EQ(make(plug.dev(), {}, cred), FIDO_OK);
  token.set_touch(TouchPolicy::manual());
  other.set_touch(TouchPolicy::manual());
  Assert assertion;
  EXPECT_EQ(get(plug.dev(), id_of(cred.get()), {.up = FIDO_OPT_FALSE}, assertion), FIDO_OK);
  EXPECT_EQ(fido_assert_flags(assertion.get(), 0), 0);
  EXPECT_EQ(get(other_plug.dev(), id_of(cred.get()), {.up = FIDO_OPT_FALSE}, assertion), FIDO_ERR_NO_CREDENTIALS);
  EXPECT_EQ(get(plug.dev(), id_of(cred.get()), {.rp_id = "ssh:other", .up = FIDO_OPT_FALSE}, assertion),
            FIDO_ERR_NO_CREDENTIALS);
  EXPECT_EQ(other.status().touch_requests, 0U);
}

TEST(Token, ExcludedAfterATouch) {
  Authenticator token;
  Plug plug(token);
  Cred cred;
  ASSERT_EQ(make(plug.dev(), {}, cred), FIDO_OK);
  Cred again;
  EXPECT_EQ(make(plug.dev(), {.exclude = id_of(cred.get())}, again), FIDO_ERR_CREDENTIAL_EXCLUDED);
  EXPECT_EQ(token.status().touch_requests, 2U);
  EXPECT_EQ(make(plug.dev(), {.rp_id = "ssh:other", .exclude = id_of(cred.get())}, again), FIDO_OK);
}

TEST(Token, ProtectionHidesWithoutVerification) {
  Authenticator token;
  Plug plug(token);
  ASSERT_EQ(fido_dev_set_pin(plug.dev(), pin.c_str(), nullptr), FIDO_OK);
  for (const int level : {FIDO_CRED_PROT_UV_OPTIONAL, FIDO_CRED_PROT_UV_OPTIONAL_WITH_ID, FIDO_CRED_PROT_UV_REQUIRED}) {
    Cred cred;
    const std::string rp_id = "ssh:" + std::to_string(level);
    const Wanted wanted{.resident = true, .protection = level, .rp_id = rp_id, .pin_text = pin.c_str()};
    ASSERT_EQ(make(plug.dev(), wanted, cred), FIDO_OK);
    EXPECT_EQ(fido_cred_prot(cred.get()), level);
    EXPECT_EQ(fido_cred_verify(cred.get()), FIDO_OK);
    const Bytes id = id_of(cred.get());
    const bool optional = level == FIDO_CRED_PROT_UV_OPTIONAL;
    const bool required = level == FIDO_CRED_PROT_UV_REQUIRED;
    Assert a;
    EXPECT_EQ(get(plug.dev(), {}, {.rp_id = rp_id}, a), optional ? FIDO_OK : FIDO_ERR_NO_CREDENTIALS);
    EXPECT_EQ(get(plug.dev(), id, {.rp_id = rp_id}, a), required ? FIDO_ERR_NO_CREDENTIALS : FIDO_OK);
    EXPECT_EQ(get(plug.dev(), {}, {.rp_id = rp_id, .pin_text = pin.c_str()}, a), FIDO_OK);
    EXPECT_STREQ(fido_assert_user_name(a.get(), 0), "name");
    EXPECT_EQ(get(plug.dev(), id, {.rp_id = rp_id, .pin_text = pin.c_str()}, a), FIDO_OK);
    // A protected one is no reason to exclude, unless verified.
    Cred again;
    EXPECT_EQ(make(plug.dev(), {.rp_id = rp_id, .exclude = id}, again),
              required ? FIDO_OK : FIDO_ERR_CREDENTIAL_EXCLUDED);
    EXPECT_EQ(make(plug.dev(), {.rp_id = rp_id, .pin_text = pin.c_str(), .exclude = id}, again),
              FIDO_ERR_CREDENTIAL_EXCLUDED);
  }
}

TEST(Token, ResidentsNeedThePinOnceItIsSet) {
  Authenticator token;
  Plug plug(token);
  ASSERT_EQ(fido_dev_set_pin(plug.dev(), pin.c_str(), nullptr), FIDO_OK);
  Cred cred;
  EXPECT_EQ(make(plug.dev(), {.resident = true}, cred), FIDO_ERR_PIN_REQUIRED);
  EXPECT_EQ(make(plug.dev(), {}, cred), FIDO_OK);
}

TEST(Token, AlwaysUvAndUvForMake) {
  Authenticator always({.always_uv = true});
  Authenticator for_make({.make_credential_without_uv = false});
  for (Authenticator* token : {&always, &for_make}) {
    Plug plug(*token);
    ASSERT_EQ(fido_dev_set_pin(plug.dev(), pin.c_str(), nullptr), FIDO_OK);
    Cred cred;
    EXPECT_EQ(make(plug.dev(), {}, cred), FIDO_ERR_PIN_REQUIRED);
    ASSERT_EQ(make(plug.dev(), {.pin_text = pin.c_str()}, cred), FIDO_OK);
    Assert assertion;
    EXPECT_EQ(get(plug.dev(), id_of(cred.get()), {}, assertion), token == &always ? FIDO_ERR_PIN_REQUIRED : FIDO_OK);
    EXPECT_EQ(get(plug.dev(), id_of(cred.get()), {.pin_text = pin.c_str()}, assertion), FIDO_OK);
  }
}

TEST(Token, LesserTokens) {
  constexpr int invalid_subcommand = 0x3e;  // libfido2 has no name for it
  Authenticator token({.ed25519 = false, .resident_keys = false, .credential_protection = false, .pin = false});
  Plug plug(token);
  EXPECT_FALSE(fido_dev_supports_pin(plug.dev()));
  EXPECT_FALSE(fido_dev_supports_cred_prot(plug.dev()));
  Cred cred;
  EXPECT_EQ(make(plug.dev(), {.alg = COSE_EDDSA}, cred), FIDO_ERR_UNSUPPORTED_ALGORITHM);
  EXPECT_EQ(make(plug.dev(), {.resident = true}, cred), FIDO_ERR_UNSUPPORTED_OPTION);
  EXPECT_EQ(fido_dev_set_pin(plug.dev(), pin.c_str(), nullptr), invalid_subcommand);
}

TEST(Token, Info) {
  Authenticator token({.resident_slots = 7});
  Plug plug(token);
  const std::unique_ptr<fido_cbor_info_t, FidoDeleter> info(fido_cbor_info_new());
  ASSERT_EQ(fido_dev_get_cbor_info(plug.dev(), info.get()), FIDO_OK);
  EXPECT_EQ(fido_cbor_info_rk_remaining(info.get()), 7);
  EXPECT_EQ(fido_cbor_info_fwversion(info.get()), 0x050403U);
  EXPECT_EQ(fido_cbor_info_minpinlen(info.get()), 4U);
  EXPECT_EQ(fido_cbor_info_algorithm_count(info.get()), 2U);
  EXPECT_EQ(fido_cbor_info_maxmsgsiz(info.get()), 2048U);
  EXPECT_TRUE(fido_dev_supports_permissions(plug.dev()));
  EXPECT_TRUE(fido_dev_supports_credman(plug.dev()));
  EXPECT_EQ(fido_dev_major(plug.dev()), 5);
}

TEST(Token, StateOutlivesTheProcess) {
  Authenticator token;
  Cred resident;
  Cred plain;
  {
    Plug plug(token);
    ASSERT_EQ(fido_dev_set_pin(plug.dev(), pin.c_str(), nullptr), FIDO_OK);
    ASSERT_EQ(make(plug.dev(), {.alg = COSE_EDDSA, .resident = true, .pin_text = pin.c_str()}, resident), FIDO_OK);
    ASSERT_EQ(make(plug.dev(), {}, plain), FIDO_OK);
  }
  Authenticator heir;
  heir.load(token.save());
  Plug plug(heir);
  EXPECT_TRUE(fido_dev_has_pin(plug.dev()));
  Assert assertion;
  ASSERT_EQ(get(plug.dev(), {}, {.pin_text = pin.c_str()}, assertion), FIDO_OK);
  EXPECT_EQ(verify(assertion.get(), resident.get()), FIDO_OK);
  EXPECT_STREQ(fido_assert_user_display_name(assertion.get(), 0), "display name");
  ASSERT_EQ(get(plug.dev(), id_of(plain.get()), {}, assertion), FIDO_OK);
  EXPECT_EQ(verify(assertion.get(), plain.get()), FIDO_OK);
  EXPECT_EQ(fido_assert_sigcount(assertion.get(), 0), 4U);
}

}  // namespace
}  // namespace fob::virt
