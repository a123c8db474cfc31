#include "tokens/pkcs11/token_info.h"

#include <algorithm>

#include "protocol/limits.h"
#include "protocol/pattern.h"
#include "tokens/pkcs11/piv_slot.h"
#include "tokens/pkcs11/return_value.h"

namespace fob::pkcs11 {
namespace {

constexpr std::uint32_t piv_rsa_bits = 2048;

/// Blanks at the end are padding; some modules pad with zeros.
template <std::size_t size>
std::string text_of(const unsigned char (&field)[size]) {
  std::string_view text(reinterpret_cast<const char*>(field), size);
  text = text.substr(0, text.find('\0'));
  const std::size_t last = text.find_last_not_of(' ');
  return printable(last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1),
                   limits::token_name_bytes);
}

std::uint32_t clamped(CK_ULONG value) { return static_cast<std::uint32_t>(std::min<CK_ULONG>(value, UINT32_MAX)); }

std::string firmware_of(const CK_TOKEN_INFO& token, std::optional<PivModule> piv) {
  const unsigned major = token.firmwareVersion.major;
  const unsigned minor = token.firmwareVersion.minor;
  if (major == 0 && minor == 0) return "";
  if (piv != PivModule::ykcs11) return std::to_string(major) + "." + std::to_string(minor);
  // libykcs11 puts minor version and patch level into one number.
  return std::to_string(major) + "." + std::to_string(minor / 10) + "." + std::to_string(minor % 10);
}

std::optional<CK_MECHANISM_INFO> generator(const Library& library, CK_SLOT_ID slot, CK_MECHANISM_TYPE mechanism) {
  CK_MECHANISM_INFO info{};
  if (library.functions().C_GetMechanismInfo(slot, mechanism, &info) != CKR_OK) return std::nullopt;
  return (info.flags & CKF_GENERATE_KEY_PAIR) != 0 ? std::optional(info) : std::nullopt;
}

void add_generated_kinds(Pkcs11TokenInfo& out, const Library& library, CK_SLOT_ID slot) {
  if (const auto rsa = generator(library, slot, CKM_RSA_PKCS_KEY_PAIR_GEN)) {
    out.rsa_min_bits = std::max(clamped(rsa->ulMinKeySize), std::uint32_t{limits::rsa_min_bits});
    out.rsa_max_bits = std::min(clamped(rsa->ulMaxKeySize), std::uint32_t{limits::rsa_max_bits});
    if (out.rsa_min_bits <= out.rsa_max_bits) out.key_kinds.push_back(KeyKind::rsa);
  }
  if (const auto ec = generator(library, slot, CKM_EC_KEY_PAIR_GEN)) {
    for (const KeyKind kind : {KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521}) {
      const unsigned bits = traits(kind).bits;
      if (ec->ulMinKeySize <= bits && bits <= ec->ulMaxKeySize) out.key_kinds.push_back(kind);
    }
  }
  if (generator(library, slot, CKM_EC_EDWARDS_KEY_PAIR_GEN)) out.key_kinds.push_back(KeyKind::ed25519);
}

/// What PivCard makes (SP 800-78-4 table 9).
void add_piv_kinds(Pkcs11TokenInfo& out) {
  out.key_kinds = {KeyKind::rsa, KeyKind::ecdsa_p256, KeyKind::ecdsa_p384};
  out.rsa_min_bits = out.rsa_max_bits = piv_rsa_bits;
}

/// Nothing where the token went away meanwhile.
std::optional<SlotToken> read_slot(const Library& library, CK_SLOT_ID slot) {
  SlotToken out;
  out.slot = slot;
  if (library.functions().C_GetSlotInfo(slot, &out.slot_info) != CKR_OK) return std::nullopt;
  if (library.functions().C_GetTokenInfo(slot, &out.info) != CKR_OK) return std::nullopt;
  return out;
}

}  // namespace

std::vector<SlotToken> present_tokens(const Library& library) {
  std::vector<CK_SLOT_ID> slots;
  CK_RV result = CKR_BUFFER_TOO_SMALL;
  // Tokens may come between the two calls.
  for (int i = 0; i < 3 && result == CKR_BUFFER_TOO_SMALL; ++i) {
    CK_ULONG count = 0;
    check(library.functions().C_GetSlotList(CK_TRUE, nullptr, &count), "C_GetSlotList");
    slots.resize(std::min<std::size_t>(count, limits::pkcs11_tokens));
    count = slots.size();
    if (count == 0) return {};
    result = library.functions().C_GetSlotList(CK_TRUE, slots.data(), &count);
    if (count < slots.size()) slots.resize(count);
  }
  check(result, "C_GetSlotList");
  std::vector<SlotToken> out;
  for (const CK_SLOT_ID slot : slots) {
    if (std::optional<SlotToken> token = read_slot(library, slot)) out.push_back(*token);
  }
  return out;
}

Pkcs11TokenInfo describe(const Library& library, const SlotToken& token) {
  const CK_TOKEN_INFO& info = token.info;
  const auto has = [&info](CK_FLAGS flag) { return (info.flags & flag) != 0; };
  Pkcs11TokenInfo out;
  out.uri = Uri::of_token(info);
  out.label = label_of(info);
  out.manufacturer = manufacturer_of(info);
  out.model = model_of(info);
  out.serial = serial_of(info);
  out.slot = slot_of(token.slot_info);
  const std::optional<PivModule> piv = piv_module_of(out.manufacturer, out.model);
  out.is_piv = piv.has_value();
  out.firmware = firmware_of(info, piv);
  if (piv) {
    add_piv_kinds(out);
  } else {
    add_generated_kinds(out, library, token.slot);
  }
  out.min_pin_length = clamped(info.ulMinPinLen);
  out.max_pin_length = clamped(info.ulMaxPinLen);
  out.removable = (token.slot_info.flags & CKF_REMOVABLE_DEVICE) != 0;
  out.initialized = has(CKF_TOKEN_INITIALIZED);
  out.login_required = has(CKF_LOGIN_REQUIRED);
  out.pin_set = has(CKF_USER_PIN_INITIALIZED);
  out.pin_pad = has(CKF_PROTECTED_AUTHENTICATION_PATH);
  out.pin_count_low = has(CKF_USER_PIN_COUNT_LOW);
  out.pin_final_try = has(CKF_USER_PIN_FINAL_TRY);
  out.pin_locked = has(CKF_USER_PIN_LOCKED);
  out.write_protected = has(CKF_WRITE_PROTECTED);
  return out;
}

std::string label_of(const CK_TOKEN_INFO& token) { return text_of(token.label); }
std::string manufacturer_of(const CK_TOKEN_INFO& token) { return text_of(token.manufacturerID); }
std::string serial_of(const CK_TOKEN_INFO& token) { return text_of(token.serialNumber); }
std::string model_of(const CK_TOKEN_INFO& token) { return text_of(token.model); }
std::string slot_of(const CK_SLOT_INFO& slot) { return text_of(slot.slotDescription); }

}  // namespace fob::pkcs11
