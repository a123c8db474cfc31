#include "protocol/control_request.h"

#include "tests/fuzz/fuzz.h"

using namespace fob;

/// parse → write → parse gives the same. The first pass may change booleans, of which any but 0 is true.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto request = fuzz::attempt([&] { return control::parse_request({data, size}); });
  if (!request) return 0;
  const Bytes once = fuzz::unframed(control::frame_request(*request));
  const Bytes twice = fuzz::unframed(control::frame_request(control::parse_request(once)));
  fuzz::require(once.size() == size, "a control request keeps its size");
  fuzz::require(equal(once, twice), "a control request is written as it was read");
  return 0;
}
