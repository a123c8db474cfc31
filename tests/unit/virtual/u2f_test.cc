#include <gtest/gtest.h>

#include "tests/unit/virtual/host.h"

namespace fob::virt {
namespace {

class U2f : public testing::Test {
 protected:
  Authenticator token_{Personality{.ctap2 = false}};
  Plug plug_{token_};
};

TEST_F(U2f, LibfidoVerifiesBoth) {
  EXPECT_FALSE(fido_dev_is_fido2(plug_.dev()));
  Cred cred;
  ASSERT_EQ(make(plug_.dev(), {}, cred), FIDO_OK);
  EXPECT_STREQ(fido_cred_fmt(cred.get()), "fido-u2f");
  EXPECT_EQ(fido_cred_verify(cred.get()), FIDO_OK);
  Assert assertion;
  ASSERT_EQ(get(plug_.dev(), id_of(cred.get()), {}, assertion), FIDO_OK);
  EXPECT_EQ(verify(assertion.get(), cred.get()), FIDO_OK);
  EXPECT_EQ(fido_assert_flags(assertion.get(), 0), 1);
  EXPECT_EQ(token_.status().commands.at("u2fRegister"), 1U);
}

TEST_F(U2f, RefusesUntilTouched) {
  Cred cred;
  ASSERT_EQ(make(plug_.dev(), {}, cred), FIDO_OK);
  token_.set_touch(TouchPolicy::manual());
  std::thread finger([this] {
    EXPECT_TRUE(wait_until_waiting(token_));
    EXPECT_TRUE(token_.touch());
  });
  Assert assertion;
  EXPECT_EQ(get(plug_.dev(), id_of(cred.get()), {}, assertion), FIDO_OK);
  finger.join();
  EXPECT_EQ(verify(assertion.get(), cred.get()), FIDO_OK);
  EXPECT_EQ(token_.status().touch_requests, 2U);
  EXPECT_FALSE(token_.status().waiting);
}

TEST_F(U2f, OthersHandlesAreUnknown) {
  Authenticator other(Personality{.ctap2 = false});
  Plug other_plug(other);
  Cred cred;
  ASSERT_EQ(make(other_plug.dev(), {}, cred), FIDO_OK);
  Assert assertion;
  EXPECT_EQ(get(plug_.dev(), id_of(cred.get()), {.up = FIDO_OPT_FALSE}, assertion), FIDO_ERR_NO_CREDENTIALS);
  EXPECT_EQ(get(other_plug.dev(), id_of(cred.get()), {.up = FIDO_OPT_FALSE}, assertion),
            FIDO_ERR_USER_PRESENCE_REQUIRED);
}

TEST_F(U2f, NoEd25519) {
  Cred cred;
  EXPECT_NE(make(plug_.dev(), {.alg = COSE_EDDSA}, cred), FIDO_OK);
}

TEST(U2fOfFido2Token, SameHandlesEitherWay) {
  Authenticator token;
  Plug plug(token);
  fido_dev_force_u2f(plug.dev());
  Cred cred;
  ASSERT_EQ(make(plug.dev(), {}, cred), FIDO_OK);
  EXPECT_EQ(token.status().commands.at("u2fRegister"), 1U);
  fido_dev_force_fido2(plug.dev());
  Assert assertion;
  ASSERT_EQ(get(plug.dev(), id_of(cred.get()), {}, assertion), FIDO_OK);
  EXPECT_EQ(verify(assertion.get(), cred.get()), FIDO_OK);
}

}  // namespace
}  // namespace fob::virt
