#include <gtest/gtest.h>

#include "tests/unit/virtual/host.h"

// Touches, cancelling, and pulling the token out.

namespace fob::virt {
namespace {

constexpr std::uint8_t make_credential = command::make_credential;
constexpr std::uint8_t get_assertion = command::get_assertion;

TEST(TouchWait, Delayed) {
  Authenticator token;
  Plug plug(token);
  token.set_touch(TouchPolicy::after(Milliseconds(250)));
  const auto start = Clock::now();
  Cred cred;
  EXPECT_EQ(make(plug.dev(), {}, cred), FIDO_OK);
  EXPECT_GE(Clock::now() - start, Milliseconds(250));
}

TEST(TouchWait, Manual) {
  Authenticator token;
  Plug plug(token);
  token.set_touch(TouchPolicy::manual());
  EXPECT_FALSE(token.touch());
  std::thread finger([&] {
    EXPECT_TRUE(wait_until_waiting(token));
    EXPECT_TRUE(token.touch());
  });
  Cred cred;
  EXPECT_EQ(make(plug.dev(), {}, cred), FIDO_OK);
  finger.join();
  EXPECT_FALSE(token.status().waiting);
  EXPECT_EQ(token.status().touch_requests, 1U);
}

TEST(TouchWait, Withheld) {
  Authenticator token;
  Plug plug(token);
  TouchPolicy policy = TouchPolicy::manual();
  policy.patience = Milliseconds(200);
  token.set_touch(policy);
  Cred cred;
  EXPECT_EQ(make(plug.dev(), {}, cred), FIDO_ERR_USER_ACTION_TIMEOUT);
}

TEST(TouchWait, Cancelled) {
  Authenticator token;
  Plug plug(token);
  token.set_touch(TouchPolicy::manual());
  fido_dev_t* dev = plug.dev();
  std::thread canceller([&] {
    EXPECT_TRUE(wait_until_waiting(token));
    EXPECT_EQ(fido_dev_cancel(dev), FIDO_OK);
  });
  Cred cred;
  EXPECT_EQ(make(dev, {}, cred), FIDO_ERR_KEEPALIVE_CANCEL);
  canceller.join();
  EXPECT_EQ(token.status().cancels, 1U);
  token.set_touch(TouchPolicy::automatic());
  EXPECT_EQ(make(dev, {}, cred), FIDO_OK);
}

TEST(TouchWait, ChoosesBetweenTokens) {
  Authenticator token;
  Plug plug(token);
  token.set_touch(TouchPolicy::manual());
  ASSERT_EQ(fido_dev_get_touch_begin(plug.dev()), FIDO_OK);
  int touched = 0;
  EXPECT_EQ(fido_dev_get_touch_status(plug.dev(), &touched, 50), FIDO_OK);
  EXPECT_EQ(touched, 0);
  ASSERT_TRUE(wait_until_waiting(token));
  EXPECT_TRUE(token.touch());
  for (int i = 0; i < 100 && touched == 0; ++i) EXPECT_EQ(fido_dev_get_touch_status(plug.dev(), &touched, 50), FIDO_OK);
  EXPECT_EQ(touched, 1);
}

struct Case {
  const char* name;
  UnplugRule rule;
  unsigned counter;  ///< of signatures, afterwards
};

class Unplug : public testing::TestWithParam<Case> {};

TEST_P(Unplug, EndsTheCommandAndNothingElse) {
  Authenticator token;
  const bool answers = GetParam().rule.phase != UnplugRule::Phase::keepalives;
  token.set_touch(answers ? TouchPolicy::after(Milliseconds(350)) : TouchPolicy::manual());
  {
    Plug plug(token);
    token.unplug_at(GetParam().rule);
    Cred cred;
    EXPECT_EQ(make(plug.dev(), {}, cred), FIDO_ERR_RX);
    EXPECT_EQ(plug.wait(), End::unplugged);
    EXPECT_FALSE(token.status().plugged);
    EXPECT_EQ(token.status().counter, GetParam().counter);
    EXPECT_FALSE(token.status().waiting);
  }
  token.set_touch(TouchPolicy::automatic());
  Plug again(token);
  Cred cred;
  EXPECT_EQ(make(again.dev(), {}, cred), FIDO_OK);
  EXPECT_EQ(token.status().plugs, 2U);
}

INSTANTIATE_TEST_SUITE_P(Phases, Unplug,
                         testing::Values(Case{"Arrival", {make_credential, UnplugRule::Phase::arrival}, 0},
                                         Case{"Keepalives", {make_credential, UnplugRule::Phase::keepalives, 3}, 0},
                                         Case{"Reply", {make_credential, UnplugRule::Phase::reply}, 1},
                                         Case{"MidReply", {make_credential, UnplugRule::Phase::mid_reply}, 1}),
                         [](const testing::TestParamInfo<Case>& test) { return std::string(test.param.name); });

TEST(UnplugByHand, WhileItWaits) {
  Authenticator token;
  EXPECT_FALSE(token.unplug());
  Plug plug(token);
  token.set_touch(TouchPolicy::manual());
  std::thread hand([&] {
    EXPECT_TRUE(wait_until_waiting(token));
    EXPECT_TRUE(token.unplug());
  });
  Cred cred;
  EXPECT_EQ(make(plug.dev(), {}, cred), FIDO_ERR_RX);
  hand.join();
  EXPECT_EQ(plug.wait(), End::unplugged);
}

TEST(UnplugRuleOf, AnotherCommandIsNotMeant) {
  Authenticator token;
  Plug plug(token);
  token.unplug_at({get_assertion, UnplugRule::Phase::arrival});
  Cred cred;
  ASSERT_EQ(make(plug.dev(), {}, cred), FIDO_OK);
  Assert assertion;
  EXPECT_EQ(get(plug.dev(), id_of(cred.get()), {}, assertion), FIDO_ERR_RX);
}

}  // namespace
}  // namespace fob::virt
