#include "protocol/control_reply.h"

#include "tests/fuzz/fuzz.h"

using namespace fob;

/// parse → write → parse gives the same. The first pass may change booleans, of which any but 0 is true, and codes of
/// failures that this build does not know.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto reply = fuzz::attempt([&] { return control::parse_reply({data, size}); });
  if (!reply) return 0;
  const Bytes once = fuzz::unframed(control::frame_reply(*reply));
  const Bytes twice = fuzz::unframed(control::frame_reply(control::parse_reply(once)));
  fuzz::require(equal(once, twice), "a control reply is written as it was read");
  return 0;
}
