#include "tests/fuzz/key_file_fuzz.h"

using namespace fob;

/// As text, and as what stands between a key file's first and last line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::check_key_file(as_text({data, size}));
  fuzz::check_key_file(fuzz::armoured("OPENSSH PRIVATE KEY", {data, size}));
  return 0;
}
