// Backups, and what they are for.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "protocol/limits.h"
#include "tests/unit/agent/support.h"
#include "tests/unit/vault/support.h"

namespace fob {
namespace {

class VaultRestore : public VaultFixture {
 protected:
  /// A vault of so many keys, the last of them sealed, as a backup.
  Bytes backup_of(int keys) const {
    const std::string path = directory_.file("other/vault.db");
    std::filesystem::remove(path);
    VaultFile vault = open_vault(path);
    for (int i = 1; i < keys; ++i) vault.add(stored_key(i));
    if (keys > 0) vault.add(sealed_key(keys, key_), {recovery_slot(key_, recovery_secret(1))});
    return vault.image();
  }
  void put_backup(ByteView contents, unsigned mode = 0600) const {
    std::filesystem::remove(backup_);
    write_file(backup_, as_text(contents), mode);
  }
  std::string restore_refusal() const {
    try {
      VaultFile::restore(path_, backup_);
    } catch (const Error& error) {
      return coded(error.code(), error.what());
    }
    return "";
  }
  void expect_nothing_left() const {
    for (const char* end : {".new", ".new-journal", ".replaced-journal"}) EXPECT_FALSE(exists(path_ + end)) << end;
  }

  const std::string backup_ = directory_.file("backup");
  const std::string garbage_ = std::string(8192, 'x');
};

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

TEST_F(VaultRestore, ABackupIsAVaultThatAnySlotOpens) {
  VaultFile vault = open();
  vault.add(stored_key(1));
  vault.add(sealed_key(2, key_), {recovery_slot(key_, recovery_secret(1)), recovery_slot(key_, recovery_secret(2))});
  vault.remove("key1");
  const Bytes image = vault.image();
  vault.add(stored_key(3));
  std::filesystem::create_directories(directory_.file("copy"));
  write_file(directory_.file("copy/vault.db"), as_text(image));
  VaultFile copy = open_vault(directory_.file("copy/vault.db"), Create::no);
  ASSERT_EQ(copy.keys().size(), 1U);
  ASSERT_EQ(copy.slots().size(), 2U);
  for (int number = 1; number < 3; ++number) {
    const Keyslot slot = copy.slots().at(static_cast<std::size_t>(number) - 1);
    const auto key = VaultKey::unwrap(slot, RecoveryParameters::read(slot.parameters).key(recovery_secret(number)));
    ASSERT_TRUE(key.has_value());
    EXPECT_EQ(key->open(copy.keys().at(0)), secret_of(2));
  }
}

TEST_F(VaultRestore, PutsTheBackupInPlaceAndKeepsTheOther) {
  {
    VaultFile vault = open();
    vault.add(stored_key(1));
  }
  const std::string before = read_file(path_);
  const Bytes backup = backup_of(3);
  put_backup(backup, 0444);
  EXPECT_EQ(VaultFile::restore(path_, backup_), 3U);
  EXPECT_TRUE(read_file(path_) == as_text(backup));
  EXPECT_TRUE(read_file(path_ + ".replaced") == before);
  EXPECT_EQ(mode_of(path_), 0600U);
  EXPECT_EQ(mode_of(path_ + ".replaced"), 0600U);
  expect_nothing_left();
  VaultFile vault = open(Create::no);
  EXPECT_EQ(key_.open(vault.keys().at(2)), secret_of(3));
  vault.add(stored_key(7));
  EXPECT_TRUE(read_file(path_ + ".replaced") == before) << "they have nothing in common any more";
}

TEST_F(VaultRestore, MakesTheFileWhereThereIsNone) {
  put_backup(backup_of(2));
  EXPECT_EQ(VaultFile::restore(path_, backup_), 2U);
  EXPECT_EQ(keys_in(path_).size(), 2U);
  EXPECT_EQ(mode_of(directory_.file("data/fob")), 0700U);
  EXPECT_EQ(mode_of(path_), 0600U);
  EXPECT_FALSE(exists(path_ + ".replaced"));
  expect_nothing_left();
}

TEST_F(VaultRestore, ReplacesADamagedVault) {
  for (const std::string& damaged : {std::string(), std::string("garbage"), garbage_}) {
    open();
    write_file(path_, damaged);
    put_backup(backup_of(1));
    EXPECT_EQ(VaultFile::restore(path_, backup_), 1U);
    EXPECT_TRUE(read_file(path_ + ".replaced") == damaged);
    EXPECT_EQ(keys_in(path_).size(), 1U);
  }
}

TEST_F(VaultRestore, CanBeUndone) {
  open().add(stored_key(1));
  put_backup(backup_of(3));
  VaultFile::restore(path_, backup_);
  EXPECT_EQ(VaultFile::restore(path_, path_ + ".replaced"), 1U);
  EXPECT_EQ(keys_in(path_).size(), 1U);
  EXPECT_EQ(keys_in(path_ + ".replaced").size(), 3U);
}

TEST_F(VaultRestore, FinishesAChangeThatACrashInterruptedInTheOther) {
  open().add(stored_key(1));
  {
    Fork child([&]() noexcept -> int {
      sqlite::Database file = sqlite::Database::open(path_);
      file.run("PRAGMA cache_size = 1");
      file.run("PRAGMA cache_spill = 1");
      file.run("BEGIN EXCLUSIVE");
      file.run(
          "CREATE TABLE much AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99)"
          " SELECT randomblob(4000) FROM n");
      file.run("UPDATE keys SET name = 'x'");
      _exit(std::filesystem::file_size(path_ + "-journal") > 0 ? 0 : 1);
    });
    ASSERT_EQ(child.wait(), 0);
  }
  put_backup(backup_of(2));
  EXPECT_EQ(VaultFile::restore(path_, backup_), 2U);
  EXPECT_EQ(keys_in(path_).size(), 2U);
  EXPECT_EQ(keys_in(path_ + ".replaced"), std::vector{description(stored_key(1))});
}

TEST_F(VaultRestore, LeavesToPeopleAJournalThatCannotBePutBack) {
  open();
  write_file(path_, garbage_);
  std::filesystem::remove(path_ + "-journal");
  std::filesystem::create_directory(path_ + "-journal");
  put_backup(backup_of(1));
  EXPECT_NE(restore_refusal().find("move the file away"), std::string::npos) << restore_refusal();
  EXPECT_TRUE(read_file(path_) == garbage_);
  std::filesystem::remove(path_);
  std::filesystem::remove(path_ + "-journal");
  write_file(path_ + "-journal", "pages");
  EXPECT_NE(restore_refusal().find("without"), std::string::npos) << restore_refusal();
  EXPECT_FALSE(exists(path_));
  expect_nothing_left();
}

TEST_F(VaultRestore, BringsAnOldBackupUpToDate) {
  put_backup(as_bytes(read_file(FOB_TEST_DATA "/vault/version1.db")));
  const std::string before = read_file(backup_);
  EXPECT_EQ(VaultFile::restore(path_, backup_), 3U);
  EXPECT_TRUE(read_file(backup_) == before) << "the backup itself is left alone";
  EXPECT_EQ(open().keys().at(2).holder, StoredKey::Holder::pkcs11);
  expect_nothing_left();
}

TEST_F(VaultRestore, OfWhatIsNoSoundVaultChangesNothing) {
  open().add(stored_key(1));
  const std::string before = read_file(path_);
  const Bytes sound = backup_of(5);
  std::vector<Bytes> bad = {Bytes(), to_bytes(as_bytes("garbage")), Bytes(8192),
                            Bytes(sound.begin(), sound.end() - 4096)};
  for (std::size_t at = 4096; at < sound.size(); at += 997) {
    bad.push_back(sound);
    bad.back()[at] ^= 0x10;
  }
  int harmless = 0;
  for (const Bytes& contents : bad) {
    put_backup(contents);
    const std::string refusal = restore_refusal();
    if (refusal.empty()) {  // an unused byte
      EXPECT_EQ(keys_in(path_).size(), 5U);
      write_file(path_, before);
      ++harmless;
      continue;
    }
    EXPECT_EQ(refusal, coded(Errc::malformed, backup_ + " is damaged, or not a vault; nothing was replaced"));
    EXPECT_TRUE(read_file(path_) == before);
    expect_nothing_left();
  }
  EXPECT_LT(harmless, static_cast<int>(bad.size()));
  for (const char* sql : {"UPDATE keys SET name = 'x' WHERE id = 1", "UPDATE keyslots SET name = 'x'"}) {
    put_backup(sound);
    sqlite::Database::open(backup_).run(sql);
    EXPECT_NE(restore_refusal(), "") << sql;
    EXPECT_TRUE(read_file(path_) == before);
  }
  std::filesystem::remove(path_ + ".replaced");
  put_backup(as_bytes("garbage"));
  EXPECT_NE(restore_refusal(), "");
  EXPECT_FALSE(exists(path_ + ".replaced"));
}

TEST_F(VaultRestore, RefusesABackupOfANewerFob) {
  const std::string other = directory_.file("other/vault.db");
  backup_of(1);
  sqlite::Database::open(other).run("PRAGMA user_version = 3");
  write_file(backup_, read_file(other));
  EXPECT_NE(restore_refusal().find("written by a newer fob"), std::string::npos) << restore_refusal();
  EXPECT_FALSE(exists(path_));
}

TEST_F(VaultRestore, RefusesWhatIsNoFileOfTheUser) {
  EXPECT_NE(restore_refusal().find("cannot open the backup"), std::string::npos);
  std::filesystem::create_directory(backup_);
  EXPECT_NE(restore_refusal().find("not a regular file"), std::string::npos) << restore_refusal();
  std::filesystem::remove(backup_);
  ASSERT_EQ(mkfifo(backup_.c_str(), 0600), 0);
  EXPECT_NE(restore_refusal().find("not a regular file"), std::string::npos) << restore_refusal();
  put_backup(backup_of(1));
  write_file(backup_ + "-journal", "pages");
  EXPECT_NE(restore_refusal().find("use a backup that fob made"), std::string::npos) << restore_refusal();
  write_file(backup_ + "-journal", std::string(512, '\0'));
  EXPECT_EQ(restore_refusal(), "") << "a journal that is done with";
  std::filesystem::remove(path_);
  std::filesystem::remove(backup_ + "-journal");
  std::filesystem::resize_file(backup_, limits::vault_file_bytes + 1);
  EXPECT_EQ(restore_refusal().substr(0, 1), coded(Errc::too_large, "").substr(0, 1));
  put_backup(backup_of(1));
  if (geteuid() == 0) {
    ASSERT_EQ(chown(backup_.c_str(), 65534, 65534), 0);
    EXPECT_NE(restore_refusal().find("owned by user 65534"), std::string::npos) << restore_refusal();
  }
  EXPECT_FALSE(exists(path_));
}

TEST_F(VaultRestore, FollowsTheSameRulesForItsPlaceAsOpeningDoes) {
  put_backup(backup_of(1));
  open();
  chmod(path_.c_str(), 0644);
  EXPECT_NE(restore_refusal().find("chmod 600"), std::string::npos) << restore_refusal();
  std::filesystem::remove(path_);
  std::filesystem::create_symlink(directory_.file("elsewhere"), path_);
  EXPECT_NE(restore_refusal().find("symbolic link"), std::string::npos) << restore_refusal();
  std::filesystem::remove(path_);
  chmod(directory_.file("data/fob").c_str(), 0777);
  EXPECT_NE(restore_refusal().find("chmod 700"), std::string::npos) << restore_refusal();
  EXPECT_FALSE(exists(path_));
}

TEST_F(VaultRestore, WaitsForNobodyWhoUsesTheVault) {
  put_backup(backup_of(1));
  VaultFile vault = open();
  Fork other([&] { return error_of([&] { VaultFile::restore(path_, backup_); }) == Errc::refused ? 0 : 1; });
  EXPECT_EQ(other.wait(), 0);
  EXPECT_TRUE(vault.keys().empty());
  EXPECT_FALSE(exists(path_ + ".replaced"));
}

TEST_F(VaultRestore, WithoutRoomForItChangesNothing) {
  open().add(stored_key(1));
  const std::string before = read_file(path_);
  put_backup(backup_of(40));
  Fork child([&]() noexcept {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit wanted{40'000, 40'000};
    setrlimit(RLIMIT_FSIZE, &wanted);
    return error_of([&] { VaultFile::restore(path_, backup_); }) == Errc::system ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(read_file(path_) == before);
  expect_nothing_left();
}

TEST_F(VaultRestore, IsNotHeldUpByWhatAnInterruptedOneLeft) {
  open().add(stored_key(1));
  write_file(path_ + ".new", "half of a backup");
  write_file(path_ + ".new-journal", "its journal");
  put_backup(backup_of(2));
  EXPECT_EQ(VaultFile::restore(path_, backup_), 2U);
  expect_nothing_left();
}

TEST_F(VaultRestore, ThatIsKilledLeavesOneOfTheTwo) {
  put_backup(backup_of(3));
  open().add(stored_key(1));
  const std::string before = read_file(path_);
  const std::string after = read_file(backup_);
  const auto restore = [&]() noexcept -> int {
    VaultFile::restore(path_, backup_);
    return 0;
  };
  // How long a whole one takes here: the kills come all along that, and after.
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(Fork(restore).wait(), 0);
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  int done = 0;
  constexpr unsigned rounds = 200;
  for (unsigned round = 0; round < rounds; ++round) {
    write_file(path_, before);
    std::filesystem::remove(path_ + ".replaced");
    {
      const Fork child(restore);
      std::this_thread::sleep_for(2 * whole * round / rounds);
    }
    const std::string found = read_file(path_);
    ASSERT_TRUE(found == before || found == after) << round;
    ASSERT_TRUE(found == before || read_file(path_ + ".replaced") == before) << round;
    done += found == after;
  }
  EXPECT_GT(done, 0) << "kills came too early to tell";
}

}  // namespace
}  // namespace fob
