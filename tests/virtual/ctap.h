#pragma once

#include <cstdint>

namespace fob::virt {

/// CTAP 2.1 §8.2, as far as the token answers with them.
enum class Code : std::uint8_t {
  ok = 0x00,
  invalid_command = 0x01,
  invalid_parameter = 0x02,
  invalid_length = 0x03,
  unexpected_type = 0x11,
  invalid_cbor = 0x12,
  missing_parameter = 0x14,
  limit_exceeded = 0x15,
  credential_excluded = 0x19,
  unsupported_algorithm = 0x26,
  key_store_full = 0x28,
  unsupported_option = 0x2b,
  invalid_option = 0x2c,
  keepalive_cancel = 0x2d,
  no_credentials = 0x2e,
  user_action_timeout = 0x2f,
  not_allowed = 0x30,
  pin_invalid = 0x31,
  pin_blocked = 0x32,
  pin_auth_invalid = 0x33,
  pin_auth_blocked = 0x34,
  pin_not_set = 0x35,
  pin_required = 0x36,
  pin_policy_violation = 0x37,
  request_too_large = 0x39,
  invalid_subcommand = 0x3e,
  unauthorized_permission = 0x40,
  other = 0x7f,
};

/// Ends a command with that status. Never leaves the library.
struct CtapError {
  Code code;
};

namespace command {
inline constexpr std::uint8_t make_credential = 0x01;
inline constexpr std::uint8_t get_assertion = 0x02;
inline constexpr std::uint8_t get_info = 0x04;
inline constexpr std::uint8_t client_pin = 0x06;
inline constexpr std::uint8_t reset = 0x07;
inline constexpr std::uint8_t get_next_assertion = 0x08;
inline constexpr std::uint8_t credential_management = 0x0a;
inline constexpr std::uint8_t selection = 0x0b;
inline constexpr std::uint8_t credential_management_preview = 0x41;
}  // namespace command

/// What a token says while it has no answer yet (CTAPHID_KEEPALIVE).
enum class KeepAlive : std::uint8_t { processing = 1, touch_needed = 2 };

}  // namespace fob::virt
