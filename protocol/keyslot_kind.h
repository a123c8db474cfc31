#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fob {

/// What opens the vault (docs/vault.md). The numbers are those in its file and on the control socket.
enum class KeyslotKind : std::uint8_t {
  passphrase = 1,
  recovery = 2,  ///< a code that was shown once, when the slot was made
  fido = 3,      ///< a FIDO2 token, by its hmac-secret extension (CTAP 2.1 §12.5)
  pkcs11 = 4,    ///< a private key on a PKCS#11 token, by RSA-OAEP or ECDH
};

inline constexpr std::array keyslot_kinds{KeyslotKind::passphrase, KeyslotKind::recovery, KeyslotKind::fido,
                                          KeyslotKind::pkcs11};

/// As people type it: "passphrase".
constexpr std::string_view name_of(KeyslotKind kind) {
  constexpr std::array<std::string_view, 4> names{"passphrase", "recovery", "fido", "pkcs11"};
  return names[static_cast<std::size_t>(kind) - 1];
}

/// Nothing where no kind has this number.
constexpr std::optional<KeyslotKind> keyslot_kind(std::uint8_t number) {
  if (number < 1 || number > keyslot_kinds.size()) return std::nullopt;
  return keyslot_kinds[number - 1U];
}

}  // namespace fob
