#include "protocol/bytes.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "tests/unit/protocol/vectors.h"

namespace {

/// Memory whose release the test wants to see, and what was in it then.
struct Watch {
  const void* memory = nullptr;
  std::size_t bytes = 0;
  bool released = false;
  bool was_wiped = false;
};
thread_local Watch watch;

void release(void* memory) {
  if (memory != nullptr && memory == watch.memory) {
    const auto* at = static_cast<const unsigned char*>(memory);
    watch.released = true;
    watch.was_wiped = std::all_of(at, at + watch.bytes, [](unsigned char byte) { return byte == 0; });
    watch.memory = nullptr;
  }
  std::free(memory);
}

}  // namespace

// The whole test program allocates through these: the only way to see memory at the moment when it is given back.
void* operator new(std::size_t bytes) {
  void* memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }

namespace fob {
namespace {

using test::from_hex;
using test::to_hex;

void watch_memory_of(const Bytes& bytes) { watch = {bytes.data(), bytes.capacity(), false, false}; }

TEST(Bytes, AreWipedWhenTheyDie) {
  {
    Bytes bytes(100, 0xa5);
    bytes.resize(10);  // the rest of the capacity holds something too
    watch_memory_of(bytes);
  }
  EXPECT_TRUE(watch.released);
  EXPECT_TRUE(watch.was_wiped);
}

TEST(Bytes, WipeTheOldMemoryWhenTheyGrow) {
  Bytes bytes(100, 0xa5);
  watch_memory_of(bytes);
  bytes.resize(bytes.capacity() + 1);
  EXPECT_TRUE(watch.released);
  EXPECT_TRUE(watch.was_wiped);
  EXPECT_EQ(bytes[99], 0xa5);
}

TEST(Bytes, HaveAnAllocatorOfAnyType) {
  const WipingAllocator<std::uint8_t> bytes;
  WipingAllocator<std::uint32_t> words(bytes);
  std::uint32_t* memory = words.allocate(4);
  std::fill_n(memory, 4, 0xa5a5a5a5U);
  watch = {memory, 4 * sizeof(*memory), false, false};
  words.deallocate(memory, 4);
  EXPECT_TRUE(watch.was_wiped);
  EXPECT_TRUE(words == WipingAllocator<std::uint32_t>()) << "any may free what another allocated";
}

TEST(Bytes, ComparesContents) {
  EXPECT_TRUE(equal(from_hex("0102"), from_hex("0102")));
  EXPECT_FALSE(equal(from_hex("0102"), from_hex("0103")));
  EXPECT_FALSE(equal(from_hex("0102"), from_hex("01")));
  EXPECT_TRUE(equal(ByteView{}, Bytes{}));
  EXPECT_EQ(to_hex(to_bytes(as_bytes("ab"))), "6162");
}

}  // namespace
}  // namespace fob
