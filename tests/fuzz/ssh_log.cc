#include "cli/ssh_log.h"

#include "tests/fuzz/fuzz.h"

using namespace fob;

/// What ssh -vv says, the server's banner and all.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const cli::SshLog log = cli::parse_ssh_log(as_text({data, size}));
  if (const cli::SshLog::Key* key = log.accepted()) {
    fuzz::require(key >= log.offered.data() && key < log.offered.data() + log.offered.size(),
                  "what was accepted was offered");
  }
  return 0;
}
