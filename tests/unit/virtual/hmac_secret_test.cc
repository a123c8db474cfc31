#include <gtest/gtest.h>

#include "tests/unit/virtual/host.h"

namespace fob::virt {
namespace {

class HmacSecret : public testing::TestWithParam<unsigned> {
 protected:
  void SetUp() override {
    ASSERT_EQ(fido_dev_set_pin(plug_.dev(), pin.c_str(), nullptr), FIDO_OK);
    ASSERT_EQ(make(plug_.dev(), {.hmac_secret = true}, cred_), FIDO_OK);
    EXPECT_EQ(fido_cred_verify(cred_.get()), FIDO_OK);
  }
  Bytes secret(const Bytes& salt, const char* pin_text = nullptr) {
    Assert assertion;
    EXPECT_EQ(get(plug_.dev(), id_of(cred_.get()), {.pin_text = pin_text, .salt = salt}, assertion), FIDO_OK);
    EXPECT_EQ(verify(assertion.get(), cred_.get()), FIDO_OK);
    return to_bytes({fido_assert_hmac_secret_ptr(assertion.get(), 0), fido_assert_hmac_secret_len(assertion.get(), 0)});
  }

  Authenticator token_{Personality{.pin_protocols = {GetParam()}}};
  Plug plug_{token_};
  Cred cred_;
};

TEST_P(HmacSecret, DependsOnSaltCredentialAndVerification) {
  const Bytes salt(32, 1);
  const Bytes other_salt(32, 2);
  const Bytes first = secret(salt);
  EXPECT_EQ(first.size(), 32U);
  EXPECT_EQ(secret(salt), first);
  EXPECT_NE(secret(other_salt), first);
  EXPECT_NE(secret(salt, pin.c_str()), first);
  EXPECT_EQ(secret(salt, pin.c_str()), secret(salt, pin.c_str()));

  const Bytes both = secret(concat({salt, other_salt}));
  EXPECT_EQ(both, concat({first, secret(other_salt)}));
  ASSERT_EQ(make(plug_.dev(), {.hmac_secret = true}, cred_), FIDO_OK);
  EXPECT_NE(secret(salt), first);
}

TEST_P(HmacSecret, OnlyIfMadeSo) {
  ASSERT_EQ(make(plug_.dev(), {}, cred_), FIDO_OK);
  Assert assertion;
  get(plug_.dev(), id_of(cred_.get()), {.salt = Bytes(32, 1)}, assertion);
  EXPECT_EQ(fido_assert_hmac_secret_len(assertion.get(), 0), 0U);
}

INSTANTIATE_TEST_SUITE_P(Protocols, HmacSecret, testing::Values(1U, 2U));

}  // namespace
}  // namespace fob::virt
