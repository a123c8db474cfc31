#include "cli/pkcs11_uri.h"

#include <algorithm>
#include <array>

#include "protocol/error.h"
#include "protocol/pkcs11_info.h"

namespace fob::cli {
namespace {

constexpr std::string_view scheme = "pkcs11:";

/// What a URI may say of a token, and of a key (RFC 7512 §2.3). All keys are private ones: the type says nothing.
constexpr std::array<std::string_view, 4> token_attributes{"token", "serial", "model", "manufacturer"};
constexpr std::array<std::string_view, 2> key_attributes{"object", "id"};

/// The next of parts that `separator` parts; `rest` is moved past it.
std::string_view next_part(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

std::string_view path_of(std::string_view uri) {
  uri.remove_prefix(std::min(scheme.size(), uri.size()));
  return uri.substr(0, uri.find('?'));
}

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = i + 2 < text.size() && text[i] == '%' ? hex_value(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : hex_value(text[i + 2]);
    if (low < 0) {
      out += text[i];
    } else {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

/// Stands in a URI, and for itself in every shell.
bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
}

std::string encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_plain(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return out;
}

/// A URI of these attributes of the token `uri`; empty where it lacks one of them.
std::string uri_of(std::string_view uri, const std::vector<std::string_view>& attributes) {
  std::string out;
  for (const std::string_view name : attributes) {
    const std::optional<std::string> value = uri_attribute(uri, name);
    if (!value || value->empty()) return {};
    out += std::string(out.empty() ? scheme : ";") + std::string(name) + '=' + encoded(*value);
  }
  return out;
}

/// Whether `uri` gives the attribute, and then another value than `of` has.
bool contradicts(std::string_view uri, std::string_view of, std::string_view name) {
  const std::optional<std::string> wanted = uri_attribute(uri, name);
  return wanted && *wanted != uri_attribute(of, name).value_or("");
}

bool means_one(std::string_view uri, const std::vector<std::string>& all) {
  return std::count_if(all.begin(), all.end(), [&](const std::string& token) { return uri_means_token(uri, token); }) ==
         1;
}

}  // namespace

std::optional<std::string> uri_attribute(std::string_view uri, std::string_view name) {
  std::string_view path = path_of(uri);
  while (!path.empty()) {
    std::string_view value = next_part(path, ';');
    if (next_part(value, '=') == name) return decoded(value);
  }
  return std::nullopt;
}

bool uri_means_token(std::string_view uri, std::string_view token_uri) {
  return std::none_of(token_attributes.begin(), token_attributes.end(),
                      [&](std::string_view name) { return contradicts(uri, token_uri, name); });
}

bool uri_means_key(std::string_view uri, std::string_view key_uri) {
  return uri_means_token(uri, key_uri) &&
         std::none_of(key_attributes.begin(), key_attributes.end(),
                      [&](std::string_view name) { return contradicts(uri, key_uri, name); });
}

std::string short_key_uri(const std::string& uri) {
  for (const std::string_view token : {"serial", "token"}) {
    for (const std::string_view key : key_attributes) {
      std::string out = uri_of(uri, {token, key});
      if (!out.empty()) return out;
    }
  }
  return uri;
}

std::string short_token_uri(const std::string& uri, const std::vector<std::string>& all) {
  // A label says most to people, but one with spaces is unwieldy; a serial number alone needs no quotes, a pair does.
  const std::string label = uri_attribute(uri, "token").value_or("");
  std::vector<std::vector<std::string_view>> choices{{"serial"},
                                                     {"token"},
                                                     {"token", "serial"},
                                                     {"token", "serial", "model"},
                                                     {"token", "serial", "model", "manufacturer"}};
  if (std::all_of(label.begin(), label.end(), is_plain)) std::swap(choices[0], choices[1]);
  for (const auto& attributes : choices) {
    std::string candidate = uri_of(uri, attributes);
    if (!candidate.empty() && means_one(candidate, all)) return candidate;
  }
  return uri;
}

std::string check_uri_option(const std::string& uri) {
  try {
    check_pkcs11_uri(uri);
  } catch (const Error& error) {
    return error.what();
  }
  std::string_view query = uri;
  next_part(query, '?');
  while (!query.empty()) {
    const std::string_view name = next_part(query, '&');
    if (name.starts_with("pin-value") || name.starts_with("pin-source")) {
      return "no PIN belongs in a URI, where a shell's history keeps it: fob asks for it";
    }
  }
  return {};
}

}  // namespace fob::cli
