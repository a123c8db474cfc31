// When the vault locks by itself, and what is left then.

#include <gtest/gtest.h>
#include <signal.h>

#include "tests/vault/vault_rig.h"

namespace fob {
namespace {

using std::chrono::milliseconds;

TokenRig::Options with_config(const std::string& lines) { return {.sticks = 0, .config = "[vault]\n" + lines}; }

bool becomes_locked(VaultRig& rig) {
  return eventually([&] { return rig.is_locked(); });
}

TEST(VaultLock, ShowsTheKeysAndAsksAgain) {
  VaultRig rig;
  const PublicKey key = rig.make_key("kept");
  ASSERT_TRUE(rig.signs(key));
  rig.lock();
  EXPECT_EQ(rig.client().comments(), std::vector<std::string>{"kept comment"});
  EXPECT_FALSE(rig.signs(key)) << "no key is ready any more";
  EXPECT_EQ(rig.dialog_count(), 1U);
}

TEST(VaultLock, ComesThoughSomebodyLooks) {
  VaultRig rig(with_config("lock_after = \"1s\""));
  rig.make_key("kept");
  const bool locked = eventually([&] {
    rig.person().expect<control::Keys>(control::ListKeys());
    return rig.is_locked();
  });
  EXPECT_TRUE(locked) << "a list is no use";
}

TEST(VaultLock, ComesAfterTheTimeWithoutUse) {
  VaultRig rig(with_config("lock_after = \"2s\""));
  const PublicKey key = rig.make_key("kept");
  for (int i = 0; i < 12; ++i) {
    pause_for(milliseconds(250));
    ASSERT_TRUE(rig.signs(key)) << "use keeps it open";
  }
  pause_for(milliseconds(1500));
  EXPECT_TRUE(rig.daemon().logs("vault locked: it was not used"));
  EXPECT_EQ(rig.client().comments().size(), 1U);
  EXPECT_FALSE(rig.signs(key));
}

TEST(VaultLock, DoesNotComeBySshAddsKeysUse) {
  VaultRig rig(with_config("lock_after = \"1s\""));
  rig.make_key("kept");
  const TestKey& other = TestKey::any(KeyKind::ed25519);
  Client client = rig.client();
  ASSERT_TRUE(client.add(other));
  const bool locked = eventually([&] {
    EXPECT_TRUE(rig.signs(other.public_key()));
    return rig.daemon().logs("vault locked");
  });
  EXPECT_TRUE(locked) << "another key's use does not keep the vault open";
}

TEST(VaultLock, ComesWithSshAddX) {
  VaultRig rig;
  const PublicKey key = rig.make_key("kept");
  ASSERT_TRUE(rig.client().lock("agent lock"));
  ASSERT_TRUE(rig.client().unlock("agent lock"));
  EXPECT_TRUE(rig.is_locked());
  EXPECT_FALSE(rig.signs(key));
}

TEST(VaultLock, IsRefusedManagementWhileTheAgentIsLocked) {
  VaultRig rig;
  rig.make_key("kept");
  ASSERT_TRUE(rig.client().lock("agent lock"));
  EXPECT_NE(rig.unlock_with({std::string(vault_passphrase)}).find("ssh-add -X"), std::string::npos);
  EXPECT_NE(rig.person().failure(control::BackUp()), "");
}

TEST(VaultLock, ComesWithSigusr1AndKeepsTheVaultsKeysListed) {
  VaultRig rig;
  const PublicKey key = rig.make_key("kept");
  ASSERT_TRUE(rig.client().add(TestKey::any(KeyKind::ed25519), "from a file"));
  ASSERT_GT(rig.daemon().pid(), 1);
  kill(rig.daemon().pid(), SIGUSR1);
  EXPECT_TRUE(becomes_locked(rig));
  EXPECT_EQ(rig.client().comments(), std::vector<std::string>{"kept comment"});
  rig.answer_dialogs_with(vault_passphrase);
  EXPECT_TRUE(rig.signs(key));
}

TEST(VaultLock, ComesOnlyAsConfigured) {
  VaultRig rig(with_config("lock_on = []\nlock_after = \"0\""));
  const PublicKey key = rig.make_key("kept");
  ASSERT_TRUE(rig.client().lock("agent lock"));
  ASSERT_TRUE(rig.client().unlock("agent lock"));
  kill(rig.daemon().pid(), SIGUSR1);
  ASSERT_TRUE(rig.daemon().logs("removing all keys"));
  EXPECT_FALSE(rig.is_locked());
  EXPECT_TRUE(rig.signs(key));
}

TEST(VaultLock, EndsASecondAgentsWishForTheSameVault) {
  const TempDir data;
  VaultRig rig(TokenRig::Options{.sticks = 0, .data_home = data.path()});
  const PublicKey key = rig.make_key("kept");
  VaultRig second(TokenRig::Options{.sticks = 0, .data_home = data.path()});
  EXPECT_TRUE(second.daemon().logs("in use by another process"));
  EXPECT_TRUE(second.client().comments().empty());
  control::NewKey wish;
  wish.name = "more";
  wish.on = "vault";
  EXPECT_NE(second.person().failure(wish).find("in use by another process"), std::string::npos);
  EXPECT_TRUE(second.person().questions.empty());
  EXPECT_TRUE(rig.signs(key)) << "the first is not disturbed";
  EXPECT_NE(second.unlock_with({}).find("in use by another process"), std::string::npos);
  EXPECT_NE(second.person().failure(control::ListSlots()).find("in use by another process"), std::string::npos);
}

TEST(VaultLock, ComesWhenTheFileWasReplacedUnderTheAgent) {
  const TempDir data;
  VaultRig rig(TokenRig::Options{.sticks = 0, .data_home = data.path()});
  rig.make_key("kept");
  rig.make_key("more");
  const std::string file = rig.slots().path;
  const std::string copy = read_file(file);
  write_file(file + ".copy", copy);
  ASSERT_EQ(rename((file + ".copy").c_str(), file.c_str()), 0);
  control::NewKey wish;
  wish.name = "lost";
  wish.on = "vault";
  EXPECT_NE(rig.person().failure(wish).find("replaced"), std::string::npos) << "it would be in no file";
  EXPECT_TRUE(rig.is_locked());
  ASSERT_EQ(rig.unlock_with({std::string(vault_passphrase)}), "");
  wish.name = "found";
  EXPECT_EQ(rig.person().failure(wish), "");
  EXPECT_EQ(rig.client().comments().size(), 3U);
}

TEST(VaultLock, GoesToTheSecondAgentWhenTheFirstHasEnded) {
  const TempDir data;
  auto first = std::make_unique<VaultRig>(TokenRig::Options{.sticks = 0, .data_home = data.path()});
  const PublicKey key = first->make_key("kept");
  VaultRig second(TokenRig::Options{.sticks = 0, .data_home = data.path()});
  first.reset();
  EXPECT_EQ(second.unlock_with({std::string(vault_passphrase)}), "");
  EXPECT_TRUE(second.signs(key));
}

}  // namespace
}  // namespace fob
