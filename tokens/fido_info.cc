#include "tokens/fido_info.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

std::vector<std::string> names(char* const* list, std::size_t count) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < std::min(count, limits::token_names); ++i) {
    out.push_back(printable(std::string_view(list[i]).substr(0, limits::token_name_bytes)));
  }
  return out;
}

bool contains(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

/// The options of getInfo (§6.4, 0x04): there and true, there and false, not there.
class Options {
 public:
  explicit Options(const fido_cbor_info_t* info) : info_(info) {}

  bool has(std::string_view name) const { return find(name) != nullptr; }
  bool is_on(std::string_view name) const {
    const bool* value = find(name);
    return value != nullptr && *value;
  }

 private:
  const bool* find(std::string_view name) const {
    char** all = fido_cbor_info_options_name_ptr(info_);
    for (std::size_t i = 0; i < fido_cbor_info_options_len(info_); ++i) {
      if (name == all[i]) return fido_cbor_info_options_value_ptr(info_) + i;
    }
    return nullptr;
  }

  const fido_cbor_info_t* info_;
};

/// A CTAP 2.0 token does not list its algorithms: what it cannot make it refuses itself, before it wants a touch.
std::vector<KeyKind> kinds(const fido_cbor_info_t* info) {
  const std::size_t count = fido_cbor_info_algorithm_count(info);
  if (count == 0) return {KeyKind::sk_ecdsa_p256, KeyKind::sk_ed25519};
  std::vector<KeyKind> out;
  for (std::size_t i = 0; i < count; ++i) {
    const int algorithm = fido_cbor_info_algorithm_cose(info, i);
    const std::optional<KeyKind> kind = algorithm == COSE_ES256   ? std::optional(KeyKind::sk_ecdsa_p256)
                                        : algorithm == COSE_EDDSA ? std::optional(KeyKind::sk_ed25519)
                                                                  : std::nullopt;
    if (kind && std::find(out.begin(), out.end(), *kind) == out.end()) out.push_back(*kind);
  }
  return out;
}

void read_options(TokenInfo& out, const Options& options) {
  out.takes_pin = options.has("clientPin");
  out.pin_set = options.is_on("clientPin");
  out.always_uv = options.is_on("alwaysUv");
  out.built_in_uv = options.is_on("uv");
  out.resident_keys = options.is_on("rk");
  out.credential_management = options.is_on("credMgmt") || options.is_on("credentialMgmtPreview");
  // §6.1.2: with a PIN set, a key that is not resident takes none only where makeCredUvNotRqd says so.
  out.pin_for_new_key = out.pin_set && (out.always_uv || !options.is_on("makeCredUvNotRqd"));
}

std::uint32_t clamped(std::uint64_t value) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, std::numeric_limits<std::uint32_t>::max()));
}

/// As the CTAPHID_INIT answer has it, put together as most tokens number theirs in getInfo.
std::uint64_t device_version(const fido_dev_t* device) {
  return std::uint64_t{fido_dev_major(device)} << 16 | std::uint64_t{fido_dev_minor(device)} << 8 |
         std::uint64_t{fido_dev_build(device)};
}

}  // namespace

TokenInfo token_info(const fido_dev_t* device, const fido_cbor_info_t* info) {
  TokenInfo out;
  out.firmware = device_version(device);
  if (info == nullptr) {
    out.versions = {"U2F_V2"};
    out.key_kinds = {KeyKind::sk_ecdsa_p256};
    return out;
  }
  out.is_fido2 = true;
  out.versions = names(fido_cbor_info_versions_ptr(info), fido_cbor_info_versions_len(info));
  out.extensions = names(fido_cbor_info_extensions_ptr(info), fido_cbor_info_extensions_len(info));
  out.transports = names(fido_cbor_info_transports_ptr(info), fido_cbor_info_transports_len(info));
  out.key_kinds = kinds(info);
  const ByteView aaguid(fido_cbor_info_aaguid_ptr(info), fido_cbor_info_aaguid_len(info));
  if (aaguid.size() == out.aaguid.size()) std::copy(aaguid.begin(), aaguid.end(), out.aaguid.begin());
  if (fido_cbor_info_fwversion(info) != 0) out.firmware = fido_cbor_info_fwversion(info);
  const std::int64_t left = fido_cbor_info_rk_remaining(info);
  if (left >= 0) out.resident_left = clamped(static_cast<std::uint64_t>(left));
  if (fido_cbor_info_minpinlen(info) != 0) out.min_pin_length = clamped(fido_cbor_info_minpinlen(info));
  out.pin_change_due = fido_cbor_info_new_pin_required(info);
  read_options(out, Options(info));
  out.cred_protect = contains(out.extensions, "credProtect");
  return out;
}

}  // namespace fob
