#pragma once

#include "tests/virtual/store.h"
#include "tests/virtual/touch.h"

namespace fob::virt {

/// Answers one U2F raw message (an APDU), status word included. It does not wait for a touch: the host asks again.
Bytes answer_u2f(ByteView apdu, Store& store, Touch& touch);

}  // namespace fob::virt
