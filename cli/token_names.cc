#include "cli/token_names.h"

#include <algorithm>
#include <iterator>

#include "cli/agent_connection.h"
#include "cli/pkcs11_uri.h"
#include "cli/text.h"
#include "protocol/error.h"

namespace fob::cli {
namespace {

/// A USB descriptor may fill the number up with zeros where the card itself does not. Only zeros are no number.
std::string_view device_serial(const control::Token& token) {
  const std::string_view serial = token.serial.empty() && token.pkcs11 ? token.pkcs11->serial : token.serial;
  const bool is_number = serial.find_first_not_of("0123456789") == std::string_view::npos;
  return is_number ? serial.substr(std::min(serial.find_first_not_of('0'), serial.size())) : serial;
}

bool is_meant(const control::Token& token, const std::string& on) {
  if (token.id == on) return true;
  if (on == "fido") return is_fido2(token);
  return is_pkcs11_uri(on) && is_pkcs11_uri(token.id) && uri_means_token(on, token.id);
}

std::vector<std::string> names_of(const std::vector<control::Token>& tokens, const std::vector<std::size_t>& which) {
  const std::vector<std::string> all = on_names(tokens);
  std::vector<std::string> out;
  out.reserve(which.size());
  for (const std::size_t i : which) out.push_back(all[i]);
  return out;
}

}  // namespace

bool is_fido2(const control::Token& token) { return token.id.starts_with("fido"); }

bool is_there(const control::Token& token) { return is_fido2(token) || !token.product.empty(); }

std::vector<std::string> on_names(const std::vector<control::Token>& tokens) {
  std::vector<std::string> uris;
  for (const control::Token& token : tokens) {
    if (is_pkcs11_uri(token.id)) uris.push_back(token.id);
  }
  std::vector<std::string> out;
  out.reserve(tokens.size());
  for (const control::Token& token : tokens) {
    out.push_back(is_pkcs11_uri(token.id) ? short_token_uri(token.id, uris) : token.id);
  }
  return out;
}

control::Token token_named(const std::string& on) {
  std::vector<control::Token> all = ask_agent_for<control::Tokens>(control::ListTokens{}).tokens;
  if (all.empty()) throw Error(Errc::not_found, "no token is plugged in");
  std::vector<std::size_t> every;
  std::vector<std::size_t> meant;
  for (std::size_t i = 0; i < all.size(); ++i) {
    every.push_back(i);
    if (is_meant(all[i], on)) meant.push_back(i);
  }
  if (meant.size() == 1) return std::move(all[meant[0]]);
  if (meant.empty()) {
    throw Error(Errc::not_found,
                "no token " + shown(on) + " is plugged in; there are: " + joined(names_of(all, every)));
  }
  throw Error(Errc::refused, "several tokens are plugged in: name one with --on: " + joined(names_of(all, meant)));
}

std::vector<control::Token> by_device(std::vector<control::Token> tokens) {
  std::vector<std::vector<control::Token>> devices;
  for (control::Token& token : tokens) {
    const auto device = std::find_if(devices.begin(), devices.end(),
                                     [&](const auto& applets) { return are_one_device(applets.front(), token); });
    if (device == devices.end()) {
      devices.push_back({std::move(token)});
    } else {
      device->push_back(std::move(token));
    }
  }
  std::vector<control::Token> out;
  for (std::vector<control::Token>& applets : devices) {
    std::stable_partition(applets.begin(), applets.end(), is_fido2);
    std::move(applets.begin(), applets.end(), std::back_inserter(out));
  }
  return out;
}

bool are_one_device(const control::Token& one, const control::Token& other) {
  return !device_serial(one).empty() && device_serial(one) == device_serial(other);
}

}  // namespace fob::cli
