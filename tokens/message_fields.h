#pragma once

#include "protocol/limits.h"
#include "protocol/secret_bytes.h"
#include "protocol/wire.h"

/// Fields that messages of several kinds have.
namespace fob::host {

inline SecretBytes read_pin(Reader& in) { return SecretBytes(as_bytes(in.text(limits::pin_bytes))); }

}  // namespace fob::host
