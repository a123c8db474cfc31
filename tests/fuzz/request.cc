#include "protocol/request.h"

#include "tests/fuzz/fuzz.h"

using namespace fob;

/// parse → write → parse gives the same. The first pass may change the type byte: 9 becomes 19, and 17 and 25 say
/// whether there are constraints.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto request = fuzz::attempt([&] { return parse_request({data, size}); });
  if (!request) return 0;
  const Bytes once = fuzz::unframed(frame_request(*request));
  const Bytes twice = fuzz::unframed(frame_request(parse_request(once)));
  fuzz::require(equal(once, twice), "a request is written as it was read");
  return 0;
}
