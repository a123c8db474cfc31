#include "protocol/secret_heap.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>

#include "protocol/evp.h"
#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

using Backing = SecretHeap::Backing;
constexpr std::size_t largest_small_block = 32 * 1024;

bool all_are(const void* block, std::size_t bytes, std::uint8_t value) {
  const auto* at = static_cast<const std::uint8_t*>(block);
  return std::all_of(at, at + bytes, [value](std::uint8_t byte) { return byte == value; });
}

bool has_memfd_secret() {
  const int fd = static_cast<int>(syscall(SYS_memfd_secret, O_CLOEXEC));
  if (fd < 0) return false;
  close(fd);
  return true;
}

/// Runs `claim` in a process that has not used the heap, and expects it to be true.
#define EXPECT_IN_FRESH_PROCESS(claim)            \
  GTEST_FLAG_SET(death_test_style, "threadsafe"); \
  EXPECT_EXIT(std::exit((claim) ? 0 : 1), testing::ExitedWithCode(0), "")

TEST(SecretHeap, AlignsBlocksForAnyType) {
  for (std::size_t size = 0; size <= 300'000; size = size * 3 / 2 + 1) {
    void* block = SecretHeap::allocate(size);
    ASSERT_NE(block, nullptr) << size;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignof(std::max_align_t), 0U) << size;
    std::memset(block, 0xff, size);
    SecretHeap::free(block);
  }
}

/// Freed blocks are handed out again, last one first: so what is left in them can be seen without touching freed
/// memory.
TEST(SecretHeap, WipesBlocksWhenFreed) {
  for (std::size_t size = 32; size <= largest_small_block; size *= 2) {
    void* block = SecretHeap::allocate(size);
    std::memset(block, 0xa5, size);
    SecretHeap::free(block);
    void* again = SecretHeap::allocate(size);
    ASSERT_EQ(again, block) << size;
    EXPECT_TRUE(all_are(again, size, 0)) << size;
    SecretHeap::free(again);
  }
}

TEST(SecretHeap, KeepsBlocksApart) {
  constexpr std::size_t count = 2000;
  std::vector<std::pair<std::uint8_t*, std::size_t>> blocks;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t size = 1 + i * 37 % 3000;
    blocks.emplace_back(static_cast<std::uint8_t*>(SecretHeap::allocate(size)), size);
    std::memset(blocks.back().first, static_cast<int>(i % 251), size);
  }
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT_TRUE(all_are(blocks[i].first, blocks[i].second, static_cast<std::uint8_t>(i % 251))) << i;
    SecretHeap::free(blocks[i].first);
  }
}

TEST(SecretHeap, GivesLargeBlocksBackToTheKernel) {
  for (const std::size_t size : {largest_small_block + 1, std::size_t{1} << 20}) {
    auto* block = static_cast<std::uint8_t*>(SecretHeap::allocate(size));
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(all_are(block, size, 0));
    std::memset(block, 0xa5, size);
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    void* first_page = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(block) & ~(page - 1));
    EXPECT_EQ(msync(first_page, page, MS_ASYNC), 0);
    SecretHeap::free(block);
    EXPECT_EQ(msync(first_page, page, MS_ASYNC), -1) << "still mapped";
    EXPECT_EQ(errno, ENOMEM);
  }
}

TEST(SecretHeap, KeepsContentsWhenABlockGrows) {
  auto* block = static_cast<std::uint8_t*>(SecretHeap::reallocate(nullptr, 10));
  std::memset(block, 0x11, 10);
  EXPECT_EQ(SecretHeap::reallocate(block, 32), block) << "there was room";
  for (const std::size_t size : {100U, 5'000U, 40'000U, 400'000U}) {
    block = static_cast<std::uint8_t*>(SecretHeap::reallocate(block, size));
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(all_are(block, 10, 0x11)) << size;
  }
  EXPECT_EQ(SecretHeap::reallocate(block, SIZE_MAX), nullptr);
  EXPECT_TRUE(all_are(block, 10, 0x11)) << "a failed growth leaves the block";
  EXPECT_EQ(SecretHeap::reallocate(block, 0), nullptr);
}

TEST(SecretHeap, WipesTheOldBlockWhenItGrows) {
  void* block = SecretHeap::allocate(64);
  std::memset(block, 0xa5, 64);
  void* larger = SecretHeap::reallocate(block, 65);
  ASSERT_NE(larger, block);
  void* again = SecretHeap::allocate(64);
  ASSERT_EQ(again, block);
  EXPECT_TRUE(all_are(again, 64, 0));
  SecretHeap::free(again);
  SecretHeap::free(larger);
}

TEST(SecretHeap, SaysWhenMemoryCannotBeHad) {
  EXPECT_EQ(SecretHeap::allocate(SIZE_MAX), nullptr);
  EXPECT_EQ(SecretHeap::allocate(SIZE_MAX / 2), nullptr);
  EXPECT_NO_THROW(SecretHeap::free(nullptr));
}

TEST(SecretHeap, ServesManyThreads) {
  const auto work = [](unsigned seed, std::atomic<int>& faults) {
    std::vector<std::pair<std::uint8_t*, std::size_t>> held;
    for (unsigned i = 0; i < 3000; ++i) {
      const std::size_t size = 1 + (i * 7919U + seed * 104729U) % 5000U;
      auto* block = static_cast<std::uint8_t*>(SecretHeap::allocate(size));
      std::memset(block, static_cast<int>(seed), size);
      held.emplace_back(block, size);
      if (held.size() < 20) continue;
      const auto [oldest, oldest_size] = held[i % 20];
      if (!all_are(oldest, oldest_size, static_cast<std::uint8_t>(seed))) ++faults;
      SecretHeap::free(oldest);
      held.erase(held.begin() + i % 20);
    }
    for (const auto& [block, size] : held) SecretHeap::free(block);
  };
  std::atomic<int> faults = 0;
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 8; ++seed) threads.emplace_back(work, seed, std::ref(faults));
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(faults, 0);
}

