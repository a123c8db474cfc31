#include "protocol/constraints.h"

#include "tests/fuzz/fuzz.h"

using namespace fob;

/// read → write → read gives the same; what was read holds no empty destination.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = [](ByteView bytes) {
    Reader in(bytes);
    Constraints out = Constraints::read(in);
    in.done();
    return out;
  };
  const auto constraints = fuzz::attempt([&] { return read({data, size}); });
  if (!constraints) return 0;
  fuzz::require(constraints->empty() == (size == 0), "no constraint is dropped");
  for (const DestinationConstraint& destination : constraints->destinations) {
    fuzz::require(!destination.to.keys.empty() && !destination.to.hostname.empty(),
                  "a destination has keys and a name");
    fuzz::require(destination.from.user.empty(), "an origin has no user");
  }
  const Bytes once = fuzz::written(*constraints);
  fuzz::require(equal(fuzz::written(read(once)), once), "constraints are written as they were read");
  fuzz::require(once.size() == size, "constraints are written in the size that they had");
  return 0;
}
