// What `fob watch` is told.

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "protocol/limits.h"
#include "tests/vault/vault_rig.h"

namespace fob {
namespace {

control::Activity activity(VaultRig& rig, std::uint64_t seen = 0) {
  ControlClient watcher(rig.daemon());
  return watcher.expect<control::Activity>(control::Watch{seen});
}

TEST(Watch, TellsUsesAndRefusalsTheLastFirst) {
  VaultRig rig;
  const PublicKey key = rig.make_key("work");
  EXPECT_TRUE(activity(rig).uses.empty());
  EXPECT_TRUE(rig.signs(key));
  rig.lock();
  rig.decline_dialogs();
  EXPECT_FALSE(rig.signs(key));
  const control::Activity now = activity(rig);
  ASSERT_EQ(now.uses.size(), 2U);
  EXPECT_EQ(now.uses[0].key, "work");
  EXPECT_NE(now.uses[0].fault, "");
  EXPECT_EQ(now.uses[1].fault, "");
  EXPECT_NE(now.uses[1].purpose, "");
  EXPECT_GT(now.uses[1].time, 1'700'000'000U);
  EXPECT_EQ(now.keys, 1U);
  EXPECT_TRUE(now.vault_locked);
}

TEST(Watch, AnswersWithTheNextChange) {
  VaultRig rig;
  const PublicKey key = rig.make_key("work");
  ControlClient watcher(rig.daemon());
  const auto before = watcher.expect<control::Activity>(control::Watch{0});
  watcher.send(control::Watch{before.number});
  bool has_signed = false;
  std::thread client([&] { has_signed = rig.signs(key); });
  auto now = std::get<control::Activity>(watcher.last_reply());
  // After limits::watch_period it answers though nothing has changed.
  for (int i = 0; i < 20 && now.number == before.number; ++i) {
    now = watcher.expect<control::Activity>(control::Watch{before.number});
  }
  client.join();
  EXPECT_TRUE(has_signed);
  ASSERT_EQ(now.uses.size(), 1U);
  EXPECT_NE(now.uses[0].programs, "") << "somebody looks on";
  EXPECT_GT(now.number, before.number);
}

TEST(Watch, TellsAgainAfterAWhileThoughNothingHappens) {
  VaultRig rig;
  const control::Activity before = activity(rig);
  EXPECT_EQ(activity(rig, before.number).number, before.number);
}

TEST(Watch, ShowsATouchWhileItIsWaitedFor) {
  VaultRig rig(TokenRig::Options{.sticks = 1});
  rig.stick().token().set_touch(virt::TouchPolicy::manual());
  control::NewKey wish;
  wish.name = "stick";
  wish.application = "ssh:";
  ControlClient other(rig.daemon());
  other.send(wish);
  ASSERT_TRUE(rig.stick().waits_for_touch());
  // The token has told its host; the agent hears of it a moment later.
  control::Activity waiting;
  ASSERT_TRUE(eventually([&] { return (waiting = activity(rig)).waiting.size() == 1; }));
  EXPECT_NE(waiting.waiting[0].find("Touch"), std::string::npos) << waiting.waiting[0];
  ASSERT_EQ(waiting.tokens.size(), 1U);
  rig.stick().token().touch();
  other.last_reply();
  EXPECT_TRUE(activity(rig).waiting.empty());
}

TEST(Watch, ShowsAQuestionToThePersonAtFob) {
  VaultRig rig;
  control::NewKey wish;
  wish.name = "first";
  wish.on = "vault";
  ControlClient other(rig.daemon());
  other.send(wish);
  EXPECT_TRUE(eventually([&] {
    const control::Activity now = activity(rig);
    return now.waiting.size() == 1 && now.waiting[0].find("passphrase") != std::string::npos;
  }));
  other.last_reply();
  EXPECT_TRUE(activity(rig).waiting.empty());
}

TEST(Watch, ALockedAgentTellsNothingOfItsKeys) {
  VaultRig rig;
  const PublicKey key = rig.make_key("work");
  EXPECT_TRUE(rig.signs(key));
  ASSERT_TRUE(rig.client().lock("secret"));
  const control::Activity now = activity(rig);
  EXPECT_TRUE(now.agent_locked);
  EXPECT_TRUE(now.uses.empty());
  EXPECT_EQ(now.keys, 0U);
  ASSERT_TRUE(rig.client().unlock("secret"));
  EXPECT_EQ(activity(rig).uses.size(), 1U);
}

TEST(Watch, RemembersNoMoreUsesThanItSays) {
  VaultRig rig;
  const PublicKey key = rig.make_key("work");
  for (std::size_t i = 0; i < limits::remembered_uses + 3; ++i) ASSERT_TRUE(rig.signs(key));
  EXPECT_EQ(activity(rig).uses.size(), limits::remembered_uses);
}

}  // namespace
}  // namespace fob
