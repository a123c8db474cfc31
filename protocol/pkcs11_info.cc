#include "protocol/pkcs11_info.h"

#include <algorithm>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

constexpr std::string_view scheme = "pkcs11:";

/// RFC 3986 §2: unreserved, reserved, and '%'; but no apostrophe, for people put such texts between two.
bool is_uri_character(char c) {
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return is_letter || (c >= '0' && c <= '9') ||
         std::string_view("-._~:/?#[]@!$&()*+,;=%").find(c) != std::string_view::npos;
}

std::string read_uri(Reader& in) {
  std::string out(in.text(limits::uri_bytes));
  check_pkcs11_uri(out);
  return out;
}

std::string read_name(Reader& in) { return printable(in.text(limits::token_name_bytes)); }

/// Kinds of key that PKCS#11 has and SSH takes.
bool is_pkcs11_kind(KeyKind kind) { return kind == KeyKind::rsa || kind == KeyKind::ed25519 || is_ecdsa(kind); }

std::vector<KeyKind> read_kinds(Reader& in) {
  std::vector<KeyKind> out;
  const std::uint32_t count = in.u32();
  if (count > key_kinds.size()) throw Error(Errc::too_large, std::to_string(count) + " kinds of key");
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::optional<KeyTypeName> type = key_type_from_name(in.text(limits::name_bytes));
    if (!type || type->is_certificate || !is_pkcs11_kind(type->kind)) {
      throw Error(Errc::malformed, "not a kind of key on PKCS#11 tokens");
    }
    out.push_back(type->kind);
  }
  return out;
}

constexpr std::string Pkcs11TokenInfo::*names[] = {
    &Pkcs11TokenInfo::label,  &Pkcs11TokenInfo::manufacturer, &Pkcs11TokenInfo::model,
    &Pkcs11TokenInfo::serial, &Pkcs11TokenInfo::slot,         &Pkcs11TokenInfo::firmware,
};

constexpr std::uint32_t Pkcs11TokenInfo::*numbers[] = {
    &Pkcs11TokenInfo::rsa_min_bits,
    &Pkcs11TokenInfo::rsa_max_bits,
    &Pkcs11TokenInfo::min_pin_length,
    &Pkcs11TokenInfo::max_pin_length,
};

constexpr bool Pkcs11TokenInfo::*flags[] = {
    &Pkcs11TokenInfo::removable,     &Pkcs11TokenInfo::initialized, &Pkcs11TokenInfo::login_required,
    &Pkcs11TokenInfo::pin_set,       &Pkcs11TokenInfo::pin_pad,     &Pkcs11TokenInfo::pin_count_low,
    &Pkcs11TokenInfo::pin_final_try, &Pkcs11TokenInfo::pin_locked,  &Pkcs11TokenInfo::write_protected,
    &Pkcs11TokenInfo::is_piv,
};

}  // namespace

bool is_pkcs11_uri(std::string_view text) { return text.substr(0, scheme.size()) == scheme; }

void check_pkcs11_uri(std::string_view uri) {
  if (!is_pkcs11_uri(uri)) throw Error(Errc::malformed, "not a PKCS#11 URI: it has to begin with \"pkcs11:\"");
  if (uri.size() > limits::uri_bytes) {
    throw Error(Errc::malformed, "PKCS#11 URI of " + std::to_string(uri.size()) + " bytes, at most " +
                                     std::to_string(limits::uri_bytes) + " allowed");
  }
  if (!std::all_of(uri.begin(), uri.end(), is_uri_character)) {
    throw Error(Errc::malformed, "a PKCS#11 URI with a character that has to be written as %XX (RFC 7512)");
  }
  // It would end up in shell histories, logs and the store.
  for (const std::string_view secret : {"pin-value=", "pin-source="}) {
    if (uri.find(secret) != std::string_view::npos) {
      throw Error(Errc::malformed, "no PIN belongs in a URI: leave it out, it is asked for");
    }
  }
}

Pkcs11TokenInfo Pkcs11TokenInfo::read(Reader& in) {
  Pkcs11TokenInfo out;
  out.uri = read_uri(in);
  for (std::string Pkcs11TokenInfo::*name : names) out.*name = read_name(in);
  out.key_kinds = read_kinds(in);
  for (std::uint32_t Pkcs11TokenInfo::*number : numbers) out.*number = in.u32();
  for (bool Pkcs11TokenInfo::*flag : flags) out.*flag = in.boolean();
  return out;
}

void Pkcs11TokenInfo::write(Writer& out) const {
  out.string(uri);
  for (std::string Pkcs11TokenInfo::*name : names) out.string(this->*name);
  out.u32(static_cast<std::uint32_t>(key_kinds.size()));
  for (const KeyKind kind : key_kinds) out.string(traits(kind).name);
  for (std::uint32_t Pkcs11TokenInfo::*number : numbers) out.u32(this->*number);
  for (bool Pkcs11TokenInfo::*flag : flags) out.boolean(this->*flag);
}

Pkcs11Key Pkcs11Key::read(Reader& in) {
  Pkcs11Key out;
  out.uri = read_uri(in);
  out.token_uri = read_uri(in);
  out.label = printable(in.text(limits::label_bytes));
  out.public_key = PublicKey::parse_plain(in.string(limits::message_bytes));
  if (!is_pkcs11_kind(out.public_key.kind))
    throw Error(Errc::malformed, "a kind of key that PKCS#11 tokens do not have");
  out.always_authenticate = in.boolean();
  return out;
}

void Pkcs11Key::write(Writer& out) const {
  out.string(uri).string(token_uri).string(label).string(public_key.blob).boolean(always_authenticate);
}

}  // namespace fob
