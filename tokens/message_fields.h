#pragma once

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/secret_bytes.h"
#include "protocol/wire.h"

/// Fields that messages of several kinds have.
namespace fob::host {

/// Strict, so that a request has one form.
inline bool read_flag(Reader& in) {
  const std::uint8_t value = in.u8();
  if (value > 1) throw Error(Errc::malformed, "a flag that is neither 0 nor 1");
  return value == 1;
}

inline SecretBytes read_pin(Reader& in) { return SecretBytes(as_bytes(in.text(limits::pin_bytes))); }

}  // namespace fob::host
