#include <gtest/gtest.h>

#include "tests/unit/virtual/host.h"

namespace fob::virt {
namespace {

/// Every test with both PIN protocols, and with a token of before CTAP 2.1.
class Pin : public testing::TestWithParam<Personality> {
 protected:
  int retries(fido_dev_t* dev) {
    int out = -1;
    EXPECT_EQ(fido_dev_get_retry_count(dev, &out), FIDO_OK);
    return out;
  }
  int try_pin(fido_dev_t* dev, const char* text) {
    Cred cred;
    return make(dev, {.pin_text = text}, cred);
  }

  Authenticator token_{GetParam()};
};

TEST_P(Pin, SetChangeUse) {
  Plug plug(token_);
  EXPECT_FALSE(fido_dev_has_pin(plug.dev()));
  EXPECT_EQ(try_pin(plug.dev(), "1234"), FIDO_ERR_PIN_NOT_SET);
  ASSERT_EQ(fido_dev_set_pin(plug.dev(), "1234", nullptr), FIDO_OK);
  EXPECT_EQ(fido_dev_set_pin(plug.dev(), "1234", nullptr), FIDO_ERR_PIN_AUTH_INVALID);
  EXPECT_EQ(try_pin(plug.dev(), "1234"), FIDO_OK);
  EXPECT_EQ(fido_dev_set_pin(plug.dev(), "zażółć", "9999"), FIDO_ERR_PIN_INVALID);
  ASSERT_EQ(fido_dev_set_pin(plug.dev(), "zażółć", "1234"), FIDO_OK);
  EXPECT_EQ(try_pin(plug.dev(), "1234"), FIDO_ERR_PIN_INVALID);
  EXPECT_EQ(try_pin(plug.dev(), "zażółć"), FIDO_OK);
  EXPECT_EQ(retries(plug.dev()), 8);
}

TEST_P(Pin, TooShort) {
  Plug plug(token_);
  // Bytes are not characters: this has 6 bytes, but three characters.
  EXPECT_EQ(fido_dev_set_pin(plug.dev(), "żół", nullptr), FIDO_ERR_PIN_POLICY_VIOLATION);
  EXPECT_EQ(fido_dev_set_pin(plug.dev(), "żółw", nullptr), FIDO_OK);
}

TEST_P(Pin, ThreeWrongInARowBlockUntilReplug) {
  {
    Plug plug(token_);
    ASSERT_EQ(fido_dev_set_pin(plug.dev(), "1234", nullptr), FIDO_OK);
    EXPECT_EQ(try_pin(plug.dev(), "0000"), FIDO_ERR_PIN_INVALID);
    EXPECT_EQ(try_pin(plug.dev(), "0000"), FIDO_ERR_PIN_INVALID);
    EXPECT_EQ(try_pin(plug.dev(), "0000"), FIDO_ERR_PIN_AUTH_BLOCKED);
    EXPECT_EQ(retries(plug.dev()), 5);
    EXPECT_EQ(try_pin(plug.dev(), "1234"), FIDO_ERR_PIN_AUTH_BLOCKED);
    EXPECT_EQ(retries(plug.dev()), 5);
    EXPECT_EQ(token_.status().pin_attempts, 4U);
  }
  Plug plug(token_);
  EXPECT_EQ(try_pin(plug.dev(), "0000"), FIDO_ERR_PIN_INVALID);
  EXPECT_EQ(try_pin(plug.dev(), "1234"), FIDO_OK);
  EXPECT_EQ(retries(plug.dev()), 8);
}

TEST_P(Pin, EightWrongBlockUntilReset) {
  for (int wrong = 0; wrong < 8;) {
    Plug plug(token_);
    if (wrong == 0) {
      ASSERT_EQ(fido_dev_set_pin(plug.dev(), "1234", nullptr), FIDO_OK);
    }
    for (int i = 0; i < 3 && wrong < 8; ++i) {
      ++wrong;
      const int expected = wrong == 8 ? FIDO_ERR_PIN_BLOCKED
                           : i == 2   ? FIDO_ERR_PIN_AUTH_BLOCKED
                                      : FIDO_ERR_PIN_INVALID;
      EXPECT_EQ(try_pin(plug.dev(), "0000"), expected);
    }
  }
  Plug plug(token_);
  EXPECT_EQ(try_pin(plug.dev(), "1234"), FIDO_ERR_PIN_BLOCKED);
  EXPECT_EQ(retries(plug.dev()), 0);
  EXPECT_EQ(token_.status().pin_retries, 0U);
  ASSERT_EQ(fido_dev_reset(plug.dev()), FIDO_OK);
  EXPECT_EQ(retries(plug.dev()), 8);
  EXPECT_EQ(fido_dev_set_pin(plug.dev(), "1234", nullptr), FIDO_OK);
}

std::string name_of(const testing::TestParamInfo<Personality>& info) {
  return (info.param.ctap21 ? "Ctap21Protocol" : "Ctap20Protocol") + std::to_string(info.param.pin_protocols.front());
}
INSTANTIATE_TEST_SUITE_P(Protocols, Pin,
                         testing::Values(Personality{.pin_protocols = {2, 1}}, Personality{.pin_protocols = {1}},
                                         Personality{.ctap21 = false, .pin_protocols = {1}}),
                         name_of);

TEST(PinReset, OnlyJustAfterPowerUpIfSo) {
  Authenticator token({.reset_window = true});
  Plug plug(token);
  Cred cred;
  ASSERT_EQ(make(plug.dev(), {.resident = true}, cred), FIDO_OK);
  EXPECT_EQ(fido_dev_reset(plug.dev()), FIDO_OK);
  Assert assertion;
  EXPECT_EQ(get(plug.dev(), id_of(cred.get()), {}, assertion), FIDO_ERR_NO_CREDENTIALS);
  EXPECT_EQ(token.status().residents, 0U);
}

}  // namespace
}  // namespace fob::virt
