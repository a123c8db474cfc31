#pragma once

#include <vector>

#include "protocol/pkcs11_info.h"
#include "tokens/pkcs11/library.h"
#include "tokens/pkcs11/uri.h"

namespace fob::pkcs11 {

/// The tokens that are there now (C_GetSlotList), initialised or not. One that cannot be asked is left out.
std::vector<SlotToken> present_tokens(const Library& library);

/// What `token` says of itself, and can generate.
Pkcs11TokenInfo describe(const Library& library, const SlotToken& token);

/// The blank-padded texts of CK_TOKEN_INFO, fit for people.
std::string label_of(const CK_TOKEN_INFO& token);
std::string manufacturer_of(const CK_TOKEN_INFO& token);
std::string model_of(const CK_TOKEN_INFO& token);
std::string serial_of(const CK_TOKEN_INFO& token);
/// The slot's description: of a card, its reader's name, as far as it fits into 64 bytes.
std::string slot_of(const CK_SLOT_INFO& slot);

}  // namespace fob::pkcs11
