#include "agent/store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "protocol/limits.h"
#include "tests/daemon/temp_dir.h"
#include "tests/unit/agent/store_support.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

using Create = Store::Create;

class StoreTest : public testing::Test {
 protected:
  Store open(Create create = Create::yes) const { return open_store(path_, create); }
  /// The Error of opening, as "code: text"; empty: none.
  std::string refusal(Create create = Create::yes) const {
    try {
      Store::open(path_, create);
    } catch (const Error& error) {
      return std::to_string(static_cast<int>(error.code())) + ": " + error.what();
    }
    return "";
  }
  static std::string coded(Errc code, const std::string& text) {
    return std::to_string(static_cast<int>(code)) + ": " + text;
  }
  /// Runs SQL in the file, as somebody with another tool would.
  void run_sql(const std::string& sql) const { sqlite::Database::open(path_).run(sql); }

  const TempDir directory_;
  const std::string path_ = directory_.file("data/fob/vault.db");
};

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

TEST_F(StoreTest, ThatIsMissingIsMadeOnDemandOnly) {
  EXPECT_FALSE(Store::open(path_, Create::no).has_value());
  EXPECT_FALSE(exists(directory_.file("data"))) << "nothing was made";
  EXPECT_TRUE(open().keys().empty());
  EXPECT_TRUE(Store::open(path_, Create::no).has_value());
}

TEST_F(StoreTest, IsForItsUserOnly) {
  for (const mode_t mask : {0U, 0077U}) {
    std::filesystem::remove_all(directory_.file("data"));
    const mode_t before = umask(mask);
    Store store = open();
    store.add(stored_key(1));
    umask(before);
    EXPECT_EQ(mode_of(directory_.file("data")), 0700U);
    EXPECT_EQ(mode_of(directory_.file("data/fob")), 0700U);
    EXPECT_EQ(mode_of(path_), 0600U);
    EXPECT_EQ(mode_of(path_ + "-journal"), 0600U);
    EXPECT_FALSE(exists(path_ + ".new"));
  }
}

TEST_F(StoreTest, GivesBackWhatWasAdded) {
  StoredKey odd = stored_key(2);
  odd.name = "A.b_c-D";
  odd.comment = std::string("line\nline \xff '\"; DROP TABLE keys; --") + '\0' + "after";
  odd.key_handle.clear();
  odd.token = "";
  odd.sk_flags = 0xff;
  odd.created = 0x7fffffffffffffff;
  const std::vector<std::string> wanted = {description(stored_key(1)), description(odd), description(stored_key(3))};
  {
    Store store = open();
    store.add(stored_key(1));
    store.add(odd);
    store.add(stored_key(3));
    EXPECT_EQ(descriptions(store.keys()), wanted);
  }
  EXPECT_EQ(keys_in(path_), wanted);
}

TEST_F(StoreTest, RefusesANameOrAKeyThatIsThere) {
  Store store = open();
  store.add(stored_key(1));
  StoredKey same_name = stored_key(2);
  same_name.name = "key1";
  EXPECT_EQ(error_of([&] { store.add(same_name); }), Errc::refused);
  StoredKey same_key = stored_key(1);
  same_key.name = "other";
  try {
    store.add(same_key);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::refused);
    EXPECT_NE(std::string_view(error.what()).find("under the name key1"), std::string_view::npos) << error.what();
  }
  StoredKey other_case = stored_key(2);
  other_case.name = "KEY1";
  store.add(other_case);
  EXPECT_EQ(descriptions(store.keys()), (std::vector{description(stored_key(1)), description(other_case)}));
}

TEST_F(StoreTest, RefusesWhatIsTooLarge) {
  StoredKey key = stored_key(1);
  StoredKey late = stored_key(2);
  late.created = 0x8000000000000000;
  {
    Store store = open();
    key.key_handle = Bytes(64 * 1024);
    EXPECT_EQ(error_of([&] { store.add(key); }), Errc::too_large);
    EXPECT_EQ(error_of([&] { store.add(late); }), Errc::too_large);
    key.key_handle = Bytes(60 * 1024);
    store.add(key);
  }
  EXPECT_EQ(keys_in(path_), std::vector{description(key)});
}

