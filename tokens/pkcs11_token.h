#pragma once

#include <cstdint>
#include <string>

#include "protocol/key_kind.h"
#include "protocol/secret_bytes.h"

namespace fob {

/// When a PIV key wants the PIN, and a touch (Yubico's PIV extensions; values as on the wire, 0: the slot's default).
enum class PivPinPolicy : std::uint8_t { by_slot = 0, never = 1, once = 2, always = 3 };
enum class PivTouchPolicy : std::uint8_t { by_slot = 0, never = 1, always = 2, cached = 3 };

/// What a key on a PKCS#11 token should be.
struct Pkcs11NewKey {
  std::string token;  ///< URI; must match one token
  KeyKind kind = KeyKind::ecdsa_p256;
  std::uint32_t rsa_bits = 0;
  std::string label;  ///< CKA_LABEL; of a PIV card, the common name in the slot's certificate
  std::string slot;   ///< of PIV cards: "9a", "9c", "9d", "9e", "82" to "95"; else empty
  PivPinPolicy pin_policy = PivPinPolicy::by_slot;
  PivTouchPolicy touch_policy = PivTouchPolicy::by_slot;
  bool replace = false;  ///< a key in that slot may be overwritten; else refused
  /// EC keys only: for OpenSecret in place of signing. Of a PIV card: in slot 9d unless said otherwise.
  bool opens_secrets = false;
};

/// What a token wants to know before it lets itself be changed.
struct Pkcs11Secrets {
  SecretBytes pin;
  /// Of PIV cards: 24 bytes as 48 hexadecimal digits; empty: the factory's 0102030405060708 three times.
  SecretBytes management_key;
};

/// A module that p11-kit's configuration registers.
struct RegisteredModule {
  std::string name;  ///< of its file in the configuration: "opensc-pkcs11"
  std::string path;  ///< absolute
};

/// A smartcard reader, as pcscd sees it.
struct CardReader {
  std::string name;
  bool has_card = false;
  bool in_use = false;     ///< somebody is connected to the card
  bool exclusive = false;  ///< and lets nobody else
};

}  // namespace fob
