#pragma once

#include <utility>

#include "protocol/bytes.h"

namespace fob {

/// A secret: private key, passphrase, PIN. Lives in the secret heap (secret_heap.h), is wiped when it dies, can be
/// moved but not copied, and has no way to be printed.
class SecretBytes {
 public:
  SecretBytes() = default;
  /// `size` zero bytes. Throws Error{Errc::system} where the memory cannot be had.
  explicit SecretBytes(std::size_t size);
  /// A copy of `from`, which the caller still has to wipe.
  explicit SecretBytes(ByteView from);

  SecretBytes(SecretBytes&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    SecretBytes taken(std::move(other));  // what this held before is wiped now, not with `other`
    std::swap(data_, taken.data_);
    std::swap(size_, taken.size_);
    return *this;
  }
  ~SecretBytes();

  std::uint8_t* data() { return data_; }
  const std::uint8_t* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  ByteView view() const { return {data_, size_}; }

  /// In constant time for equal sizes.
  bool operator==(const SecretBytes& other) const;

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace fob
