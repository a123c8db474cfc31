#pragma once

#include <cstdint>

#include "protocol/secret_bytes.h"

namespace fob {

/// A PIN as C libraries want it: with a NUL at its end, in secret memory. From nullptr: nullptr.
class PinText {
 public:
  explicit PinText(const SecretBytes* pin);
  const char* c_str() const { return text_.empty() ? nullptr : reinterpret_cast<const char*>(text_.data()); }

 private:
  SecretBytes text_;
};

/// Refuses, before a token sees it, a new PIN that no token or not this one takes: not UTF-8, shorter than
/// `min_characters`, over 63 bytes (CTAP 2.1 §6.5.1). Errors: refused.
void check_new_pin(const SecretBytes& pin, std::uint32_t min_characters);

}  // namespace fob
