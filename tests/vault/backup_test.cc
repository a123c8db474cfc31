// Backup and restore: one file, which any slot opens.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/vault/vault_rig.h"

namespace fob {
namespace {

std::string back_up(VaultRig& rig) {
  const auto backup = rig.person().expect<control::BackedUp>(control::BackUp());
  EXPECT_EQ(backup.key_count, rig.client().comments().size());
  return std::string(as_text(backup.file));
}

TEST(VaultBackup, OpensWithEverySlot) {
  std::string image;
  std::string code;
  PublicKey key;
  {
    VaultRig rig;
    key = rig.make_key("kept");
    code = rig.recovery_code();
    image = back_up(rig);
  }
  VaultRig rig;
  const std::string file = rig.directory().file("backup");
  write_file(file, image);
  const auto keys = rig.person().expect<control::Keys>(control::Restore{file});
  ASSERT_EQ(keys.keys.size(), 1U);
  EXPECT_EQ(keys.keys[0].name, "kept");
  EXPECT_TRUE(keys.vault_locked);
  EXPECT_EQ(rig.client().comments(), std::vector<std::string>{"kept comment"});
  EXPECT_EQ(rig.unlock_with({std::string(vault_passphrase)}), "");
  EXPECT_TRUE(rig.signs(key));
  rig.lock();
  EXPECT_EQ(rig.unlock_with({code}), "");
  EXPECT_TRUE(rig.signs(key));
  rig.make_key("more");
  EXPECT_EQ(rig.client().comments().size(), 2U) << "it is a vault like any other";
}

TEST(VaultBackup, ReplacesKeysOnlyWhereToldTo) {
  VaultRig rig;
  const PublicKey first = rig.make_key("first");
  const std::string file = rig.directory().file("backup");
  write_file(file, back_up(rig));
  const PublicKey second = rig.make_key("second");
  EXPECT_NE(rig.person().failure(control::Restore{file}).find("--replace"), std::string::npos);
  EXPECT_TRUE(rig.signs(second));
  EXPECT_NE(rig.person().failure(control::Restore{file, true}), "") << "nobody opened the vault for it";
  EXPECT_TRUE(rig.signs(second));
  rig.person().will_type(std::string(vault_passphrase));
  rig.person().expect<control::Keys>(control::Restore{file, true});
  EXPECT_TRUE(rig.is_locked());
  EXPECT_EQ(rig.client().comments(), std::vector<std::string>{"first comment"});
  rig.answer_dialogs_with(vault_passphrase);
  EXPECT_TRUE(rig.signs(first));
  EXPECT_FALSE(rig.signs(second));
  // What was replaced is not lost.
  const std::string replaced = rig.slots().path + ".replaced";
  rig.person().will_type(std::string(vault_passphrase));
  rig.person().expect<control::Keys>(control::Restore{replaced, true});
  EXPECT_EQ(rig.client().comments().size(), 2U);
  EXPECT_TRUE(rig.signs(second));
}

TEST(VaultBackup, ThatIsNoneLeavesTheVaultAsItIs) {
  VaultRig rig;
  const PublicKey key = rig.make_key("kept");
  const std::string image = back_up(rig);
  const std::string file = rig.directory().file("backup");
  for (const std::string& bad : {std::string("not a vault"), std::string(), image.substr(0, image.size() / 2)}) {
    write_file(file, bad);
    rig.person().will_type(std::string(vault_passphrase));
    EXPECT_NE(rig.person().failure(control::Restore{file, true}), "");
    rig.answer_dialogs_with(vault_passphrase);
    EXPECT_TRUE(rig.signs(key));
  }
  for (const std::string& bad : {rig.directory().file("missing"), std::string("/dev/zero")}) {
    rig.person().will_type(std::string(vault_passphrase));
    EXPECT_NE(rig.person().failure(control::Restore{bad, true}), "");
  }
  rig.answer_dialogs_with(vault_passphrase);
  EXPECT_TRUE(rig.signs(key));
  rig.make_key("more");
}

TEST(VaultBackup, BringsBackADamagedVault) {
  const TempDir data;
  std::string image;
  PublicKey key;
  {
    VaultRig rig(TokenRig::Options{.sticks = 0, .data_home = data.path()});
    key = rig.make_key("kept");
    image = back_up(rig);
  }
  std::string damaged = image;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  damaged.resize(damaged.size() - 4096);
  write_file(data.file("fob/vault.db"), damaged);
  VaultRig rig(TokenRig::Options{.sticks = 0, .data_home = data.path()});
  EXPECT_TRUE(rig.daemon().logs("damaged"));
  EXPECT_NE(rig.unlock_with({}).find("damaged"), std::string::npos);
  const std::string file = rig.directory().file("backup");
  write_file(file, image);
  EXPECT_NE(rig.person().failure(control::Restore{file}).find("--replace"), std::string::npos);
  rig.person().expect<control::Keys>(control::Restore{file, true});
  rig.answer_dialogs_with(vault_passphrase);
  EXPECT_TRUE(rig.signs(key));
}

TEST(VaultBackup, OfNothingSaysSo) {
  VaultRig rig;
  EXPECT_NE(rig.person().failure(control::BackUp()).find("no vault yet"), std::string::npos);
}

TEST(VaultBackup, DoesNotTakeThePlaceOfAnotherAgentsVault) {
  const TempDir data;
  VaultRig rig(TokenRig::Options{.sticks = 0, .data_home = data.path()});
  const PublicKey key = rig.make_key("kept");
  VaultRig second(TokenRig::Options{.sticks = 0, .data_home = data.path()});
  const std::string file = second.directory().file("backup");
  write_file(file, back_up(rig));
  EXPECT_NE(second.person().failure(control::Restore{file, true}).find("in use"), std::string::npos);
  EXPECT_TRUE(rig.signs(key));
  rig.make_key("more");
}

}  // namespace
}  // namespace fob
