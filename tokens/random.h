#pragma once

#include "protocol/bytes.h"

namespace fob {

/// From getrandom(2). Errors: system.
Bytes random_bytes(std::size_t count);

}  // namespace fob
