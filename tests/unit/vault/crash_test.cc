// What crashes and full disks do to a vault: no key is lost, and each fault is told. tests/faults has every system
// call.
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

#include "agent/vault/vault_file.h"
#include "tests/daemon/temp_dir.h"
#include "tests/unit/agent/support.h"
#include "tests/unit/vault/quick_dir.h"
#include "tests/unit/vault/support.h"

namespace fob {
namespace {

using Create = VaultFile::Create;

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
  /// In the parent: waits for so many bytes; less if the writer ends before.
  void wait_for(std::size_t bytes) {
    close_writing();
    char byte = 0;
    for (; bytes > 0 && read(ends_[0], &byte, 1) == 1; --bytes) ++read_;
  }
  /// How many bytes were written, once nobody writes any more.
  int count() {
    close_writing();
    int out = read_;
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
  int read_ = 0;
};

class VaultCrash : public testing::Test {
 protected:
  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

  /// Somewhere in the few changes to come, or before the first, however fast the machine is.
  void wait_for_a_moment(Reports& reports) {
    reports.wait_for(below(8));
    usleep(static_cast<unsigned>(below(3'000)));
  }

  /// A process that adds keys from `first` on, removing every third again, and reports each change that was made.
  /// Killed at some time.
  int changes_before_kill(int first) {
    Reports reports;
    {
      const Fork writer([&]() noexcept -> int {
        VaultFile vault = open_vault(path_);
        for (int i = first;; ++i) {
          vault.add(stored_key(i));
          reports.write_byte();
          if (i % 3 != 0) continue;
          vault.remove("key" + std::to_string(i));
          reports.write_byte();
        }
      });
      wait_for_a_moment(reports);
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

TEST_F(VaultCrash, ByAKillLosesNothingThatWasAdded) {
  constexpr int rounds = 300;
  int total = 0;
  for (int round = 0; round < rounds; ++round) {
    const int done = changes_before_kill(1);
    total += done;
    std::optional<VaultFile> vault = VaultFile::open(path_, Create::no);
    if (!vault && done == 0) continue;
    ASSERT_TRUE(vault.has_value());
    const std::vector<std::string> found = descriptions(vault->keys());
    // The change during which it was killed may be there or not.
    ASSERT_TRUE(found == keys_after(1, done) || found == keys_after(1, done + 1))
        << "round " << round << ": " << found.size() << " keys after " << done << " changes";
    std::filesystem::remove_all(directory_.file("fob"));
  }
  EXPECT_GT(total, rounds) << "kills came too early to tell";
}

TEST_F(VaultCrash, ByKillsOneAfterTheOtherAddsUp) {
  std::size_t least = 0;
  for (int round = 0; round < 100; ++round) {
    Reports reports;
    {
      const Fork writer([&]() noexcept -> int {
        VaultFile vault = open_vault(path_);
        for (int i = static_cast<int>(vault.keys().size());; ++i) {
          vault.add(stored_key(i));
          reports.write_byte();
        }
      });
      wait_for_a_moment(reports);
    }
    least += static_cast<std::size_t>(reports.count());
    std::optional<VaultFile> vault = VaultFile::open(path_, Create::no);
    if (!vault) continue;
    const std::size_t found = vault->keys().size();
    ASSERT_GE(found, least);
    ASSERT_LE(found, least + 1);
    least = found;
  }
}

/// Adds keys until that fails, in a process of its own; 0 if it failed as it should and the vault goes on.
int fill_up(const std::string& path) {
  std::vector<std::string> added;
  VaultFile vault = open_vault(path);
  std::optional<Errc> fault;
  for (int i = 0; i < 10'000 && !fault; ++i) {
    fault = error_of([&] { vault.add(stored_key(i)); });
    if (!fault) added.push_back(description(stored_key(i)));
  }
  if (fault != Errc::system) return 1;
  if (added.empty() || descriptions(vault.keys()) != added) return 2;
  // Where only a little is missing another attempt may find room, but nothing may be half there.
  vault.remove("key0");
  added.erase(added.begin());
  return descriptions(vault.keys()) == added ? 0 : 3;
}

TEST_F(VaultCrash, ByAFileSizeLimitIsToldAndUndone) {
  open_vault(path_);
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

TEST_F(VaultCrash, ByAFullDiskIsToldAndUndone) {
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

TEST_F(VaultCrash, ByAFullDiskLeavesNoHalfOfANewVault) {
  Fork child([&]() noexcept {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit wanted{5'000, 5'000};
    setrlimit(RLIMIT_FSIZE, &wanted);
    return error_of([&] { VaultFile::open(path_, Create::yes); }) == Errc::system ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_FALSE(exists(path_));
  EXPECT_FALSE(exists(path_ + ".new"));
  EXPECT_FALSE(VaultFile::open(path_, Create::no).has_value());
}

}  // namespace
}  // namespace fob
