#include "agent/pkcs11_module.h"

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {

std::string Pkcs11Token::title() const {
  std::string out = info.label.empty() ? info.model : info.label;
  if (out.empty()) out = info.slot;
  if (!info.serial.empty() && out.find(info.serial) == std::string::npos) out += " (" + info.serial + ")";
  return printable(out);
}

std::shared_ptr<void> Pkcs11Token::hold(SecretBytes held) {
  auto holder = std::make_shared<SecretBytes>(std::move(held));
  held_pin = holder;
  return holder;
}

void Pkcs11Token::forget_pins() {
  pin.forget();
  // Keys may still hold it: what they hold is then empty.
  if (const auto held = held_pin.lock()) *held = SecretBytes();
  held_pin.reset();
}

std::shared_ptr<Pkcs11Token> Pkcs11Module::token(const Pkcs11TokenInfo& info) {
  const auto found = tokens.find(info.uri);
  if (found != tokens.end()) {
    found->second->info = info;
    return found->second;
  }
  if (tokens.size() >= limits::pkcs11_tokens) {
    std::erase_if(tokens, [](const auto& entry) { return entry.second.use_count() == 1; });
  }
  if (tokens.size() >= limits::pkcs11_tokens) throw Error(Errc::too_large, "too many tokens at " + path);
  auto made = std::make_shared<Pkcs11Token>(io, info, [this] { client.end_host(); });
  tokens.emplace(info.uri, made);
  return made;
}

void Pkcs11Module::remember(const std::string& key_uri, std::shared_ptr<Pkcs11Token> token) {
  const auto found = keys.find(key_uri);
  if (found != keys.end()) {
    found->second.token = std::move(token);
  } else if (keys.size() < limits::known_handles) {
    keys.emplace(key_uri, KnownKey{std::move(token), 0});
  }
}

void Pkcs11Module::forget_pins() {
  ++epoch;
  for (const auto& [uri, known] : tokens) known->forget_pins();
  client.end_host();
}

}  // namespace fob
