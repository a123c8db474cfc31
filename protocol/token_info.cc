#include "protocol/token_info.h"

#include <algorithm>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

/// The host has cut them to size; what does not fit comes from a host that a token owns.
std::uint32_t read_count(Reader& in, std::size_t most, const char* what) {
  const std::uint32_t count = in.u32();
  if (count <= most) return count;
  throw Error(Errc::too_large, std::to_string(count) + " " + what + ", at most " + std::to_string(most) + " allowed");
}

std::vector<std::string> read_names(Reader& in) {
  std::vector<std::string> out;
  const std::uint32_t count = read_count(in, limits::token_names, "names");
  for (std::uint32_t i = 0; i < count; ++i) out.push_back(printable(in.text(limits::token_name_bytes)));
  return out;
}

void write_names(Writer& out, const std::vector<std::string>& names) {
  out.u32(static_cast<std::uint32_t>(names.size()));
  for (const std::string& name : names) out.string(name);
}

std::vector<KeyKind> read_kinds(Reader& in) {
  std::vector<KeyKind> out;
  const std::uint32_t count = read_count(in, key_kinds.size(), "kinds of key");
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::optional<KeyTypeName> type = key_type_from_name(in.text(limits::name_bytes));
    if (!type || type->is_certificate) throw Error(Errc::malformed, "not a kind of key");
    out.push_back(type->kind);
  }
  return out;
}

void write_kinds(Writer& out, const std::vector<KeyKind>& kinds) {
  out.u32(static_cast<std::uint32_t>(kinds.size()));
  for (const KeyKind kind : kinds) out.string(traits(kind).name);
}

std::optional<std::uint32_t> read_optional(Reader& in) {
  const bool present = in.boolean();
  const std::uint32_t value = in.u32();
  return present ? std::optional(value) : std::nullopt;
}

void write_optional(Writer& out, std::optional<std::uint32_t> value) {
  out.boolean(value.has_value()).u32(value.value_or(0));
}

constexpr bool TokenInfo::*flags[] = {
    &TokenInfo::is_fido2,       &TokenInfo::takes_pin,       &TokenInfo::pin_set,
    &TokenInfo::pin_change_due, &TokenInfo::pin_for_new_key, &TokenInfo::always_uv,
    &TokenInfo::built_in_uv,    &TokenInfo::resident_keys,   &TokenInfo::credential_management,
    &TokenInfo::cred_protect,
};

}  // namespace

TokenInfo TokenInfo::read(Reader& in) {
  TokenInfo out;
  out.versions = read_names(in);
  out.extensions = read_names(in);
  out.transports = read_names(in);
  out.key_kinds = read_kinds(in);
  const ByteView aaguid = in.raw(out.aaguid.size());
  std::copy(aaguid.begin(), aaguid.end(), out.aaguid.begin());
  out.firmware = in.u64();
  out.pin_tries = read_optional(in);
  out.resident_left = read_optional(in);
  out.min_pin_length = in.u32();
  for (bool TokenInfo::*flag : flags) out.*flag = in.boolean();
  return out;
}

void TokenInfo::write(Writer& out) const {
  write_names(out, versions);
  write_names(out, extensions);
  write_names(out, transports);
  write_kinds(out, key_kinds);
  out.raw(aaguid).u64(firmware);
  write_optional(out, pin_tries);
  write_optional(out, resident_left);
  out.u32(min_pin_length);
  for (bool TokenInfo::*flag : flags) out.boolean(this->*flag);
}

}  // namespace fob
