#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/bytes.h"

namespace fob::pkcs11 {

/// The two modules that show PIV cards; each counts the slots in its own way.
enum class PivModule : std::uint8_t {
  ykcs11,  ///< Yubico's libykcs11
  opensc,  ///< OpenSC's opensc-pkcs11
};

/// Which of them shows this token, by what it says of itself; nothing: it is no PIV token.
///
/// libykcs11: manufacturer "Yubico (www.yubico.com)", model "YubiKey YK5" (YK4, NEOr3), label "YubiKey PIV #SERIAL".
/// opensc-pkcs11: manufacturer "piv_II", model "PKCS#15 emulated", label the common name of the certificate in 9a or
/// "PIV_II"; its PIN is named behind that, so the label is not looked at.
std::optional<PivModule> piv_module_of(std::string_view manufacturer, std::string_view model);

/// The slot ("9a", "9c", "9d", "9e", "82" to "95") whose key, public key and certificate have this CKA_ID; nothing:
/// none.
///
/// libykcs11 numbers the slots in that order: 9a is 01, 9e is 04, 82 is 05, 95 is 24 (hexadecimal 18). OpenSC does too,
/// but writes the number in decimal digits: 87 is the byte 10 (hexadecimal), 95 is 24; it lists 82 to 95 only as far
/// as the card's key history object counts them, which PivCard sees to.
std::optional<std::string> piv_slot_of_id(PivModule module, ByteView id);
/// The opposite. Throws refused for what is no slot.
Bytes id_of_piv_slot(PivModule module, std::string_view slot);

/// The key reference of a slot (SP 800-73-4 part 1, table 4b). Throws refused for what is no slot.
std::uint8_t piv_key_reference(std::string_view slot);

}  // namespace fob::pkcs11
