#include "tests/virtual/program/options.h"

#include <getopt.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <stdexcept>

namespace fob::virt {
namespace {

constexpr const char* usage =
    "usage: fob-virtual-token (--connect SOCKET | --uhid) [OPTION…]\n"
    "  --control SOCKET     take commands there, one a line: touch, touch-mode auto|manual|MS, unplug, plug,\n"
    "                       unplug-at CMD arrival|keepalives|reply|mid-reply [N], status, reset-state, quit\n"
    "  --state FILE         load the token from FILE, and keep it there\n"
    "  --touch auto|manual|MILLISECONDS    when the button is touched (auto)\n"
    "  --touch-timeout MS   until USER_ACTION_TIMEOUT (30000)\n"
    "  --unplugged          do not plug it in yet\n"
    "  --name NAME, --serial S, --firmware 0xMMmmbb, --aaguid HEX\n"
    "  --u2f-only, --no-u2f, --ctap20, --no-ed25519, --no-rk, --slots N, --no-credmgmt, --no-credprotect,\n"
    "  --no-hmac-secret, --no-pin, --pin-protocol 1|2, --always-uv, --uv-for-make, --reset-window, --processing MS\n";

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

unsigned number(const std::string& text, unsigned most) {
  const std::optional<unsigned> out = parse_number(text, most);
  if (!out) throw UsageError("not a number up to " + std::to_string(most) + ": " + text);
  return *out;
}

void take_aaguid(Personality& personality, const std::string& hex) {
  if (hex.size() != 2 * personality.aaguid.size()) throw UsageError("an aaguid has 32 hexadecimal digits");
  for (std::size_t i = 0; i < personality.aaguid.size(); ++i) {
    personality.aaguid[i] = static_cast<std::uint8_t>(number("0x" + hex.substr(2 * i, 2), 0xff));
  }
}

void take_touch(Options& out, const std::string& text) {
  const std::optional<TouchPolicy> policy = parse_touch(text);
  if (!policy) throw UsageError("not auto, manual or milliseconds: " + text);
  out.touch.mode = policy->mode;
  out.touch.delay = policy->delay;
}

struct Choice {
  const char* name;
  bool has_value;
  void (*apply)(Options& out, const std::string& value);
};

constexpr unsigned day_ms = 86'400'000;

const std::array choices{
    Choice{"connect", true, [](Options& o, const std::string& v) { o.connect = v; }},
    Choice{"uhid", false, [](Options& o, const std::string&) { o.uhid = true; }},
    Choice{"control", true, [](Options& o, const std::string& v) { o.control = v; }},
    Choice{"state", true, [](Options& o, const std::string& v) { o.state = v; }},
    Choice{"touch", true, take_touch},
    Choice{"touch-timeout", true,
           [](Options& o, const std::string& v) { o.touch.patience = Milliseconds(number(v, day_ms)); }},
    Choice{"unplugged", false, [](Options& o, const std::string&) { o.unplugged = true; }},
    Choice{"name", true, [](Options& o, const std::string& v) { o.personality.product = v; }},
    Choice{"serial", true, [](Options& o, const std::string& v) { o.personality.serial = v; }},
    Choice{"firmware", true, [](Options& o, const std::string& v) { o.personality.firmware = number(v, 0xffffff); }},
    Choice{"aaguid", true, [](Options& o, const std::string& v) { take_aaguid(o.personality, v); }},
    Choice{"u2f-only", false, [](Options& o, const std::string&) { o.personality.ctap2 = false; }},
    Choice{"no-u2f", false, [](Options& o, const std::string&) { o.personality.u2f = false; }},
    Choice{"ctap20", false, [](Options& o, const std::string&) { o.personality.ctap21 = false; }},
    Choice{"no-ed25519", false, [](Options& o, const std::string&) { o.personality.ed25519 = false; }},
    Choice{"no-rk", false, [](Options& o, const std::string&) { o.personality.resident_keys = false; }},
    Choice{"slots", true, [](Options& o, const std::string& v) { o.personality.resident_slots = number(v, 10'000); }},
    Choice{"no-credmgmt", false, [](Options& o, const std::string&) { o.personality.credential_management = false; }},
    Choice{"no-credprotect", false,
           [](Options& o, const std::string&) { o.personality.credential_protection = false; }},
    Choice{"no-hmac-secret", false, [](Options& o, const std::string&) { o.personality.hmac_secret = false; }},
    Choice{"no-pin", false, [](Options& o, const std::string&) { o.personality.pin = false; }},
    Choice{"pin-protocol", true,
           [](Options& o, const std::string& v) { o.personality.pin_protocols = {number(v, 2)}; }},
    Choice{"always-uv", false, [](Options& o, const std::string&) { o.personality.always_uv = true; }},
    Choice{"uv-for-make", false,
           [](Options& o, const std::string&) { o.personality.make_credential_without_uv = false; }},
    Choice{"reset-window", false, [](Options& o, const std::string&) { o.personality.reset_window = true; }},
    Choice{"processing", true,
           [](Options& o, const std::string& v) { o.personality.processing = Milliseconds(number(v, day_ms)); }},
};

}  // namespace

std::optional<unsigned> parse_number(const std::string& text, unsigned most) {
  if (text.empty() || text.find_first_not_of("0123456789abcdefABCDEFx") != std::string::npos) return std::nullopt;
  try {
    std::size_t used = 0;
    const unsigned long value = std::stoul(text, &used, text.starts_with("0x") ? 16 : 10);
    if (used != text.size() || value > most) return std::nullopt;
    return static_cast<unsigned>(value);
  } catch (const std::logic_error&) {
    return std::nullopt;
  }
}

std::optional<TouchPolicy> parse_touch(const std::string& text) {
  if (text == "auto") return TouchPolicy::automatic();
  if (text == "manual") return TouchPolicy::manual();
  const std::optional<unsigned> delay = parse_number(text, day_ms);
  if (!delay) return std::nullopt;
  return TouchPolicy::after(Milliseconds(*delay));
}

std::optional<Options> parse_options(int argc, char** argv) try {
  std::array<option, choices.size() + 1> known{};
  std::ranges::transform(choices, known.begin(), [](const Choice& choice) {
    return option{choice.name, choice.has_value ? required_argument : no_argument, nullptr, 0};
  });
  Options out;
  int index = 0;
  int found = 0;
  while ((found = getopt_long(argc, argv, "", known.data(), &index)) == 0) {
    choices[static_cast<std::size_t>(index)].apply(out, optarg != nullptr ? optarg : "");
  }
  if (found != -1 || optind != argc || out.uhid == !out.connect.empty()) throw UsageError("");
  if (!out.personality.ctap2 && !out.personality.u2f) throw UsageError("neither U2F nor CTAP2 is left");
  if (out.unplugged && out.control.empty()) throw UsageError("--unplugged needs --control");
  return out;
} catch (const UsageError& error) {
  if (*error.what() != '\0') std::cerr << "fob-virtual-token: " << error.what() << "\n";
  std::cerr << usage;
  return std::nullopt;
}

}  // namespace fob::virt
