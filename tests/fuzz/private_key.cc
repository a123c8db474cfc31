#include "protocol/private_key.h"

#include "tests/fuzz/fuzz.h"

using namespace fob;

/// Fields that were read are written as they were, certificate or not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Reader in({data, size});
  const auto key = fuzz::attempt([&] { return PrivateKey::read(in); });
  if (!key) return 0;
  fuzz::require(equal(fuzz::written(*key), in.since(0)), "a private key is written as it was read");
  return 0;
}
