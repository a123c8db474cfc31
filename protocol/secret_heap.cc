#include "protocol/secret_heap.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <mutex>

#include "protocol/error.h"

namespace fob {
namespace {

constexpr std::size_t min_block_bytes = 32;
/// Larger blocks get a mapping of their own, returned to the kernel when freed.
constexpr std::size_t max_block_bytes = 32 * 1024;
constexpr std::size_t chunk_bytes = 256 * 1024;
constexpr std::size_t class_count = 11;  // 32 B … 32 KiB
static_assert(min_block_bytes << (class_count - 1) == max_block_bytes);

/// Stands before each block; 16 bytes, so that blocks stay aligned for any type.
struct alignas(16) Header {
  std::size_t capacity;  ///< bytes after the header
};

struct FreeBlock {
  FreeBlock* next;
};

/// Held for some tens of nanoseconds, some eighty times in a signature, and hardly ever contended: a mutex would cost
/// more than what it guards.
class SpinLock {
 public:
  void lock() {
    while (taken_.test_and_set(std::memory_order_acquire)) sched_yield();
  }
  void unlock() { taken_.clear(std::memory_order_release); }

 private:
  std::atomic_flag taken_;
};

struct Heap {
  SpinLock lock;  // OpenSSL allocates on the workers as well as on the main thread
  std::array<FreeBlock*, class_count> free_lists{};
  std::uint8_t* chunk = nullptr;
  std::size_t chunk_left = 0;
  SecretHeap::Backing backing = SecretHeap::Backing::none;
};

Heap& heap() {
  static Heap* instance = new Heap;  // never destroyed: OpenSSL frees blocks while the process exits
  return *instance;
}

std::uint8_t* map_hidden(std::size_t bytes) {
  const int fd = static_cast<int>(syscall(SYS_memfd_secret, O_CLOEXEC));
  if (fd < 0) return nullptr;
  void* pages = MAP_FAILED;
  if (ftruncate(fd, static_cast<off_t>(bytes)) == 0) {
    pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  close(fd);
  if (pages == MAP_FAILED) return nullptr;
  // A child that forks to exec askpass must not share them.
  madvise(pages, bytes, MADV_DONTFORK);
  return static_cast<std::uint8_t*>(pages);
}

std::uint8_t* map_ordinary(std::size_t bytes, bool& locked) {
  void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return nullptr;
  locked = mlock(pages, bytes) == 0;
  madvise(pages, bytes, MADV_DONTDUMP);
  madvise(pages, bytes, MADV_WIPEONFORK);
  return static_cast<std::uint8_t*>(pages);
}

/// Pages of the best kind that can be had, or nullptr.
std::uint8_t* map_pages(Heap& h, std::size_t bytes) {
  using Backing = SecretHeap::Backing;
  if (std::uint8_t* pages = map_hidden(bytes)) {
    h.backing = std::max(h.backing, Backing::hidden);
    return pages;
  }
  bool locked = false;
  std::uint8_t* pages = map_ordinary(bytes, locked);
  if (pages != nullptr) h.backing = std::max(h.backing, locked ? Backing::locked : Backing::plain);
  return pages;
}

std::size_t size_class(std::size_t bytes) {
  const std::size_t capacity = std::bit_ceil(std::max(bytes, min_block_bytes));
  return static_cast<std::size_t>(std::countr_zero(capacity) - std::countr_zero(min_block_bytes));
}

void* place_header(std::uint8_t* at, std::size_t capacity) {
  new (at) Header{capacity};
  return at + sizeof(Header);
}

Header* header_of(void* block) { return reinterpret_cast<Header*>(static_cast<std::uint8_t*>(block) - sizeof(Header)); }

void* allocate_large(Heap& h, std::size_t bytes) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t total = (bytes + sizeof(Header) + page - 1) / page * page;
  std::uint8_t* pages = map_pages(h, total);
  return pages == nullptr ? nullptr : place_header(pages, total - sizeof(Header));
}

void* allocate_small(Heap& h, std::size_t bytes) {
  const std::size_t index = size_class(bytes);
  if (FreeBlock* block = h.free_lists[index]) {
    h.free_lists[index] = block->next;
    block->next = nullptr;
    return block;
  }
  const std::size_t capacity = min_block_bytes << index;
  const std::size_t total = capacity + sizeof(Header);
  if (h.chunk_left < total) {
    // What is left of the old chunk stays unused: at most one block of each chunk.
    std::uint8_t* pages = map_pages(h, chunk_bytes);
    if (pages == nullptr) return nullptr;
    h.chunk = pages;
    h.chunk_left = chunk_bytes;
  }
  void* block = place_header(h.chunk, capacity);
  h.chunk += total;
  h.chunk_left -= total;
  return block;
}

void* openssl_allocate(std::size_t bytes, const char*, int) {
  return bytes == 0 ? nullptr : SecretHeap::allocate(bytes);
}
void* openssl_reallocate(void* block, std::size_t bytes, const char*, int) {
  return SecretHeap::reallocate(block, bytes);
}
void openssl_free(void* block, const char*, int) { SecretHeap::free(block); }

}  // namespace

void* SecretHeap::allocate(std::size_t bytes) {
  if (bytes > SIZE_MAX / 2) return nullptr;
  Heap& h = heap();
  const std::lock_guard guard(h.lock);
  return bytes > max_block_bytes ? allocate_large(h, bytes) : allocate_small(h, bytes);
}

void* SecretHeap::reallocate(void* block, std::size_t bytes) {
  if (block == nullptr) return allocate(bytes);
  if (bytes == 0) {
    free(block);
    return nullptr;
  }
  const std::size_t old_capacity = header_of(block)->capacity;
  if (bytes <= old_capacity) return block;
  void* larger = allocate(bytes);
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, block, old_capacity);
  free(block);
  return larger;
}

void SecretHeap::free(void* block) {
  if (block == nullptr) return;
  Header* header = header_of(block);
  const std::size_t capacity = header->capacity;
  explicit_bzero(block, capacity);
  if (capacity > max_block_bytes) {
    munmap(header, capacity + sizeof(Header));
    return;
  }
  Heap& h = heap();
  const std::lock_guard guard(h.lock);
  FreeBlock*& head = h.free_lists[size_class(capacity)];
  head = new (block) FreeBlock{head};
}

SecretHeap::Backing SecretHeap::backing() {
  Heap& h = heap();
  const std::lock_guard guard(h.lock);
  return h.backing;
}

void SecretHeap::adopt_openssl() {
  if (CRYPTO_set_mem_functions(openssl_allocate, openssl_reallocate, openssl_free) != 1) {
    throw Error(Errc::system, "cannot give OpenSSL the secret heap: it has allocated already");
  }
}

}  // namespace fob
