#include "agent/vault/stored_key.h"

#include <sodium.h>

namespace fob {

StoredKey::Identity StoredKey::new_identity() {
  Identity out{};
  randombytes_buf(out.data(), out.size());
  return out;
}

}  // namespace fob
