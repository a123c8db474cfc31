#include "protocol/token_info.h"

#include "protocol/pattern.h"
#include "tests/fuzz/fuzz.h"

using namespace fob;

/// read → write → read gives the same; the first pass may change booleans and make names fit for people.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = [](ByteView bytes) {
    Reader in(bytes);
    TokenInfo out = TokenInfo::read(in);
    in.done();
    return out;
  };
  const auto info = fuzz::attempt([&] { return read({data, size}); });
  if (!info) return 0;
  for (const std::string& name : info->versions) {
    fuzz::require(printable(name) == name, "a version is fit for people");
  }
  const Bytes once = fuzz::written(*info);
  fuzz::require(equal(fuzz::written(read(once)), once), "a token's description is written as it was read");
  return 0;
}
