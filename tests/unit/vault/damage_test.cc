// What damaged files do to a vault: a clear error, or nothing; never a key that is missing, or a wrong one.
#include <gtest/gtest.h>

#include <filesystem>

#include "protocol/error.h"
#include "tests/daemon/temp_dir.h"
#include "tests/unit/agent/support.h"
#include "tests/unit/vault/damaged_vault.h"
#include "tests/unit/vault/support.h"

namespace fob {
namespace {

using Create = VaultFile::Create;

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t rounds = 2'500;

TEST_F(DamagedVault, ByAFlippedBitGivesNoWrongKey) {
  const std::string sound = read_file(path_);
  ASSERT_EQ(verdict_on(sound), "");
  for (std::size_t round = 0; round < rounds; ++round) {
    std::string damaged = sound;
    const std::size_t at = below(sound.size());
    flip(damaged, at);
    ASSERT_EQ(verdict_on(damaged), "") << "seed " << seed_ << ", round " << round << ", byte " << at;
  }
  EXPECT_LT(harmless_, rounds) << "some must hit what is in use";
}

TEST_F(DamagedVault, BySomeFlippedBitsInHeadsOfPagesGivesNoWrongKey) {
  const std::string sound = read_file(path_);
  for (std::size_t round = 0; round < rounds; ++round) {
    std::string damaged = sound;
    const std::size_t page = below(sound.size() / page_bytes) * page_bytes;
    for (std::size_t i = 0; i <= round % 4; ++i) flip(damaged, page + below(120));
    ASSERT_EQ(verdict_on(damaged), "") << "seed " << seed_ << ", round " << round << ", page at " << page;
  }
}

TEST_F(DamagedVault, ByFlippedBytesEverywhereGivesNoWrongKey) {
  const std::string sound = read_file(path_);
  for (std::size_t round = 0; round < rounds; ++round) {
    std::string damaged = sound;
    for (std::size_t i = 0; i < 2 + round % 30; ++i) flip(damaged, below(sound.size()));
    ASSERT_EQ(verdict_on(damaged), "") << "seed " << seed_ << ", round " << round;
  }
}

TEST_F(DamagedVault, ByTruncationGivesNoFewerKeys) {
  const std::string sound = read_file(path_);
  std::vector<std::size_t> sizes = {0, 1, 99, 100, 512, page_bytes - 1, sound.size() - 1};
  for (std::size_t size = page_bytes; size < sound.size(); size += page_bytes) sizes.push_back(size);
  while (sizes.size() < 1'500) sizes.push_back(below(sound.size()));
  for (const std::size_t size : sizes) {
    harmless_ = 0;
    ASSERT_EQ(verdict_on(sound.substr(0, size)), "") << "seed " << seed_ << ", " << size << " bytes";
    EXPECT_TRUE(harmless_ == 0 || size > sound.size() - page_bytes) << "only the last page may be partly unused";
  }
}

TEST_F(DamagedVault, ByWhatWasAppendedGivesNoWrongKey) {
  const std::string sound = read_file(path_);
  for (std::size_t round = 0; round < 200; ++round) {
    ASSERT_EQ(verdict_on(sound + sound.substr(below(sound.size()), 1 + below(2 * page_bytes))), "")
        << "seed " << seed_ << ", round " << round;
  }
}

TEST_F(DamagedVault, ByOverwrittenPagesGivesNoWrongKey) {
  const std::string sound = read_file(path_);
  for (std::size_t to = 0; to < sound.size(); to += page_bytes) {
    for (std::size_t from = 0; from < sound.size(); from += page_bytes) {
      std::string damaged = sound;
      damaged.replace(to, page_bytes, sound, from, page_bytes);
      ASSERT_EQ(verdict_on(damaged), "") << "page at " << from << " written to " << to;
    }
    std::string zeroed = sound;
    zeroed.replace(to, page_bytes, page_bytes, '\0');
    ASSERT_EQ(verdict_on(zeroed), "") << "page of zeros at " << to;
  }
}

TEST_F(DamagedVault, ByAnIndexThatNamesAnotherRowIsRefused) {
  // An entry of the index of names: a head that says "text of four bytes, a byte", the name, the row's number.
  const std::string entry = std::string("\x03\x15\x01", 3) + "key8";
  std::string damaged = read_file(path_);
  const std::size_t at = damaged.find(entry);
  ASSERT_NE(at, std::string::npos);
  const char sound = damaged[at + entry.size()];
  for (char other = 1; other < 40; ++other) {
    damaged[at + entry.size()] = other;
    harmless_ = 0;
    ASSERT_EQ(verdict_on(damaged), "");
    EXPECT_EQ(harmless_ == 1, other == sound);
  }
}

TEST_F(DamagedVault, OfGarbageIsRefused) {
  for (const std::size_t size : {1U, 16U, 100U, 4096U, 100'000U}) {
    std::string garbage(size, '\0');
    for (char& c : garbage) c = static_cast<char>(below(256));
    ASSERT_EQ(verdict_on(garbage), "");
    ASSERT_EQ(verdict_on("SQLite format 3" + garbage), "");
  }
  EXPECT_EQ(harmless_, 0U);
}

TEST_F(DamagedVault, OfTheFirstVersionIsMigratedRightlyOrNotAtAll) {
  const std::string sound = read_file(FOB_TEST_DATA "/vault/version1.db");
  const auto known = [](const std::vector<StoredKey>& keys) {
    std::vector<StoredKey> out = keys;
    for (StoredKey& key : out) key.identity = {};
    return descriptions(out);
  };
  write_file(path_, sound);
  const std::vector<std::string> wanted = known(open_vault(path_, Create::no).keys());
  ASSERT_EQ(wanted.size(), 3U);
  for (std::size_t round = 0; round < 1'000; ++round) {
    std::string damaged = sound;
    if (round % 5 == 0) damaged.resize(below(sound.size()));
    if (round % 5 != 0) flip(damaged, below(sound.size()));
    std::filesystem::remove(path_ + "-journal");
    write_file(path_, damaged);
    try {
      ASSERT_EQ(known(open_vault(path_, Create::no).keys()), wanted) << "seed " << seed_ << ", round " << round;
    } catch (const Error& error) {
      ASSERT_TRUE(error.code() == Errc::malformed || error.code() == Errc::refused) << error.what();
      ASSERT_NE(std::string_view(error.what()).find(path_), std::string_view::npos) << error.what();
    }
  }
}

/// Beside a journal that has to be rolled back, as a kill in the middle of a change leaves it.
class DamagedJournal : public DamagedVault {
 protected:
  DamagedJournal() {
    sqlite::Database database = sqlite::Database::open(path_);
    for (const char* sql : {"PRAGMA journal_mode = TRUNCATE", "PRAGMA cache_size = 5", "BEGIN EXCLUSIVE",
                            "UPDATE keys SET comment = 'wrong'", "UPDATE keyslots SET name = 'wrong'",
                            "DELETE FROM keys WHERE id % 2 = 0", "CREATE TABLE filling (b)"}) {
      database.run(sql);
    }
    for (int i = 0; i < 50; ++i) database.run("INSERT INTO filling VALUES (randomblob(4000))");
    changed_ = read_file(path_);
    journal_ = read_file(path_ + "-journal");
    database.run("ROLLBACK");
  }

  std::string verdict_beside(const std::string& journal) {
    write_file(path_, changed_);
    write_file(path_ + "-journal", journal);
    return verdict();
  }

  std::string changed_;
  std::string journal_;
};

TEST_F(DamagedJournal, ThatIsSoundGivesBackWhatWasThere) {
  ASSERT_GT(journal_.size(), page_bytes);
  EXPECT_EQ(verdict_beside(journal_), "");
  EXPECT_EQ(harmless_, 1U);
}

TEST_F(DamagedJournal, ByFlippedBitsGivesNoWrongKey) {
  for (std::size_t round = 0; round < 700; ++round) {
    std::string damaged = journal_;
    const std::size_t at = round % 4 == 0 ? below(40) : below(damaged.size());
    flip(damaged, at);
    ASSERT_EQ(verdict_beside(damaged), "") << "seed " << seed_ << ", round " << round << ", byte " << at;
  }
}

TEST_F(DamagedJournal, ByTruncationGivesNoWrongKey) {
  for (std::size_t round = 0; round < 300; ++round) {
    const std::size_t size = below(journal_.size());
    ASSERT_EQ(verdict_beside(journal_.substr(0, size)), "") << "seed " << seed_ << ", " << size << " bytes";
  }
}

}  // namespace
}  // namespace fob
