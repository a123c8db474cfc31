#include "protocol/allowed_signers.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "protocol/base64.h"
#include "protocol/error.h"
#include "protocol/fingerprint.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

constexpr std::string_view blanks = " \t\r\n";

[[noreturn]] void throw_malformed(const std::string& why) { throw Error(Errc::malformed, why); }

std::string_view without_blanks(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text;
}

/// Takes a word off the front; `"` encloses blanks, after `\` it is itself.
std::string_view take_word(std::string_view& text) {
  bool quoted = false;
  std::size_t size = 0;
  for (; size < text.size() && (quoted || blanks.find(text[size]) == std::string_view::npos); ++size) {
    if (text[size] == '\\' && text.substr(size).starts_with("\\\"")) {
      ++size;
    } else if (text[size] == '"') {
      quoted = !quoted;
    }
  }
  if (quoted) throw_malformed("a quotation mark without its other");
  const std::string_view word = text.substr(0, size);
  text = without_blanks(text.substr(size));
  return word;
}

/// Takes the principals off the front, as ssh-keygen does: a quotation mark counts as their first byte only, and then
/// they go to the next one. A pattern that is too long for it lets nobody in.
std::string_view take_principals(std::string_view& text) {
  constexpr std::size_t max_pattern_bytes = 1023;
  const bool quoted = text.starts_with('"');
  if (quoted) text.remove_prefix(1);
  const std::size_t end = quoted ? text.find('"') : std::min(text.find_first_of(blanks), text.size());
  if (end == std::string_view::npos) throw_malformed("a quotation mark without its other");
  const std::string_view out = text.substr(0, end);
  text = without_blanks(text.substr(end + (quoted ? 1 : 0)));
  for (std::string_view rest = out; !rest.empty();) {
    const std::string_view pattern = rest.substr(0, rest.find(','));
    if (pattern.size() > max_pattern_bytes) throw_malformed("a pattern in it is too long");
    rest.remove_prefix(std::min(pattern.size() + 1, rest.size()));
  }
  return out;
}

/// "TYPE BASE64" and a comment; nothing where the text begins with something else.
std::optional<PublicKey> parse_key(std::string_view text) {
  const std::string_view type = text.substr(0, text.find_first_of(blanks));
  if (!key_type_from_name(type)) return std::nullopt;
  text = without_blanks(text.substr(type.size()));
  const std::optional<Bytes> blob = decode_base64(text.substr(0, text.find_first_of(blanks)));
  if (!blob) throw_malformed("the base64 of its key is broken");
  PublicKey out = PublicKey::parse(*blob);
  if (out.type_name() != type) throw_malformed("its key is of another type than it says");
  return out;
}

/// `YYYYMMDD[HHMM[SS]][Z]` (ssh-keygen(1)); never 0.
std::uint64_t parse_time(std::string_view text) {
  const bool utc = text.ends_with('Z') || text.ends_with('z');
  const std::string_view digits = text.substr(0, text.size() - (utc ? 1 : 0));
  const bool sized = digits.size() == 8 || digits.size() == 12 || digits.size() == 14;
  if (!sized || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    throw_malformed("a time must be written YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS");
  }
  const auto number = [&](std::size_t at, std::size_t size) {
    int out = 0;
    for (std::size_t i = at; i < std::min(at + size, digits.size()); ++i) out = out * 10 + (digits[i] - '0');
    return out;
  };
  tm parts{};
  parts.tm_year = number(0, 4) - 1900;
  parts.tm_mon = number(4, 2) - 1;
  parts.tm_mday = number(6, 2);
  parts.tm_hour = number(8, 2);
  parts.tm_min = number(10, 2);
  parts.tm_sec = number(12, 2);
  parts.tm_isdst = -1;
  const bool possible = parts.tm_mon >= 0 && parts.tm_mon < 12 && parts.tm_mday >= 1 && parts.tm_mday <= 31 &&
                        parts.tm_hour < 24 && parts.tm_min < 60 && parts.tm_sec <= 60;
  const time_t time = possible ? (utc ? timegm(&parts) : mktime(&parts)) : 0;
  if (time <= 0) throw_malformed("there is no such time as " + printable(text));
  return static_cast<std::uint64_t>(time);
}

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

/// The options of a line, one after another.
class Options {
 public:
  explicit Options(std::string_view text) : rest_(text) {}

  void read_into(AllowedSigner& signer) {
    while (!rest_.empty()) {
      const std::string_view name = rest_.substr(0, rest_.find_first_of("=,"));
      rest_.remove_prefix(name.size());
      read(name, signer);
      if (rest_.empty()) return;
      if (rest_[0] != ',' || rest_.size() == 1) throw_malformed("its options do not end as they should");
      rest_.remove_prefix(1);
    }
  }

 private:
  void read(std::string_view name, AllowedSigner& signer) {
    if (same_letters(name, "cert-authority")) {
      signer.authority = true;
    } else if (same_letters(name, "namespaces") && !signer.namespaces) {
      signer.namespaces = value();
    } else if (same_letters(name, "valid-after") && signer.valid_after == 0) {
      signer.valid_after = parse_time(value());
    } else if (same_letters(name, "valid-before") && signer.valid_before == 0) {
      signer.valid_before = parse_time(value());
    } else {
      throw_malformed("the option " + printable(name) + " is unknown here, or stands there twice");
    }
  }

