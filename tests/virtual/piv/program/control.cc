#include <charconv>
#include <sstream>

#include "protocol/error.h"
#include "tests/virtual/piv/program/slot.h"

namespace fob::virt::piv {
namespace {

constexpr unsigned day_ms = 86'400'000;

std::string hex(std::uint8_t byte) {
  constexpr const char* digits = "0123456789abcdef";
  return {digits[byte >> 4], digits[byte & 15]};
}

std::string json(const Status& status, bool inserted) {
  std::ostringstream out;
  out << std::boolalpha << "{\"inserted\":" << inserted << ",\"pin_tries\":" << status.pin_tries
      << ",\"puk_tries\":" << status.puk_tries << ",\"pin_attempts\":" << status.pin_attempts
      << ",\"waiting\":" << status.waiting << ",\"touch_requests\":" << status.touch_requests << ",\"slots\":{";
  const char* separator = "";
  for (const auto& [slot, what] : status.slots) {
    out << separator << "\"" << hex(slot) << "\":\"" << what << "\"";
    separator = ",";
  }
  out << "},\"commands\":{";
  separator = "";
  for (const auto& [instruction, count] : status.commands) {
    out << separator << "\"" << hex(instruction) << "\":" << count;
    separator = ",";
  }
  out << "}}";
  return out.str();
}

}  // namespace

std::optional<unsigned> parse_number(const std::string& text, unsigned most) {
  unsigned out = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, out);
  if (error != std::errc() || at != end || out > most) return std::nullopt;
  return out;
}

bool parse_touch(const std::string& text, virt::TouchPolicy& policy) {
  const std::optional<unsigned> delay = parse_number(text, day_ms);
  if (text != "auto" && text != "manual" && !delay) return false;
  using Mode = virt::TouchPolicy::Mode;
  policy.mode = text == "auto" ? Mode::automatic : text == "manual" ? Mode::manual : Mode::delayed;
  policy.delay = Milliseconds(delay.value_or(0));
  return true;
}

std::string answer_line(const std::string& line, Slot& slot, bool& quit) try {
  std::istringstream words(line);
  std::string verb;
  std::string value;
  words >> verb >> value;
  if (verb == "touch") return slot.card().touch() ? "ok" : "error: nobody waits for a touch";
  if (verb == "status") return json(slot.card().status(), slot.inserted());
  if (verb == "touch-mode") {
    virt::TouchPolicy policy;
    if (!parse_touch(value, policy)) return "error: touch-mode auto|manual|MILLISECONDS";
    slot.set_touch(policy);
  } else if (verb == "eject") {
    slot.eject();
  } else if (verb == "insert") {
    slot.insert();
  } else if (verb == "reset-state") {
    slot.card().factory_new();
  } else if (verb == "quit") {
    quit = true;
  } else {
    return "error: unknown command";
  }
  return "ok";
} catch (const Error& error) {
  return std::string("error: ") + error.what();
}

}  // namespace fob::virt::piv