bool hidden_where_the_kernel_can() {
  if (SecretHeap::backing() != Backing::none) return false;
  void* block = SecretHeap::allocate(1);
  const bool right = has_memfd_secret() == (SecretHeap::backing() == Backing::hidden);
  return block != nullptr && right;
}

TEST(SecretHeap, IsHiddenWhereTheKernelCan) { EXPECT_IN_FRESH_PROCESS(hidden_where_the_kernel_can()); }

/// A lower soft limit for as long as it lives.
class LowerLimit {
 public:
  LowerLimit(__rlimit_resource resource, rlim_t value) : resource_(resource) {
    getrlimit(resource_, &before_);
    const rlimit lower{value, before_.rlim_max};
    setrlimit(resource_, &lower);
  }
  LowerLimit(const LowerLimit&) = delete;
  LowerLimit& operator=(const LowerLimit&) = delete;
  ~LowerLimit() { setrlimit(resource_, &before_); }

 private:
  __rlimit_resource resource_;
  rlimit before_{};
};

/// Without a descriptor to spare there is no memfd_secret.
bool locked_without_memfd_secret() {
  const LowerLimit descriptors(RLIMIT_NOFILE, 0);
  void* block = SecretHeap::allocate(100);
  if (block == nullptr || SecretHeap::backing() != Backing::locked) return false;
  std::memset(block, 1, 100);
  SecretHeap::free(block);
  return true;
}

TEST(SecretHeap, IsLockedWithoutMemfdSecret) { EXPECT_IN_FRESH_PROCESS(locked_without_memfd_secret()); }

/// Root may lock as much as it likes, so the process gives that up first.
bool plain_without_lockable_memory() {
  const uid_t user = geteuid();
  if (user == 0 && seteuid(65534) != 0) return false;
  const LowerLimit lockable(RLIMIT_MEMLOCK, 0);
  void* block = SecretHeap::allocate(100);
  // Sanitizers make mlock() a call that does nothing and succeeds.
  const Backing expected = mlock(&user, sizeof(user)) == 0 ? Backing::locked : Backing::plain;
  if (block == nullptr || SecretHeap::backing() != expected) return false;
  std::memset(block, 1, 100);
  SecretHeap::free(block);
  // LeakSanitizer traces the process at its end, which a change of user forbids.
  return seteuid(user) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0;
}

TEST(SecretHeap, IsPlainWithoutLockableMemory) { EXPECT_IN_FRESH_PROCESS(plain_without_lockable_memory()); }

/// Hidden pages are readable neither through /proc/self/mem nor in a child.
bool cannot_be_read_from_outside() {
  auto* block = static_cast<char*>(SecretHeap::allocate(64));
  if (SecretHeap::backing() != Backing::hidden) return !has_memfd_secret();
  std::memset(block, 'x', 64);
  const int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  char copy[64];
  const ssize_t got = pread(mem, copy, sizeof(copy), static_cast<off_t>(reinterpret_cast<std::uintptr_t>(block)));
  close(mem);
  if (got > 0) return false;
  const pid_t child = fork();
  if (child == 0) {
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    void* first_page = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(block) & ~(page - 1));
    _exit(msync(first_page, page, MS_ASYNC) == -1 && errno == ENOMEM ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  return status == 0;
}

TEST(SecretHeap, CannotBeReadFromOutside) { EXPECT_IN_FRESH_PROCESS(cannot_be_read_from_outside()); }

bool openssl_allocates_here() {
  SecretHeap::adopt_openssl();
  if (SecretHeap::backing() != Backing::none) return false;
  auto* block = static_cast<std::uint8_t*>(OPENSSL_malloc(48));
  const bool used = SecretHeap::backing() != Backing::none;
  std::memset(block, 0xa5, 48);
  block = static_cast<std::uint8_t*>(OPENSSL_realloc(block, 1000));
  const bool kept = all_are(block, 48, 0xa5);
  OPENSSL_free(block);
  // A digest goes through fetching, contexts and the rest of OpenSSL's allocations.
  const Digest digest(Hash::sha256, as_bytes("abc"));
  return used && kept && OPENSSL_malloc(0) == nullptr && digest.view()[0] == 0xba;
}

TEST(SecretHeap, HoldsWhatOpensslAllocates) { EXPECT_IN_FRESH_PROCESS(openssl_allocates_here()); }

TEST(SecretHeap, CannotBeGivenToOpensslTooLate) {
  OPENSSL_free(OPENSSL_malloc(1));
  EXPECT_EQ(test::error_of([] { SecretHeap::adopt_openssl(); }), Errc::system);
}

}  // namespace
}  // namespace fob
