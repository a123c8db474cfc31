#include "cli/piv_options.h"

#include <algorithm>
#include <array>

#include "cli/text.h"

namespace fob::cli {
namespace {

/// SP 800-73-4 part 1 §4.3: authentication, signature, key management, card authentication; then 82 to 95, retired
/// key management.
constexpr std::array<std::string_view, 4> main_slots{"9a", "9c", "9d", "9e"};
constexpr std::string_view first_retired = "82";
constexpr std::string_view last_retired = "95";

/// In the order of their numbers, from 1 on (control::PivPlace).
const std::vector<std::string> pin_policies{"never", "once", "always"};
const std::vector<std::string> touch_policies{"never", "always", "cached"};

bool is_slot(std::string_view slot) {
  if (slot.size() != 2 || slot.find_first_not_of("0123456789abcdef") != std::string_view::npos) return false;
  return std::find(main_slots.begin(), main_slots.end(), slot) != main_slots.end() ||
         (slot >= first_retired && slot <= last_retired);
}

std::string checked_slot(std::string slot) {
  std::transform(slot.begin(), slot.end(), slot.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c; });
  if (is_slot(slot)) return slot;
  throw UsageError("PIV slots are 9a, 9c, 9d, 9e and 82 to 95, and not \"" + shown(slot) + "\"");
}

void add_policy(Command command, const char* option, const std::vector<std::string>& words, std::uint8_t& number,
                const char* description) {
  const auto take = [&words, &number](const std::string& word) {
    number = static_cast<std::uint8_t>(std::find(words.begin(), words.end(), word) - words.begin() + 1);
  };
  command.add_option_function(option, take, description).words(words);
}

}  // namespace

void add_piv_options(Command command, control::PivPlace& place) {
  command.add_option("--slot", place.slot, "the slot of a PIV card: 9a, 9c, 9d, 9e or 82 to 95")
      .type_name("SLOT")
      .transform(checked_slot);
  add_policy(command, "--pin-policy", pin_policies, place.pin_policy, "when a PIV key wants the PIN");
  add_policy(command, "--touch-policy", touch_policies, place.touch_policy, "when a PIV key wants a touch");
}

void refuse_options(Command command, const std::vector<Misfit>& misfits) {
  for (const Misfit& misfit : misfits) {
    if (command.is_given(misfit.option)) {
      throw UsageError(std::string(misfit.option) + ' ' + misfit.reason);
    }
  }
}

}  // namespace fob::cli
