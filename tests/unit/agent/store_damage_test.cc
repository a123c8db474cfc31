// What crashes, full disks and damaged files do to a store: no key is lost, none is wrong, and each fault is told.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <random>

#include "agent/store.h"
#include "tests/daemon/temp_dir.h"
#include "tests/unit/agent/store_support.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

using Create = Store::Create;

/// What a process told through a pipe before it ended.
class Reports {
 public:
  Reports() {
    if (pipe2(ends_.data(), O_CLOEXEC) != 0) throw_system_error("pipe", errno);
  }
  ~Reports() {
    close(ends_[0]);
    close_writing();
  }
  Reports(const Reports&) = delete;
  Reports& operator=(const Reports&) = delete;

  void write_byte() {
    const char byte = 1;
    if (write(ends_[1], &byte, 1) != 1) _exit(1);
  }
  /// How many bytes were written, once nobody writes any more.
  int count() {
    close_writing();
    int out = 0;
    std::array<char, 256> buffer{};
    for (ssize_t got = 0; (got = read(ends_[0], buffer.data(), buffer.size())) > 0;) out += static_cast<int>(got);
    return out;
  }

 private:
  void close_writing() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

  std::array<int, 2> ends_{-1, -1};
};

/// In memory where that can be had: thousands of writes that wait for a disk would take minutes.
class QuickDir {
 public:
  QuickDir() : path_(exists("/dev/shm") ? "/dev/shm/fobt.XXXXXX" : "/tmp/fobt.XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) throw_system_error("mkdtemp", errno);
  }
  ~QuickDir() { std::filesystem::remove_all(path_); }
  QuickDir(const QuickDir&) = delete;
  QuickDir& operator=(const QuickDir&) = delete;

  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class StoreDamage : public testing::Test {
 protected:
  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

  /// A process that adds keys from `first` on, removing every third again, and reports each change that was made.
  /// Killed after `microseconds`.
  int changes_before_kill(int first, unsigned microseconds) {
    Reports reports;
    {
      const Fork writer([&]() noexcept -> int {
        Store store = open_store(path_, Create::yes);
        for (int i = first;; ++i) {
          store.add(stored_key(i));
          reports.write_byte();
          if (i % 3 != 0) continue;
          store.remove("key" + std::to_string(i));
          reports.write_byte();
        }
      });
      usleep(microseconds);
    }
    return reports.count();
  }

  const unsigned seed_ = std::random_device()();
  std::mt19937 random_{seed_};
  const QuickDir directory_;
  const std::string path_ = directory_.file("fob/vault.db");
};

/// The keys after so many changes as changes_before_kill makes them.
std::vector<std::string> keys_after(int first, int changes) {
  std::vector<std::string> out;
  for (int i = first; changes > 0; ++i) {
    out.push_back(description(stored_key(i)));
    --changes;
    if (i % 3 != 0 || changes == 0) continue;
    out.pop_back();
    --changes;
  }
  return out;
}

TEST_F(StoreDamage, ByAKillLosesNothingThatWasAdded) {
  constexpr int rounds = 300;
  int total = 0;
  for (int round = 0; round < rounds; ++round) {
    const int done = changes_before_kill(1, static_cast<unsigned>(below(8'000)));
    total += done;
    const std::optional<Store> store = Store::open(path_, Create::no);
    if (!store && done == 0) continue;
    ASSERT_TRUE(store.has_value());
    const std::vector<std::string> found = descriptions(const_cast<Store&>(*store).keys());
    // The change during which it was killed may be there or not.
    ASSERT_TRUE(found == keys_after(1, done) || found == keys_after(1, done + 1))
        << "round " << round << ": " << found.size() << " keys after " << done << " changes";
    std::filesystem::remove_all(directory_.file("fob"));
  }
  EXPECT_GT(total, rounds) << "kills came too early to tell";
}

TEST_F(StoreDamage, ByKillsOneAfterTheOtherAddsUp) {
  std::size_t least = 0;
  for (int round = 0; round < 100; ++round) {
    Reports reports;
    {
      const Fork writer([&]() noexcept -> int {
        Store store = open_store(path_, Create::yes);
        for (int i = static_cast<int>(store.keys().size());; ++i) {
          store.add(stored_key(i));
          reports.write_byte();
        }
      });
      usleep(static_cast<unsigned>(below(8'000)));
    }
    least += static_cast<std::size_t>(reports.count());
    const std::optional<Store> store = Store::open(path_, Create::no);
    if (!store) continue;
    const std::size_t found = const_cast<Store&>(*store).keys().size();
    ASSERT_GE(found, least);
    ASSERT_LE(found, least + 1);
    least = found;
  }
}

/// Adds keys until that fails, in a process of its own; 0 if it failed as it should and the store goes on.
int fill_up(const std::string& path) {
  std::vector<std::string> added;
  Store store = open_store(path, Create::yes);
  std::optional<Errc> fault;
  for (int i = 0; i < 10'000 && !fault; ++i) {
    fault = error_of([&] { store.add(stored_key(i)); });
    if (!fault) added.push_back(description(stored_key(i)));
  }
  if (fault != Errc::system) return 1;
  if (added.empty() || descriptions(store.keys()) != added) return 2;
  // Where only a little is missing another attempt may find room, but nothing may be half there.
  store.remove("key0");
  added.erase(added.begin());
  return descriptions(store.keys()) == added ? 0 : 3;
}

TEST_F(StoreDamage, ByAFileSizeLimitIsToldAndUndone) {
  open_store(path_, Create::yes);
  for (const rlim_t limit : {40'000U, 50'001U, 64'000U, 100'000U}) {
    Fork child([&]() noexcept {
      signal(SIGXFSZ, SIG_IGN);
      const rlimit wanted{limit, limit};
      setrlimit(RLIMIT_FSIZE, &wanted);
      return fill_up(path_);
    });
    EXPECT_EQ(child.wait(), 0) << limit;
    EXPECT_GT(keys_in(path_).size(), 10U);
    std::filesystem::remove(path_);
  }
}

TEST_F(StoreDamage, ByAFullDiskIsToldAndUndone) {
  constexpr int no_mounts = 77;
  std::filesystem::create_directory(directory_.file("fob"));
  for (const char* size : {"size=64k", "size=96k", "size=100k", "size=256k"}) {
    Fork child([&]() noexcept {
      if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return no_mounts;
      const std::string options = std::string(size) + ",mode=0700";
      if (mount("none", directory_.file("fob").c_str(), "tmpfs", 0, options.c_str()) != 0) return no_mounts;
      return fill_up(path_);
    });
    const int status = child.wait();
    if (status == no_mounts) GTEST_SKIP() << "may not mount a file system";
    EXPECT_EQ(status, 0) << size;
  }
}

TEST_F(StoreDamage, ByAFullDiskLeavesNoHalfOfANewStore) {
  Fork child([&]() noexcept {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit wanted{5'000, 5'000};
    setrlimit(RLIMIT_FSIZE, &wanted);
    return error_of([&] { Store::open(path_, Create::yes); }) == Errc::system ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_FALSE(exists(path_));
  EXPECT_FALSE(exists(path_ + ".new"));
  EXPECT_FALSE(Store::open(path_, Create::no).has_value());
}

/// A sound store, and what becomes of copies of it.
class DamagedFile : public StoreDamage {
 protected:
  DamagedFile() {
    constexpr int some = 40;
    Store store = open_store(path_, Create::yes);
    for (int i = 0; i < some; ++i) store.add(stored_key(i));
    // Free space and free pages are among what is damaged.
    StoredKey large = stored_key(some);
    large.key_handle = Bytes(20'000, 'l');
    store.add(large);
    store.remove(large.name);
    for (int i = 0; i < some; i += 5) store.remove("key" + std::to_string(i));
    keys_ = descriptions(store.keys());
  }

  /// Empty: an Error, or no effect. Else what was wrong.
  std::string verdict_on(const std::string& contents) {
    write_file(path_, contents);
    try {
      Store store = open_store(path_, Create::no);
      if (descriptions(store.keys()) != keys_) return "wrong keys";
      harmless_++;
      // What reads well may still be written to badly.
      const StoredKey more = stored_key(1000);
      store.add(more);
      std::vector<std::string> wanted = keys_;
      wanted.push_back(description(more));
      if (descriptions(store.keys()) != wanted) return "wrong keys after one was added";
    } catch (const Error& error) {
      if (error.code() != Errc::malformed) others_.push_back(error.what());
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  }
  /// Faults of other kinds are few: a header that says "read-only", or a newer version.
  void expect_clear_errors(std::size_t rounds) const {
    EXPECT_LT(others_.size(), rounds / 20) << others_.front();
    EXPECT_LT(harmless_, rounds);
  }

  std::vector<std::string> keys_;
  std::vector<std::string> others_;
  std::size_t harmless_ = 0;
};

TEST_F(DamagedFile, ByFlippedBitsGivesNoWrongKey) {
  constexpr std::size_t rounds = 1000;
  const std::string sound = read_file(path_);
  ASSERT_EQ(verdict_on(sound), "");
  for (std::size_t round = 0; round < rounds; ++round) {
    std::string damaged = sound;
    // Every other one where it hurts most: in the header and the heads of pages.
    const std::size_t page = below(sound.size() / 4096) * 4096;
    const std::size_t at = round % 2 == 0 ? below(sound.size()) : page + below(120);
    for (std::size_t i = 0; i <= round % 3; ++i) {
      damaged[(at + i * below(50)) % damaged.size()] ^= static_cast<char>(1U << below(8));
    }
    ASSERT_EQ(verdict_on(damaged), "") << "seed " << seed_ << ", round " << round << ", byte " << at;
  }
  expect_clear_errors(rounds);
}

TEST_F(DamagedFile, ByTruncationGivesNoFewerKeys) {
  const std::string sound = read_file(path_);
  std::vector<std::size_t> sizes = {0, 1, 99, 100, 512, 4095, sound.size() - 1};
  for (std::size_t size = 4096; size < sound.size(); size += 4096) sizes.push_back(size);
  for (int i = 0; i < 200; ++i) sizes.push_back(below(sound.size()));
  for (const std::size_t size : sizes) {
    harmless_ = 0;
    ASSERT_EQ(verdict_on(sound.substr(0, size)), "") << size;
    EXPECT_TRUE(harmless_ == 0 || size > sound.size() - 4096) << "only the last page may be partly unused";
  }
}

TEST_F(DamagedFile, ByOverwrittenPagesGivesNoWrongKey) {
  const std::string sound = read_file(path_);
  for (std::size_t to = 0; to < sound.size(); to += 4096) {
    for (std::size_t from = 0; from < sound.size(); from += 4096) {
      std::string damaged = sound;
      damaged.replace(to, 4096, sound, from, 4096);
      ASSERT_EQ(verdict_on(damaged), "") << "page at " << from << " written to " << to;
    }
    std::string zeroed = sound;
    zeroed.replace(to, 4096, 4096, '\0');
    ASSERT_EQ(verdict_on(zeroed), "") << "page of zeros at " << to;
  }
}

TEST_F(DamagedFile, OfGarbageIsRefused) {
  for (const std::size_t size : {1U, 16U, 100U, 4096U, 100'000U}) {
    std::string garbage(size, '\0');
    for (char& c : garbage) c = static_cast<char>(below(256));
    ASSERT_EQ(verdict_on(garbage), "");
    ASSERT_EQ(verdict_on("SQLite format 3" + garbage), "");
  }
  EXPECT_EQ(harmless_, 0U);
}

}  // namespace
}  // namespace fob
