#pragma once

#include <optional>

namespace fob {

/// Throws what a status of libfido2 (its err.h; CTAP 2.1 §8.2) means, in words and with what to do. `pin_tries`: those
/// left, for a wrong PIN, where they could be read.
[[noreturn]] void throw_fido_error(int status, std::optional<int> pin_tries);

}  // namespace fob
