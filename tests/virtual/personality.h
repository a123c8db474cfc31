#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace fob::virt {

/// What kind of token it is. The default is a full CTAP 2.1 token that also speaks U2F.
struct Personality {
  std::string product = "fob virtual token";
  std::string serial = "0001";
  std::uint32_t firmware = 0x050403;
  std::array<std::uint8_t, 16> aaguid{'f', 'o', 'b', '-', 'v', 'i', 'r', 't', 'u', 'a', 'l', '-', 't', 'o', 'k', 1};

  bool u2f = true;      ///< U2F_V2 over CTAPHID_MSG
  bool ctap2 = true;    ///< off, with `u2f`: a U2F-only token
  bool ctap21 = true;   ///< off: FIDO_2_0 and FIDO_2_1_PRE; no permissions, no selection, preview credential management
  bool preview = true;  ///< with `ctap21` off; also off: FIDO_2_0 alone
  bool ed25519 = true;
  bool resident_keys = true;
  unsigned resident_slots = 25;
  bool credential_management = true;
  bool credential_protection = true;
  bool hmac_secret = true;
  bool pin = true;                            ///< off: no clientPIN but the key agreement that hmac-secret needs
  std::vector<unsigned> pin_protocols{2, 1};  ///< in the order of preference
  unsigned min_pin_length = 4;
  bool always_uv = false;                  ///< wants the PIN for everything; then there is no U2F
  bool make_credential_without_uv = true;  ///< makeCredUvNotRqd: of non-resident keys, although a PIN is set

  // What a broken token does.
  bool makes_no_secrets = false;         ///< offers hmac-secret, but no credential gets it
  std::size_t secret_bytes = 32;         ///< of hmac-secret's output for one salt
  std::uint8_t assertion_flags_set = 0;  ///< in authenticator data, whatever is true
  std::uint8_t assertion_flags_cleared = 0;

  bool reset_window = false;  ///< reset only within 10 s of power-up
  std::size_t max_message = 2048;
  std::size_t max_list = 8;                       ///< credentials in an allowList or excludeList
  std::chrono::milliseconds processing{0};        ///< each CTAP2 command takes so long, with KEEPALIVE(PROCESSING)
  std::chrono::milliseconds frame_timeout{1500};  ///< between the frames of one message

  std::size_t slots_left(std::size_t used) const { return used < resident_slots ? resident_slots - used : 0; }
  bool speaks_u2f() const { return u2f && !(always_uv && ctap2); }
};

}  // namespace fob::virt
