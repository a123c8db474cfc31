#pragma once

#include <p11-kit/pkcs11.h>

#include <string>

#include "protocol/error.h"

namespace fob::pkcs11 {

/// "CKR_DEVICE_ERROR" (PKCS#11 3.0 §3.6); "CKR_VENDOR_DEFINED+0x12" or "CKR 0x999" for numbers without a name.
std::string name_of(CK_RV value);

/// What kind of failure it is. `removed` are those after which sessions have to be made anew, `not_found` those of an
/// object that is gone.
Errc code_of(CK_RV value);

/// Throws Error "C_Sign: CKR_…" unless `value` is CKR_OK.
void check(CK_RV value, const char* function);

}  // namespace fob::pkcs11
