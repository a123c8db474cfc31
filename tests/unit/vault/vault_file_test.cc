#include "agent/vault/vault_file.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "agent/vault/vault_rows.h"
#include "protocol/limits.h"
#include "tests/daemon/temp_dir.h"
#include "tests/unit/agent/support.h"
#include "tests/unit/vault/support.h"

namespace fob {
namespace {

class VaultFileTest : public VaultFixture {};

TEST_F(VaultFileTest, ThatIsMissingIsMadeOnDemandOnly) {
  EXPECT_FALSE(VaultFile::open(path_, Create::no).has_value());
  EXPECT_FALSE(exists(directory_.file("data"))) << "nothing was made";
  EXPECT_TRUE(open().keys().empty());
  EXPECT_TRUE(VaultFile::open(path_, Create::no).has_value());
}

TEST_F(VaultFileTest, GivesBackWhatWasAdded) {
  StoredKey odd = stored_key(2);
  odd.name = "A.b_c-D";
  odd.comment = std::string("line\nline \xff '\"; DROP TABLE keys; --") + '\0' + "after";
  odd.key_handle.clear();
  odd.token = "";
  odd.sk_flags = 0xff;
  odd.created = 0x7fffffffffffffff;
  odd.confirm = true;
  odd.services = {"github.com", "a", "github.com", std::string(256, 'x')};
  const StoredKey sealed = sealed_key(3, key_);
  const std::vector<std::string> wanted = {description(stored_key(1)), description(odd), description(sealed)};
  {
    VaultFile vault = open();
    vault.add(stored_key(1));
    vault.add(odd);
    vault.add(sealed, {recovery_slot(key_, recovery_secret(1))});
    EXPECT_EQ(descriptions(vault.keys()), wanted);
  }
  EXPECT_EQ(keys_in(path_), wanted);
}

TEST_F(VaultFileTest, RefusesANameOrAKeyThatIsThere) {
  VaultFile vault = open();
  vault.add(stored_key(1));
  StoredKey same_name = stored_key(2);
  same_name.name = "key1";
  EXPECT_EQ(error_of([&] { vault.add(same_name); }), Errc::refused);
  StoredKey same_key = stored_key(1);
  same_key.name = "other";
  try {
    vault.add(same_key);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::refused);
    EXPECT_NE(std::string_view(error.what()).find("under the name key1"), std::string_view::npos) << error.what();
  }
  StoredKey same_identity = stored_key(2);
  same_identity.identity = stored_key(1).identity;
  EXPECT_EQ(error_of([&] { vault.add(same_identity); }), Errc::refused);
  StoredKey other_case = stored_key(2);
  other_case.name = "KEY1";
  vault.add(other_case);
  EXPECT_EQ(descriptions(vault.keys()), (std::vector{description(stored_key(1)), description(other_case)}));
}

TEST_F(VaultFileTest, RefusesWhatIsTooLarge) {
  StoredKey key = stored_key(1);
  StoredKey late = stored_key(2);
  late.created = 0x8000000000000000;
  {
    VaultFile vault = open();
    key.key_handle = Bytes(limits::stored_key_bytes);
    EXPECT_EQ(error_of([&] { vault.add(key); }), Errc::too_large);
    StoredKey served = stored_key(3);
    served.services = std::vector<std::string>(limits::services + 1, "x");
    EXPECT_EQ(error_of([&] { vault.add(served); }), Errc::too_large);
    EXPECT_EQ(error_of([&] { vault.add(late); }), Errc::too_large);
    key.key_handle = Bytes(60 * 1024);
    vault.add(key);
  }
  EXPECT_EQ(keys_in(path_), std::vector{description(key)});
}

TEST_F(VaultFileTest, RemovesByName) {
  VaultFile vault = open();
  for (int i = 0; i < 5; ++i) vault.add(stored_key(i));
  vault.remove("key3");
  EXPECT_EQ(error_of([&] { vault.remove("key3"); }), Errc::not_found);
  EXPECT_EQ(error_of([&] { vault.remove("key"); }), Errc::not_found);
  vault.remove("key0");
  EXPECT_EQ(descriptions(vault.keys()), descriptions([&] {
              std::vector<StoredKey> out;
              for (const int i : {1, 2, 4}) out.push_back(stored_key(i));
              return out;
            }()));
  vault.add(stored_key(3));
  EXPECT_EQ(vault.keys().back().name, "key3") << "the name is free again";
}

TEST_F(VaultFileTest, ChangesWhatIsSaidOfAKeyAndNothingElse) {
  StoredKey changed = sealed_key(2, key_);
  {
    VaultFile vault = open();
    vault.add(stored_key(1));
    vault.add(sealed_key(2, key_), {recovery_slot(key_, recovery_secret(1))});
    vault.add(stored_key(3));
    changed.name = "renamed";
    changed.comment = "";
    changed.confirm = true;
    changed.services = {"github", "alice@host.example"};
    vault.change(sealed_key(2, key_).name, changed);
  }
  const std::vector<StoredKey> keys = open().keys();
  ASSERT_EQ(keys.size(), 3U);
  changed.sealed = keys[1].sealed;  // each sealing is another
  EXPECT_EQ(descriptions(keys),
            (std::vector{description(stored_key(1)), description(changed), description(stored_key(3))}));
  EXPECT_TRUE(key_.open(keys[1]) == secret_of(2)) << "the private key is bound to neither name nor comment";
}

TEST_F(VaultFileTest, RefusesToChangeWhatWouldClash) {
  VaultFile vault = open();
  vault.add(stored_key(1));
  vault.add(stored_key(2));
  StoredKey changed = stored_key(1);
  changed.name = "key2";
  EXPECT_EQ(error_of([&] { vault.change("key1", changed); }), Errc::refused);
  changed.name = "no name";
  EXPECT_EQ(error_of([&] { vault.change("key1", changed); }), Errc::malformed);
  changed.name = "free";
  EXPECT_EQ(error_of([&] { vault.change("key3", changed); }), Errc::not_found);
  changed.services = std::vector<std::string>(limits::services + 1, "x");
  EXPECT_EQ(error_of([&] { vault.change("key1", changed); }), Errc::too_large);
  EXPECT_EQ(descriptions(vault.keys()), (std::vector{description(stored_key(1)), description(stored_key(2))}));
}

TEST_F(VaultFileTest, LeavesNothingOfARemovedKeyInItsFiles) {
  VaultFile vault = open();
  for (int i = 0; i < 30; ++i) vault.add(stored_key(i));
  StoredKey marked = stored_key(30);
  marked.key_handle = to_bytes(as_bytes("the handle that is to vanish"));
  vault.add(marked);
  EXPECT_NE(read_file(path_).find("to vanish"), std::string::npos);
  vault.remove(marked.name);
  for (const std::string& path : {path_, path_ + "-journal"}) {
    EXPECT_EQ(read_file(path).find("to vanish"), std::string::npos) << path;
  }
}

TEST_F(VaultFileTest, BelongsToOneProcessAtATime) {
  {
    VaultFile vault = open();
    Fork other([&] { return error_of([&] { open(); }) == Errc::refused ? 0 : 1; });
    EXPECT_EQ(other.wait(), 0) << "before the first change";
    vault.add(stored_key(1));
    Fork another([&] { return error_of([&] { open(); }) == Errc::refused ? 0 : 1; });
    EXPECT_EQ(another.wait(), 0) << "and after it";
    vault.add(stored_key(2));
  }
  EXPECT_EQ(keys_in(path_).size(), 2U) << "it is free again";
}

TEST_F(VaultFileTest, SaysThatAnotherAgentUsesIt) {
  const VaultFile vault = open();
  EXPECT_EQ(refusal(), coded(Errc::refused, path_ + " is in use by another process: one agent at a time can use it"));
}

TEST_F(VaultFileTest, IsMadeOnceByAgentsThatStartTogether) {
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

TEST_F(VaultFileTest, OfANewerFobIsRefusedAndLeftAlone) {
  open().add(stored_key(1));
  run_sql("PRAGMA user_version = 3");
  const std::string before = read_file(path_);
  EXPECT_EQ(refusal(),
            coded(Errc::refused, path_ + " was written by a newer fob (version 3, this one knows 2): use that one"));
  EXPECT_EQ(read_file(path_), before);
}

TEST_F(VaultFileTest, IsNotAnotherProgramsDatabase) {
  std::filesystem::create_directories(directory_.file("data/fob"));
  write_file(path_, "");
  run_sql("CREATE TABLE t (c); INSERT INTO t VALUES (1)");
  EXPECT_EQ(refusal(), coded(Errc::malformed, path_ + " is not a vault of fob's; name another"));
}

TEST_F(VaultFileTest, WithOtherTablesIsRefused) {
  for (const char* sql : {"CREATE TABLE more (c)", "CREATE TRIGGER t AFTER DELETE ON keys BEGIN DELETE FROM keys; END",
                          "CREATE VIEW v AS SELECT 1", "DROP TABLE keys", "ALTER TABLE keys ADD COLUMN more TEXT"}) {
    open().add(stored_key(1));
    run_sql(sql);
    EXPECT_NE(refusal().find("its tables are not fob's"), std::string::npos) << sql << refusal();
    std::filesystem::remove(path_);
  }
}

TEST_F(VaultFileTest, GivesNoKeyThatSomebodyChanged) {
  for (const char* sql : {"UPDATE keys SET identity = x'00000000000000000000000000000000' WHERE id = 2",
                          "UPDATE keys SET identity = x'' WHERE id = 2",
                          "UPDATE keys SET name = 'x' WHERE id = 2",
                          "UPDATE keys SET comment = 'x' WHERE id = 2",
                          "UPDATE keys SET public_key = x'00' WHERE id = 2",
                          "UPDATE keys SET holder = 3 WHERE id = 2",
                          "UPDATE keys SET holder = holder + 256",
                          "UPDATE keys SET sealed = x'00' WHERE id = 2",
                          "UPDATE keys SET sealed = x'00' WHERE id = 3",
                          "UPDATE keys SET key_handle = (SELECT key_handle FROM keys WHERE id = 1) WHERE id = 2",
                          "UPDATE keys SET sk_flags = sk_flags + 256",
                          "UPDATE keys SET provider = '/x'",
                          "UPDATE keys SET token = ''",
                          "UPDATE keys SET created = created + 1",
                          "UPDATE keys SET created = -1",
                          "UPDATE keys SET confirm = 1 - confirm",
                          "UPDATE keys SET confirm = 2",
                          "UPDATE keys SET services = x'00000000' WHERE id = 3",
                          "UPDATE keys SET services = x''",
                          "UPDATE keys SET digest = x'00'",
                          "DELETE FROM keys WHERE id = 2",
                          "DELETE FROM keys",
                          "DELETE FROM contents",
                          "UPDATE contents SET key_count = 1",
                          "UPDATE contents SET key_count = -1",
                          "UPDATE contents SET key_digest = x''"}) {
    {
      VaultFile vault = open();
      vault.add(stored_key(1));
      vault.add(stored_key(2));
      vault.add(sealed_key(3, key_), {recovery_slot(key_, recovery_secret(1))});
    }
    run_sql(sql);
    VaultFile vault = open();
    EXPECT_EQ(error_of([&] { vault.keys(); }), Errc::malformed) << sql;
    std::filesystem::remove(path_);
  }
}

TEST_F(VaultFileTest, GivesNoSlotThatSomebodyChanged) {
  for (const char* sql :
       {"UPDATE keyslots SET id = 7 WHERE id = 2", "UPDATE keyslots SET id = id + 4294967296",
        "UPDATE keyslots SET kind = 1", "UPDATE keyslots SET kind = 5", "UPDATE keyslots SET kind = 258",
        "UPDATE keyslots SET name = 'x'", "UPDATE keyslots SET created = created + 1",
        "UPDATE keyslots SET parameters = x'00'", "UPDATE keyslots SET wrapped = x'00'",
        "UPDATE keyslots SET digest = x''", "DELETE FROM keyslots WHERE id = 1", "DELETE FROM keyslots",
        "DELETE FROM contents", "UPDATE contents SET slot_count = 1", "UPDATE contents SET slot_digest = key_digest"}) {
    {
      VaultFile vault = open();
      vault.add(sealed_key(1, key_),
                {recovery_slot(key_, recovery_secret(1)), recovery_slot(key_, recovery_secret(2))});
    }
    run_sql(sql);
    VaultFile vault = open();
    EXPECT_EQ(error_of([&] { vault.slots(); }), Errc::malformed) << sql;
    std::filesystem::remove(path_);
  }
}

TEST_F(VaultFileTest, RefusesAKeyThatDoesNotFitItsHolder) {
  VaultFile vault = open();
  const auto refuses = [&](int number, const std::function<void(StoredKey&)>& change) {
    StoredKey key = number < 10 ? stored_key(number) : sealed_key(number, key_);
    change(key);
    return error_of([&] { vault.add(key, {recovery_slot(key_, recovery_secret(1))}); }) == Errc::malformed;
  };
  EXPECT_TRUE(refuses(1, [](StoredKey& key) { key.holder = StoredKey::Holder::vault; }));
  EXPECT_TRUE(refuses(1, [](StoredKey& key) { key.holder = StoredKey::Holder::pkcs11; }));
  EXPECT_TRUE(refuses(1, [](StoredKey& key) { key.holder = StoredKey::Holder{4}; }));
  EXPECT_TRUE(refuses(1, [](StoredKey& key) { key.sealed = Bytes(40); }));
  EXPECT_TRUE(refuses(10, [](StoredKey& key) { key.holder = StoredKey::Holder::fido; }));
  EXPECT_TRUE(refuses(10, [](StoredKey& key) { key.holder = StoredKey::Holder::pkcs11; }));
  EXPECT_TRUE(refuses(10, [](StoredKey& key) { key.sealed.clear(); }));
  EXPECT_TRUE(refuses(10, [](StoredKey& key) { key.key_handle = Bytes(1); }));
  EXPECT_TRUE(refuses(10, [](StoredKey& key) { key.sk_flags = 1; }));
  EXPECT_TRUE(refuses(10, [](StoredKey& key) { key.services = {""}; }));
  EXPECT_TRUE(refuses(10, [](StoredKey& key) { key.services = {"line\nline"}; }));
  EXPECT_TRUE(vault.keys().empty());
  EXPECT_TRUE(vault.slots().empty());
  EXPECT_TRUE(refuses(10, [](StoredKey& key) { key.holder = StoredKey::Holder::pkcs11; }));
  StoredKey on_token = sealed_key(10, key_);
  on_token.holder = StoredKey::Holder::pkcs11;
  on_token.sealed.clear();
  on_token.key_handle = to_bytes(as_bytes("pkcs11:token=fob;object=card;type=private"));
  StoredKey both = on_token;
  both.sealed = Bytes(40);
  EXPECT_EQ(error_of([&] { vault.add(both); }), Errc::malformed);
  StoredKey nowhere = on_token;
  nowhere.key_handle.clear();
  EXPECT_EQ(error_of([&] { vault.add(nowhere); }), Errc::malformed);
  vault.add(on_token);
  EXPECT_EQ(descriptions(vault.keys()), std::vector{description(on_token)});
}

/// Puts `count` keys into a new file in one transaction: one by one would be as many waits for the disk.
void fill(const std::string& path, int count, const std::function<StoredKey(int)>& make) {
  open_vault(path);
  sqlite::Database file = sqlite::Database::open(path);
  sqlite::Transaction transaction(file);
  vault_schema::Contents contents;
  for (int i = 0; i < count; ++i) contents.keys.add(vault_rows::insert(file, make(i)));
  contents.write(file);
  transaction.commit();
}

TEST_F(VaultFileTest, GivesNoRowThatDoesNotFitThoughItsDigestDoes) {
  const auto refuses = [&](const std::function<void(StoredKey&)>& change) {
    std::filesystem::remove(path_);
    fill(path_, 1, [&](int) {
      StoredKey key = sealed_key(1, key_);
      change(key);
      return key;
    });
    return refusal().substr(0, 2) == coded(Errc::malformed, "").substr(0, 2);
  };
  EXPECT_FALSE(refuses([](StoredKey&) {}));
  EXPECT_TRUE(refuses([](StoredKey& key) { key.holder = StoredKey::Holder::fido; }));
  EXPECT_TRUE(refuses([](StoredKey& key) { key.key_handle = Bytes(1); }));
  EXPECT_TRUE(refuses([](StoredKey& key) { key.sealed = Bytes(limits::stored_key_bytes); }));
  EXPECT_TRUE(refuses([](StoredKey& key) { key.services = {"line\nline"}; }));
}

TEST_F(VaultFileTest, HoldsTenThousandKeys) {
  constexpr int many = 10'000;
  fill(path_, many, [&](int i) { return i % 2 == 0 ? stored_key(i) : sealed_key(i, key_); });
  VaultFile vault = open();
  const std::vector<StoredKey> found = vault.keys();
  ASSERT_EQ(found.size(), std::size_t{many});
  EXPECT_EQ(found[9998].name, "key9998");
  EXPECT_EQ(key_.open(found[9999]), secret_of(9999));
}

TEST_F(VaultFileTest, IsFullAtTheLimitOfKeys) {
  constexpr int most = limits::keys;
  fill(path_, most, stored_key);
  VaultFile vault = open();
  EXPECT_EQ(error_of([&] { vault.add(stored_key(most)); }), Errc::too_large);
  vault.remove("key7");
  vault.add(stored_key(most));
  EXPECT_EQ(vault.keys().size(), std::size_t{most});
}

TEST_F(VaultFileTest, NeverOutgrowsABackup) {
  const auto large = [](int number) {
    StoredKey out = stored_key(number);
    out.key_handle = Bytes(64'000, 'l');
    return out;
  };
  constexpr int many = 940;
  fill(path_, many, large);
  VaultFile vault = open();
  std::optional<Errc> fault;
  int added = many;
  while (!fault && added < 2 * many) {
    fault = error_of([&] { vault.add(large(added)); });
    if (!fault) ++added;
  }
  EXPECT_EQ(fault, Errc::too_large);
  EXPECT_EQ(vault.keys().size(), static_cast<std::size_t>(added));
  EXPECT_LE(vault.image().size(), limits::vault_file_bytes);
  EXPECT_GT(vault.image().size(), limits::vault_file_bytes - 2 * limits::stored_key_bytes);
}

TEST_F(VaultFileTest, HoldsMoreThanAPageOfKeys) {
  constexpr int many = 60;
  VaultFile vault = open();
  for (int i = 0; i < many; ++i) vault.add(stored_key(i));
  EXPECT_EQ(vault.keys().size(), std::size_t{many});
  for (int i = 0; i < many; i += 2) vault.remove("key" + std::to_string(i));
  EXPECT_EQ(vault.keys().size(), std::size_t{many} / 2);
}
}  // namespace
}  // namespace fob
