#pragma once

#include <gtest/gtest.h>

#include "protocol/bytes.h"

namespace fob {

class Daemon;

/// Whether the daemon answers FAILURE to ADD_IDENTITY of these fields (from the type name on, without the comment),
/// says why in its log, and has no key more than before.
testing::AssertionResult refuses(Daemon& daemon, ByteView key_fields);
/// Whether it takes them, and signs with the key.
testing::AssertionResult accepts(Daemon& daemon, ByteView key_fields);

}  // namespace fob
