#include "protocol/sshsig.h"

#include "protocol/evp.h"
#include "tests/fuzz/fuzz.h"

using namespace fob;

namespace {

void check(const Sshsig& sshsig) {
  const auto again = fuzz::attempt([&] { return Sshsig::parse_text(sshsig.text()); });
  fuzz::require(again.has_value(), "a signature that was read can be written and read again");
  fuzz::require(equal(again->write(), sshsig.write()), "and says the same then");
  const Digest digest(sshsig.hash, as_bytes("a text that nobody has signed"));
  fuzz::require(!fuzz::passes([&] { verify_sshsig(sshsig, digest.view()); }), "no input signs a text that nobody has");
}

}  // namespace

/// The text of a signature, or its binary form.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  if (const auto sshsig = fuzz::attempt([&] { return Sshsig::parse_text(as_text(input)); })) check(*sshsig);
  if (const auto sshsig = fuzz::attempt([&] { return Sshsig::parse(input); })) check(*sshsig);
  return 0;
}
