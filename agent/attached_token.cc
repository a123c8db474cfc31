#include "agent/attached_token.h"

#include "protocol/pattern.h"

namespace fob {

std::string AttachedToken::title() const {
  std::string out = names.product.empty() ? names.id : printable(names.product);
  if (!names.serial.empty()) out += " (" + printable(names.serial) + ")";
  return out;
}

void AttachedToken::remove() {
  removed = true;
  pin.forget();
  client.retire();
}

}  // namespace fob