  /// What stands in quotation marks after an equals sign.
  std::string value() {
    if (!rest_.starts_with("=\"")) throw_malformed("an option's value must stand in quotation marks");
    std::string out;
    for (std::size_t at = 2; at < rest_.size(); ++at) {
      if (rest_[at] == '"') {
        rest_.remove_prefix(at + 1);
        return out;
      }
      if (rest_.substr(at).starts_with("\\\"")) ++at;
      out += rest_[at];
    }
    throw_malformed("a quotation mark without its other");
  }

  std::string_view rest_;
};

/// Why a line does not let somebody in: the higher, the closer it came.
struct Miss {
  int closeness = 0;
  std::string why;
};

std::string local_time(std::uint64_t seconds) {
  const auto time = static_cast<time_t>(seconds);
  tm parts{};
  std::array<char, 64> text{};
  localtime_r(&time, &parts);
  return {text.data(), strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts)};
}

/// Empty if the certificate is for that identity at that time.
std::string certificate_fault(const Certificate& certificate, std::string_view identity, std::uint64_t now) {
  const std::vector<std::string>& names = certificate.principals;
  if (certificate.type != Certificate::Type::user) return "the certificate is one of a host, not of a user";
  if (now < certificate.valid_after)
    return "the certificate is not valid before " + local_time(certificate.valid_after);
  if (now >= certificate.valid_before) return "the certificate was valid until " + local_time(certificate.valid_before);
  if (std::find(names.begin(), names.end(), identity) != names.end()) return "";
  return "the certificate does not name " + printable(identity);
}

std::string option_fault(const AllowedSigner& signer, std::string_view signature_namespace, std::uint64_t now) {
  if (signer.namespaces && !matches_pattern_list(signature_namespace, *signer.namespaces)) {
    return "its key may not sign for the namespace " + printable(signature_namespace) + ", only for " +
           printable(*signer.namespaces);
  }
  if (signer.valid_after != 0 && now < signer.valid_after) {
    return "its key is not valid before " + local_time(signer.valid_after);
  }
  if (signer.valid_before != 0 && now > signer.valid_before) {
    return "its key was valid until " + local_time(signer.valid_before);
  }
  return "";
}

/// What a line is asked.
struct Claim {
  const PublicKey& key;
  std::string_view identity;
  std::string_view signature_namespace;
  std::uint64_t now;
};

/// Nothing if the line lets them in.
std::optional<Miss> miss_of(const AllowedSigner& signer, const Claim& claim) {
  const bool named = matches_pattern_list(claim.identity, signer.principals);
  const bool certified =
      signer.authority && claim.key.is_certificate() && equal(claim.key.certificate->signature_key, signer.key.blob);
  const bool same_key = certified || (!signer.authority && equal(signer.key.blob, claim.key.blob));
  if (!named && !same_key) return Miss{};
  if (!named) return Miss{2, "its key is there for " + printable(signer.principals) + ", and not for this identity"};
  if (!same_key) return Miss{1, "that identity has other keys there, and not this one"};
  std::string fault = certified ? certificate_fault(*claim.key.certificate, claim.identity, claim.now) : "";
  if (fault.empty()) fault = option_fault(signer, claim.signature_namespace, claim.now);
  if (fault.empty()) return std::nullopt;
  return Miss{3, fault};
}

std::optional<Miss> miss_of(std::string_view line, const Claim& claim) {
  try {
    const std::optional<AllowedSigner> signer = parse_allowed_signer(line);
    return signer ? miss_of(*signer, claim) : Miss{};
  } catch (const Error& error) {
    return Miss{1, std::string("it cannot be read: ") + error.what()};
  }
}

}  // namespace

std::optional<AllowedSigner> parse_allowed_signer(std::string_view line) {
  line = without_blanks(line);
  if (line.empty() || line[0] == '#') return std::nullopt;
  AllowedSigner out;
  out.principals = take_principals(line);
  std::optional<PublicKey> key = parse_key(line);
  if (!key) {
    Options(take_word(line)).read_into(out);
    key = parse_key(line);
  }
  if (!key) throw_malformed("there is no key of a known type in it");
  if (out.valid_after != 0 && out.valid_before != 0 && out.valid_before <= out.valid_after) {
    throw_malformed("its valid-before is not after its valid-after");
  }
  out.key = std::move(*key);
  return out;
}

void check_allowed_signer(std::string_view text, const PublicKey& key, std::string_view identity,
                          std::string_view signature_namespace, std::uint64_t now) {
  if (text.size() > limits::allowed_signers_bytes) {
    throw Error(Errc::too_large, "the file of allowed signers has more than " +
                                     std::to_string(limits::allowed_signers_bytes) + " bytes");
  }
  const Claim claim{key, identity, signature_namespace, now};
  Miss closest{0, ""};
  std::size_t closest_line = 0;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    std::optional<Miss> miss = miss_of(line, claim);
    if (!miss) return;
    if (miss->closeness <= closest.closeness) continue;
    closest = std::move(*miss);
    closest_line = number;
  }
  const std::string where = closest_line == 0 ? "neither that identity nor this key is there"
                                              : "line " + std::to_string(closest_line) + ": " + closest.why;
  throw Error(Errc::refused, printable(identity) + " may not sign this with the key " + fingerprint(key) +
                                 " by the file of allowed signers: " + where);
}

}  // namespace fob