TEST_F(StoreTest, RemovesByName) {
  Store store = open();
  for (int i = 0; i < 5; ++i) store.add(stored_key(i));
  store.remove("key3");
  EXPECT_EQ(error_of([&] { store.remove("key3"); }), Errc::not_found);
  EXPECT_EQ(error_of([&] { store.remove("key"); }), Errc::not_found);
  store.remove("key0");
  EXPECT_EQ(descriptions(store.keys()), descriptions([&] {
              std::vector<StoredKey> out;
              for (const int i : {1, 2, 4}) out.push_back(stored_key(i));
              return out;
            }()));
  store.add(stored_key(3));
  EXPECT_EQ(store.keys().back().name, "key3") << "the name is free again";
}

TEST_F(StoreTest, LeavesNothingOfARemovedKeyInItsFiles) {
  Store store = open();
  for (int i = 0; i < 30; ++i) store.add(stored_key(i));
  StoredKey marked = stored_key(30);
  marked.key_handle = to_bytes(as_bytes("the handle that is to vanish"));
  store.add(marked);
  EXPECT_NE(read_file(path_).find("to vanish"), std::string::npos);
  store.remove(marked.name);
  for (const std::string& path : {path_, path_ + "-journal"}) {
    EXPECT_EQ(read_file(path).find("to vanish"), std::string::npos) << path;
  }
}

TEST_F(StoreTest, BelongsToOneProcessAtATime) {
  {
    Store store = open();
    Fork other([&] { return error_of([&] { open(); }) == Errc::refused ? 0 : 1; });
    EXPECT_EQ(other.wait(), 0) << "before the first change";
    store.add(stored_key(1));
    Fork another([&] { return error_of([&] { open(); }) == Errc::refused ? 0 : 1; });
    EXPECT_EQ(another.wait(), 0) << "and after it";
    store.add(stored_key(2));
  }
  EXPECT_EQ(keys_in(path_).size(), 2U) << "it is free again";
}

TEST_F(StoreTest, SaysThatAnotherAgentUsesIt) {
  const Store store = open();
  EXPECT_EQ(refusal(), coded(Errc::refused, path_ + " is in use by another process: one agent at a time can use it"));
}

TEST_F(StoreTest, IsMadeOnceByAgentsThatStartTogether) {
  for (int round = 0; round < 5; ++round) {
    std::filesystem::remove_all(directory_.file("data"));
    const auto work = [&](int number) {
      return [this, number] {
        for (int attempt = 0; attempt < 1000; ++attempt) {
          if (!error_of([&] { open().add(stored_key(number)); })) return 0;
          usleep(100);
        }
        return 1;
      };
    };
    Fork first(work(1));
    Fork second(work(2));
    EXPECT_EQ(first.wait(), 0);
    EXPECT_EQ(second.wait(), 0);
    EXPECT_EQ(keys_in(path_).size(), 2U);
  }
}

TEST_F(StoreTest, OfANewerFobIsRefusedAndLeftAlone) {
  open().add(stored_key(1));
  run_sql("PRAGMA user_version = 2");
  const std::string before = read_file(path_);
  EXPECT_EQ(refusal(),
            coded(Errc::refused, path_ + " was written by a newer fob (version 2, this one knows 1): use that one"));
  EXPECT_EQ(read_file(path_), before);
}

TEST_F(StoreTest, IsNotAnotherProgramsDatabase) {
  std::filesystem::create_directories(directory_.file("data/fob"));
  write_file(path_, "");
  run_sql("CREATE TABLE t (c); INSERT INTO t VALUES (1)");
  EXPECT_EQ(refusal(), coded(Errc::malformed, path_ + " is not a store of fob's; name another"));
}

TEST_F(StoreTest, WithOtherTablesIsRefused) {
  for (const char* sql : {"CREATE TABLE more (c)", "CREATE TRIGGER t AFTER DELETE ON keys BEGIN DELETE FROM keys; END",
                          "CREATE VIEW v AS SELECT 1", "DROP TABLE keys", "ALTER TABLE keys ADD COLUMN more TEXT"}) {
    open().add(stored_key(1));
    run_sql(sql);
    EXPECT_NE(refusal().find("its tables are not fob's"), std::string::npos) << sql << refusal();
    std::filesystem::remove(path_);
  }
}

