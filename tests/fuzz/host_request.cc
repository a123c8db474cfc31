#include "tests/fuzz/fuzz.h"
#include "tokens/message.h"

using namespace fob;

/// A request is written as it was read, to the last byte.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto request = fuzz::attempt([&] { return host::parse_request({data, size}); });
  if (!request) return 0;
  fuzz::require(equal(fuzz::unframed(host::frame_request(*request)), {data, size}),
                "a request is written as it was read");
  return 0;
}
