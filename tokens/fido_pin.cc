#include "tokens/fido_pin.h"

#include <algorithm>
#include <optional>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {

PinText::PinText(const SecretBytes* pin) {
  if (pin == nullptr) return;
  text_ = SecretBytes(pin->size() + 1);
  std::copy_n(pin->data(), pin->size(), text_.data());
}

void check_new_pin(const SecretBytes& pin, std::uint32_t min_characters) {
  const std::optional<std::size_t> characters = utf8_characters(as_text(pin.view()));
  if (!characters) throw Error(Errc::refused, "the new PIN is not UTF-8 text");
  if (*characters < min_characters) {
    throw Error(Errc::refused, "the new PIN is too short: it has " + std::to_string(*characters) +
                                   " characters, and the token wants at least " + std::to_string(min_characters));
  }
  if (pin.size() > limits::fido_pin_bytes) {
    throw Error(Errc::refused, "the new PIN is too long: it has " + std::to_string(pin.size()) +
                                   " bytes, and a token takes at most " + std::to_string(limits::fido_pin_bytes));
  }
}

}  // namespace fob
