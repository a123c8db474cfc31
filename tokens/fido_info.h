#pragma once

#include <fido.h>

#include "protocol/token_info.h"

namespace fob {

/// What an open device says of itself, PIN tries aside: from its answer to authenticatorGetInfo (CTAP 2.1 §6.4), which
/// must be `info`, or nullptr for a U2F token.
TokenInfo token_info(const fido_dev_t* device, const fido_cbor_info_t* info);

}  // namespace fob
