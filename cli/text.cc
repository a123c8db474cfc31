#include "cli/text.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <ctime>

#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob::cli {

std::string shown(std::string_view text) { return printable(text, limits::sentence_bytes); }

std::string to_hex(ByteView bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::string shell_word(std::string_view text) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:,%";
  std::string word = shown(text);
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + shown(word);
  return out;
}

std::string default_comment() {
  std::array<char, HOST_NAME_MAX + 1> host{};
  const passwd* entry = getpwuid(getuid());
  if (entry == nullptr || gethostname(host.data(), host.size() - 1) != 0) return "";
  return std::string(entry->pw_name) + '@' + host.data();
}

std::string day_of(std::uint64_t seconds) {
  const auto time = static_cast<time_t>(seconds);
  tm parts{};
  std::array<char, 32> text{};
  if (time <= 0 || localtime_r(&time, &parts) == nullptr) return "";
  return {text.data(), strftime(text.data(), text.size(), "%Y-%m-%d", &parts)};
}

std::string clock_of(std::uint64_t seconds) {
  const auto time = static_cast<time_t>(seconds);
  tm parts{};
  std::array<char, 16> text{};
  if (localtime_r(&time, &parts) == nullptr) return "";
  return {text.data(), strftime(text.data(), text.size(), "%H:%M:%S", &parts)};
}

std::string needs_of(std::uint8_t sk_flags) {
  std::vector<std::string> words;
  if ((sk_flags & flag_touch) != 0) words.emplace_back("touch");
  if ((sk_flags & flag_pin) != 0) words.emplace_back("PIN");
  if ((sk_flags & flag_resident) != 0) words.emplace_back("resident");
  return words.empty() ? "nothing" : joined(words);
}

std::string needs_of(const control::Key& key) {
  // Whether PIN and touch are wanted is known to the token alone.
  if (!key.uri.empty()) return key.confirm ? "what its token asks, confirm" : "what its token asks";
  const std::uint8_t flags = is_sk(key.public_key.kind) ? key.sk_flags : std::uint8_t{0};
  std::string out = needs_of(flags);
  if (key.confirm) out = flags == 0 ? "confirm" : out + ", confirm";
  return out;
}

std::string firmware_text(std::uint64_t firmware) {
  if (firmware == 0) return "";
  // Yubico and others pack major, minor and patch into a byte each; those who count start low.
  if (firmware <= 0xffff || firmware > 0xffffff) return std::to_string(firmware);
  return std::to_string(firmware >> 16) + '.' + std::to_string(firmware >> 8 & 0xff) + '.' +
         std::to_string(firmware & 0xff);
}

std::string pin_text(const TokenInfo& info) {
  if (!info.takes_pin) return "none possible";
  if (!info.pin_set) return "not set";
  if (info.pin_tries == 0U) return "blocked";
  std::string out = info.pin_change_due ? "to be changed" : "set";
  if (info.pin_tries)
    out += ", " + std::to_string(*info.pin_tries) + (info.pin_tries == 1U ? " try" : " tries") + " left";
  return out;
}

std::string pin_text(const Pkcs11TokenInfo& info) {
  if (!info.initialized) return "not initialised";
  if (info.pin_locked) return "locked";
  if (info.pin_final_try) return "1 try left";
  if (info.pin_count_low) return "wrong PIN typed before";
  if (!info.login_required) return "not needed";
  if (!info.pin_set) return "not set";
  return info.pin_pad ? "at the reader" : "set";
}

std::string pin_text(const control::Token& token) {
  return token.pkcs11 ? pin_text(*token.pkcs11) : pin_text(token.info);
}

std::string aaguid_text(const std::array<std::uint8_t, 16>& aaguid) {
  std::string out = to_hex(aaguid);
  for (const std::size_t place : {20U, 16U, 12U, 8U}) out.insert(place, 1, '-');
  return out;
}

std::string type_word(KeyKind kind) {
  switch (kind) {
    case KeyKind::sk_ecdsa_p256: return "ecdsa-sk";
    case KeyKind::sk_ed25519: return "ed25519-sk";
    case KeyKind::rsa: return "rsa";
    case KeyKind::ecdsa_p256: return "ecdsa";
    case KeyKind::ecdsa_p384: return "ecdsa-p384";
    case KeyKind::ecdsa_p521: return "ecdsa-p521";
    case KeyKind::ed25519: return "ed25519";
    default: return std::string(traits(kind).name);
  }
}

std::string format_word(KeyFileFormat format) {
  switch (format) {
    case KeyFileFormat::pem: return "pem";
    case KeyFileFormat::pkcs8: return "pkcs8";
    case KeyFileFormat::ppk: return "ppk";
    case KeyFileFormat::openssh: break;
  }
  return "openssh";
}

std::vector<std::string> type_words(const std::vector<KeyKind>& kinds) {
  std::vector<std::string> out;
  out.reserve(kinds.size());
  for (const KeyKind kind : kinds) out.push_back(type_word(kind));
  return out;
}

}  // namespace fob::cli
