#include "protocol/stack_wiper.h"

#include <string.h>

#include <cstddef>

namespace fob {
namespace {

constexpr std::size_t depth_bytes = 16 * 1024;

}  // namespace

// Not inlined: its frame begins where the frames of the calls before it began.
[[gnu::noinline]] StackWiper::~StackWiper() {
  unsigned char below[depth_bytes];
  explicit_bzero(below, sizeof(below));
}

}  // namespace fob
