#include <variant>

#include "protocol/pattern.h"
#include "tests/fuzz/fuzz.h"
#include "tokens/message.h"

using namespace fob;

/// parse → write → parse gives the same. The first pass may change booleans, of which any but 0 is true, and texts,
/// which are made fit for people.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto reply = fuzz::attempt([&] { return host::parse_reply({data, size}); });
  if (!reply) return 0;
  const Bytes once = fuzz::unframed(host::frame_reply(*reply));
  const Bytes twice = fuzz::unframed(host::frame_reply(host::parse_reply(once)));
  fuzz::require(equal(once, twice), "a reply is written as it was read");
  if (const auto* made = std::get_if<host::Generated>(&*reply)) {
    fuzz::require(is_sk(made->key.public_key.kind) && !made->key.public_key.is_certificate(), "a token makes sk keys");
  }
  if (const auto* failure = std::get_if<host::Failed>(&*reply)) {
    fuzz::require(printable(failure->text) == failure->text, "a reason is fit for people");
  }
  return 0;
}
