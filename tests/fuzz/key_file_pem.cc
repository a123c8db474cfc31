#include "tests/fuzz/key_file_fuzz.h"

using namespace fob;

namespace {

constexpr const char* labels[] = {"RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"};

/// The old encryption of PEM costs nothing, that of PKCS#8 seconds.
void check(std::string_view text) {
  const bool is_costly = text.find("ENCRYPTED PRIVATE KEY") != std::string_view::npos ||
                         text.find("OPENSSH") != std::string_view::npos || text.find("PuTTY") != std::string_view::npos;
  fuzz::check_key_file(text, is_costly ? "" : "pass phrase");
}

}  // namespace

/// As text, and as the DER in a file of the label that the first byte chooses.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check(as_text({data, size}));
  if (size > 0) check(fuzz::armoured(labels[data[0] % std::size(labels)], ByteView(data, size).subspan(1)));
  return 0;
}
