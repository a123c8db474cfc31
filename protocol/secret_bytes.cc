#include "protocol/secret_bytes.h"

#include <sodium.h>

#include <cstring>

#include "protocol/error.h"
#include "protocol/secret_heap.h"

namespace fob {

SecretBytes::SecretBytes(std::size_t size) : size_(size) {
  if (size == 0) return;
  data_ = static_cast<std::uint8_t*>(SecretHeap::allocate(size));
  if (data_ == nullptr) throw Error(Errc::system, "out of secret memory");
  std::memset(data_, 0, size);
}

SecretBytes::SecretBytes(ByteView from) : SecretBytes(from.size()) {
  if (!from.empty()) std::memcpy(data_, from.data(), from.size());
}

SecretBytes::~SecretBytes() { SecretHeap::free(data_); }

bool SecretBytes::operator==(const SecretBytes& other) const {
  if (size_ != other.size_) return false;
  return size_ == 0 || sodium_memcmp(data_, other.data_, size_) == 0;
}

}  // namespace fob
