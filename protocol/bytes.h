#pragma once

#include <string.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace fob {

/// Allocates as std::allocator does, and wipes what it gives back.
///
/// Requests, replies and keys pass through `Bytes`. A vector that grows leaves its old storage behind; with this
/// allocator no freed copy of it stays readable in the heap.
template <class T>
struct WipingAllocator {
  using value_type = T;

  WipingAllocator() = default;
  template <class U>
  WipingAllocator(const WipingAllocator<U>&) {}  // NOLINT: allocators convert implicitly

  T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* memory, std::size_t count) {
    explicit_bzero(memory, count * sizeof(T));
    std::allocator<T>().deallocate(memory, count);
  }
  bool operator==(const WipingAllocator&) const = default;
};

/// Owned octets, wiped when freed. Not for long-lived secrets: see SecretBytes.
using Bytes = std::vector<std::uint8_t, WipingAllocator<std::uint8_t>>;

/// Octets that somebody else owns.
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

inline Bytes to_bytes(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

/// Compares contents; not in constant time, so for public data only.
inline bool equal(ByteView a, ByteView b) { return as_text(a) == as_text(b); }

}  // namespace fob
