#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/key_kind.h"
#include "protocol/wire.h"

namespace fob {

/// What a FIDO2 token says of itself (CTAP 2.1 §6.4, authenticatorGetInfo; a U2F token says nothing and is described
/// by its version).
struct TokenInfo {
  std::vector<std::string> versions;    ///< "FIDO_2_1", "U2F_V2"
  std::vector<std::string> extensions;  ///< "credProtect", "hmac-secret"
  std::vector<std::string> transports;  ///< "usb", "nfc"; empty where the token does not say
  std::vector<KeyKind> key_kinds;       ///< what it can generate; of sk_ecdsa_p256, sk_ed25519
  std::array<std::uint8_t, 16> aaguid{};
  std::uint64_t firmware = 0;                  ///< as the token numbers it; 0: it does not say
  std::optional<std::uint32_t> pin_tries;      ///< left; nothing: it has no PIN set, or takes none
  std::optional<std::uint32_t> resident_left;  ///< further resident credentials, where the token says
  std::uint32_t min_pin_length = 4;            ///< Unicode characters
  bool is_fido2 = false;                       ///< speaks CTAP2; else U2F only
  bool takes_pin = false;                      ///< clientPin is there, set or not
  bool pin_set = false;
  bool pin_change_due = false;   ///< takes its PIN only to change it
  bool pin_for_new_key = false;  ///< wants its PIN for any new key, not only for resident and verify-required ones
  bool always_uv = false;        ///< wants PIN or fingerprint for every use
  bool built_in_uv = false;      ///< has a fingerprint reader or the like, set up
  bool resident_keys = false;
  bool credential_management = false;
  bool cred_protect = false;

  static TokenInfo read(Reader& in);
  void write(Writer& out) const;
};

}  // namespace fob
