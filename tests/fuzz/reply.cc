#include "protocol/reply.h"

#include "tests/fuzz/fuzz.h"

using namespace fob;

/// parse → write gives the same, but for the old failures, which become Failure.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto reply = fuzz::attempt([&] { return parse_reply({data, size}); });
  if (!reply) return 0;
  const Bytes again = fuzz::unframed(frame_reply(*reply));
  fuzz::require(std::holds_alternative<Failure>(*reply) || equal(again, {data, size}),
                "a reply is written as it was read");
  return 0;
}
