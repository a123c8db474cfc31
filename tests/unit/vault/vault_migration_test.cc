// The vault's file as version 1 had it: made by the fob of that time, which knew no vault key.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <set>

#include "tests/unit/agent/support.h"
#include "tests/unit/vault/support.h"

namespace fob {
namespace {

class VaultMigration : public VaultFixture {
 protected:
  VaultMigration() {
    std::filesystem::create_directories(directory_.file("data/fob"));
    put();
  }
  void put() const { write_file(path_, old_); }

  /// What is in the file that the old fob made.
  static std::vector<StoredKey> wanted() {
    StoredKey card = stored_key(4);
    Writer blob;
    blob.string(traits(KeyKind::ed25519).name).string(std::string(ed25519_public_bytes, '4'));
    card.public_key = PublicKey::parse(blob.bytes());
    card.name = "card";
    card.holder = StoredKey::Holder::pkcs11;
    card.key_handle = to_bytes(as_bytes("pkcs11:token=fob;object=card;type=private"));
    card.sk_flags = 0;
    card.provider = "/usr/lib/softhsm/libsofthsm2.so";
    return {stored_key(1), stored_key(3), card};
  }

  const std::string old_ = read_file(FOB_TEST_DATA "/vault/version1.db");
};

TEST_F(VaultMigration, KeepsEveryKey) {
  ASSERT_FALSE(old_.empty());
  std::vector<StoredKey> found = open(Create::no).keys();
  std::vector<StoredKey> wanted = VaultMigration::wanted();
  ASSERT_EQ(found.size(), wanted.size());
  std::set<StoredKey::Identity> identities;
  for (std::size_t i = 0; i < found.size(); ++i) {
    identities.insert(found[i].identity);
    wanted[i].identity = found[i].identity;
  }
  EXPECT_EQ(identities.size(), found.size());
  EXPECT_FALSE(identities.contains(StoredKey::Identity{}));
  EXPECT_EQ(descriptions(found), descriptions(wanted));
  EXPECT_TRUE(slots_in(path_).empty());
  EXPECT_EQ(keys_in(path_), descriptions(wanted)) << "it has happened once";
}

TEST_F(VaultMigration, LeavesAVaultLikeAnyOther) {
  VaultFile vault = open();
  vault.add(sealed_key(7, key_), {recovery_slot(key_, recovery_secret(1))});
  vault.remove("card");
  EXPECT_EQ(vault.keys().size(), 3U);
  EXPECT_EQ(vault.slots().size(), 1U);
}

TEST_F(VaultMigration, HappensWhollyOrNotAtAll) {
  int failed = 0;
  int done = 0;
  for (std::size_t size = old_.size(); size <= 2 * old_.size(); size += 4096) {
    put();
    Fork child([&]() noexcept -> int {
      signal(SIGXFSZ, SIG_IGN);
      const rlimit wanted{size, size};
      setrlimit(RLIMIT_FSIZE, &wanted);
      const std::optional<Errc> fault = error_of([&] { open(Create::no); });
      if (!fault) return 0;
      return fault == Errc::system ? 1 : 2;
    });
    const int status = child.wait();
    ASSERT_LE(status, 1) << size;
    (status == 1 ? failed : done)++;
    sqlite::Database file = sqlite::Database::open(path_);
    EXPECT_EQ(file.integer("PRAGMA user_version"), status == 1 ? 1 : 2) << size;
    EXPECT_EQ(file.integer("SELECT count(*) FROM keys"), 3) << size;
    EXPECT_EQ(file.integer("SELECT count(*) FROM pragma_table_info('keys')"), status == 1 ? 10 : 15) << size;
  }
  EXPECT_GT(failed, 0);
  EXPECT_GT(done, 0);
  put();
  EXPECT_EQ(keys_in(path_).size(), 3U) << "after all that";
}

TEST_F(VaultMigration, OfADamagedFileIsRefusedAsAWhole) {
  for (const char* sql :
       {"UPDATE keys SET name = 'x' WHERE id = 3", "UPDATE keys SET sk_flags = sk_flags + 256 WHERE id = 1",
        "UPDATE keys SET public_key = x'00' WHERE id = 1", "UPDATE keys SET digest = x''",
        "DELETE FROM keys WHERE id = 3", "DELETE FROM contents", "UPDATE contents SET key_count = 2",
        "UPDATE contents SET digest = x''", "ALTER TABLE keys ADD COLUMN more TEXT", "DROP TABLE keys",
        "CREATE TABLE keyslots (id)", "PRAGMA user_version = 2", "PRAGMA user_version = 0"}) {
    put();
    run_sql(sql);
    const std::string damaged = read_file(path_);
    EXPECT_EQ(refusal().substr(0, 2), coded(Errc::malformed, "").substr(0, 2)) << sql << refusal();
    EXPECT_EQ(read_file(path_), damaged) << sql << ": it was changed";
  }
}

}  // namespace
}  // namespace fob
