#include "agent/vault/vault_path.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/daemon/temp_dir.h"
#include "tests/unit/agent/support.h"
#include "tests/unit/vault/support.h"

namespace fob {
namespace {

class VaultPathTest : public VaultFixture {};

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

TEST_F(VaultPathTest, IsForItsUserOnly) {
  for (const mode_t mask : {0U, 0077U}) {
    std::filesystem::remove_all(directory_.file("data"));
    const mode_t before = umask(mask);
    VaultFile vault = open();
    vault.add(stored_key(1));
    umask(before);
    EXPECT_EQ(mode_of(directory_.file("data")), 0700U);
    EXPECT_EQ(mode_of(directory_.file("data/fob")), 0700U);
    EXPECT_EQ(mode_of(path_), 0600U);
    EXPECT_EQ(mode_of(path_ + "-journal"), 0600U);
    EXPECT_FALSE(exists(path_ + ".new"));
  }
}

TEST_F(VaultPathTest, RefusesFilesThatOthersCanReach) {
  open();
  for (const unsigned mode : {0640U, 0604U, 0660U, 0606U}) {
    chmod(path_.c_str(), mode);
    EXPECT_NE(refusal().find("chmod 600 " + path_), std::string::npos) << refusal();
    EXPECT_NE(refusal(Create::no).find("chmod 600 " + path_), std::string::npos);
  }
  chmod(path_.c_str(), 0600);
  for (const unsigned mode : {0720U, 0702U, 0777U}) {
    chmod(directory_.file("data/fob").c_str(), mode);
    EXPECT_NE(refusal().find("chmod 700 " + directory_.file("data/fob")), std::string::npos) << refusal();
  }
  chmod(directory_.file("data/fob").c_str(), 0755);
  EXPECT_EQ(refusal(), "");
}

TEST_F(VaultPathTest, RefusesAnotherUsersFiles) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  open();
  ASSERT_EQ(chown(path_.c_str(), 65534, 65534), 0);
  EXPECT_NE(refusal().find("owned by user 65534, wanted 0"), std::string::npos) << refusal();
  ASSERT_EQ(chown(path_.c_str(), 0, 0), 0);
  ASSERT_EQ(chown(directory_.file("data/fob").c_str(), 65534, 65534), 0);
  EXPECT_NE(refusal().find("owned by user 65534, wanted 0"), std::string::npos) << refusal();
}

TEST_F(VaultPathTest, IsARegularFile) {
  open();
  std::filesystem::rename(path_, path_ + ".real");
  std::filesystem::create_symlink(path_ + ".real", path_);
  EXPECT_NE(refusal().find("symbolic link"), std::string::npos) << refusal();
  std::filesystem::remove(path_);
  std::filesystem::create_symlink("nowhere", path_);
  EXPECT_NE(refusal().find("symbolic link"), std::string::npos) << refusal();
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_NE(refusal().find("not a regular file"), std::string::npos) << refusal();
  std::filesystem::remove(path_);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_NE(refusal().find("not a regular file"), std::string::npos) << refusal();
}

TEST_F(VaultPathTest, MayLieBelowASymbolicLink) {
  std::filesystem::create_directories(directory_.file("elsewhere"));
  std::filesystem::create_symlink(directory_.file("elsewhere"), directory_.file("data"));
  open().add(stored_key(1));
  EXPECT_EQ(keys_in(path_).size(), 1U);
  EXPECT_TRUE(exists(directory_.file("elsewhere/fob/vault.db")));
}

TEST_F(VaultPathTest, ThatIsGoneButForItsJournalIsNotMadeAnew) {
  open();
  std::filesystem::remove(path_);
  write_file(path_ + "-journal", "pages of the old one");
  EXPECT_NE(refusal().find("bring the file back"), std::string::npos) << refusal();
  EXPECT_FALSE(exists(path_));
}

TEST_F(VaultPathTest, IsMadeDespiteWhatAnInterruptedAttemptLeft) {
  std::filesystem::create_directories(directory_.file("data/fob"));
  write_file(path_ + ".new", std::string(100'000, 'x'));
  open().add(stored_key(1));
  EXPECT_EQ(keys_in(path_).size(), 1U);
  EXPECT_FALSE(exists(path_ + ".new"));
}

TEST_F(VaultPathTest, IsThatOfTheFileUntilItIsReplaced) {
  open();
  sqlite::Database file = sqlite::Database::open(path_);
  EXPECT_EQ(file.integer("SELECT count(*) FROM keys"), 0);
  EXPECT_TRUE(file.in_place());
  std::filesystem::copy_file(path_, path_ + ".copy");
  std::filesystem::rename(path_ + ".copy", path_);
  EXPECT_FALSE(file.in_place());
}

TEST(DefaultVaultPath, IsWhereDataBelongs) {
  const Variable home("HOME", "/home/alice");
  {
    const Variable data("XDG_DATA_HOME", "/data");
    EXPECT_EQ(default_vault_path(), "/data/fob/vault.db");
  }
  for (const char* value : {"", "relative", static_cast<const char*>(nullptr)}) {
    const Variable data("XDG_DATA_HOME", value);
    EXPECT_EQ(default_vault_path(), "/home/alice/.local/share/fob/vault.db");
  }
}

}  // namespace
}  // namespace fob
