#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/public_key.h"
#include "protocol/wire.h"

namespace fob {

/// What a PKCS#11 token says of itself (PKCS#11 3.0 §3.2, CK_TOKEN_INFO and CK_SLOT_INFO). All texts are printable.
struct Pkcs11TokenInfo {
  std::string uri;  ///< RFC 7512, the token alone: "pkcs11:model=…;manufacturer=…;serial=…;token=…"
  std::string label;
  std::string manufacturer;
  std::string model;
  std::string serial;
  std::string slot;      ///< slot description; of a card, its reader's name
  std::string firmware;  ///< "5.4", empty: it does not say
  /// What it can generate, by its mechanisms and what is known of its kind; `rsa` of rsa_min_bits to rsa_max_bits.
  std::vector<KeyKind> key_kinds;
  std::uint32_t rsa_min_bits = 0;
  std::uint32_t rsa_max_bits = 0;
  std::uint32_t min_pin_length = 0;  ///< bytes
  std::uint32_t max_pin_length = 0;
  bool removable = false;       ///< a card or key: nothing is held open between requests (CKF_REMOVABLE_DEVICE)
  bool initialized = false;     ///< CKF_TOKEN_INITIALIZED
  bool login_required = false;  ///< CKF_LOGIN_REQUIRED
  bool pin_set = false;         ///< CKF_USER_PIN_INITIALIZED
  bool pin_pad = false;         ///< CKF_PROTECTED_AUTHENTICATION_PATH: the PIN is typed at the reader
  bool pin_count_low = false;   ///< a wrong PIN was typed since the last right one
  bool pin_final_try = false;
  bool pin_locked = false;
  bool write_protected = false;
  bool is_piv = false;  ///< a PIV card that fob can manage: slots, PUK, attestation (NIST SP 800-73-4)

  static Pkcs11TokenInfo read(Reader& in);
  void write(Writer& out) const;
};

/// A key on a PKCS#11 token.
struct Pkcs11Key {
  std::string uri;  ///< RFC 7512, token and object: "pkcs11:…;token=…;id=%01;object=work;type=private"
  std::string token_uri;
  std::string label;  ///< CKA_LABEL, or the subject of its certificate; may be empty
  PublicKey public_key;
  bool always_authenticate = false;  ///< each use wants the PIN (CKA_ALWAYS_AUTHENTICATE), where known

  static Pkcs11Key read(Reader& in);
  void write(Writer& out) const;
};

/// A text that a host or a client gives as a PKCS#11 URI: begins with "pkcs11:", has at most limits::uri_bytes
/// characters of RFC 3986 without the apostrophe, and neither pin-value nor pin-source: so it is safe in tables and
/// logs. Throws malformed.
void check_pkcs11_uri(std::string_view uri);
bool is_pkcs11_uri(std::string_view text);

}  // namespace fob
