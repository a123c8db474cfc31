#include "tokens/pkcs11/piv_slot.h"

#include <algorithm>
#include <array>

#include "protocol/error.h"

namespace fob::pkcs11 {
namespace {

constexpr std::array<std::string_view, 24> slots{"9a", "9c", "9d", "9e", "82", "83", "84", "85",
                                                 "86", "87", "88", "89", "8a", "8b", "8c", "8d",
                                                 "8e", "8f", "90", "91", "92", "93", "94", "95"};

/// Counted from 1.
unsigned number_of(std::string_view slot) {
  const auto* const found = std::find(slots.begin(), slots.end(), slot);
  if (found == slots.end()) {
    throw Error(Errc::refused, "no such slot: a PIV card has 9a, 9c, 9d, 9e, and 82 to 95");
  }
  return static_cast<unsigned>(found - slots.begin()) + 1;
}

unsigned digit(char c) { return static_cast<unsigned>(c >= 'a' ? c - 'a' + 10 : c - '0'); }

std::uint8_t id_byte(PivModule module, unsigned number) {
  return static_cast<std::uint8_t>(module == PivModule::opensc ? number / 10 * 16 + number % 10 : number);
}

}  // namespace

std::optional<PivModule> piv_module_of(std::string_view manufacturer, std::string_view model) {
  if (manufacturer.starts_with("Yubico") && model.starts_with("YubiKey")) return PivModule::ykcs11;
  if (manufacturer.starts_with("piv_II")) return PivModule::opensc;
  return std::nullopt;
}

std::optional<std::string> piv_slot_of_id(PivModule module, ByteView id) {
  if (id.size() != 1) return std::nullopt;
  for (unsigned number = 1; number <= slots.size(); ++number) {
    if (id_byte(module, number) == id[0]) return std::string(slots[number - 1]);
  }
  return std::nullopt;
}

Bytes id_of_piv_slot(PivModule module, std::string_view slot) { return {id_byte(module, number_of(slot))}; }

std::uint8_t piv_key_reference(std::string_view slot) {
  number_of(slot);
  return static_cast<std::uint8_t>(digit(slot[0]) << 4 | digit(slot[1]));
}

}  // namespace fob::pkcs11