TEST_F(StoreTest, GivesNoKeyThatSomebodyChanged) {
  for (const char* sql :
       {"UPDATE keys SET name = 'x' WHERE id = 2", "UPDATE keys SET comment = 'x' WHERE id = 2",
        "UPDATE keys SET key_handle = (SELECT key_handle FROM keys WHERE id = 1) WHERE id = 2",
        "UPDATE keys SET sk_flags = sk_flags + 256", "UPDATE keys SET provider = '/x'", "UPDATE keys SET token = ''",
        "UPDATE keys SET created = created + 1", "UPDATE keys SET digest = x'00'", "DELETE FROM keys WHERE id = 2",
        "DELETE FROM keys", "DELETE FROM contents", "UPDATE contents SET key_count = 1",
        "UPDATE contents SET digest = x''"}) {
    {
      Store store = open();
      store.add(stored_key(1));
      store.add(stored_key(2));
    }
    run_sql(sql);
    Store store = open();
    EXPECT_EQ(error_of([&] { store.keys(); }), Errc::malformed) << sql;
    std::filesystem::remove(path_);
  }
}

TEST_F(StoreTest, RefusesFilesThatOthersCanReach) {
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

TEST_F(StoreTest, RefusesAnotherUsersFiles) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  open();
  ASSERT_EQ(chown(path_.c_str(), 65534, 65534), 0);
  EXPECT_NE(refusal().find("owned by user 65534, wanted 0"), std::string::npos) << refusal();
  ASSERT_EQ(chown(path_.c_str(), 0, 0), 0);
  ASSERT_EQ(chown(directory_.file("data/fob").c_str(), 65534, 65534), 0);
  EXPECT_NE(refusal().find("owned by user 65534, wanted 0"), std::string::npos) << refusal();
}

TEST_F(StoreTest, IsARegularFile) {
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

TEST_F(StoreTest, MayLieBelowASymbolicLink) {
  std::filesystem::create_directories(directory_.file("elsewhere"));
  std::filesystem::create_symlink(directory_.file("elsewhere"), directory_.file("data"));
  open().add(stored_key(1));
  EXPECT_EQ(keys_in(path_).size(), 1U);
  EXPECT_TRUE(exists(directory_.file("elsewhere/fob/vault.db")));
}

TEST_F(StoreTest, ThatIsGoneButForItsJournalIsNotMadeAnew) {
  open();
  std::filesystem::remove(path_);
  write_file(path_ + "-journal", "pages of the old one");
  EXPECT_NE(refusal().find("bring the file back"), std::string::npos) << refusal();
  EXPECT_FALSE(exists(path_));
}

TEST_F(StoreTest, IsMadeDespiteWhatAnInterruptedAttemptLeft) {
  std::filesystem::create_directories(directory_.file("data/fob"));
  write_file(path_ + ".new", std::string(100'000, 'x'));
  open().add(stored_key(1));
  EXPECT_EQ(keys_in(path_).size(), 1U);
  EXPECT_FALSE(exists(path_ + ".new"));
}

TEST_F(StoreTest, HoldsMoreThanAPageOfKeys) {
  constexpr int many = 60;
  Store store = open();
  for (int i = 0; i < many; ++i) store.add(stored_key(i));
  EXPECT_EQ(store.keys().size(), std::size_t{many});
  for (int i = 0; i < many; i += 2) store.remove("key" + std::to_string(i));
  EXPECT_EQ(store.keys().size(), std::size_t{many} / 2);
}

TEST(DefaultStorePath, IsWhereDataBelongs) {
  const Variable home("HOME", "/home/alice");
  {
    const Variable data("XDG_DATA_HOME", "/data");
    EXPECT_EQ(default_store_path(), "/data/fob/vault.db");
  }
  for (const char* value : {"", "relative", static_cast<const char*>(nullptr)}) {
    const Variable data("XDG_DATA_HOME", value);
    EXPECT_EQ(default_store_path(), "/home/alice/.local/share/fob/vault.db");
  }
}

}  // namespace
}  // namespace fob
