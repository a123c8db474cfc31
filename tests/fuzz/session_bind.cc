#include "protocol/session_bind.h"

#include "protocol/limits.h"
#include "protocol/verify.h"
#include "tests/fuzz/fuzz.h"

using namespace fob;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Reader in({data, size});
  const auto bind = fuzz::attempt([&] { return SessionBind::read(in); });
  if (!bind) return 0;
  fuzz::require(!bind->session_id.empty() && bind->session_id.size() <= limits::session_id_bytes,
                "a session identifier has 1 to 128 bytes");
  // The last byte is a boolean: any but 0 is written as 1.
  const Bytes again = fuzz::written(*bind);
  fuzz::require(again.size() == size && equal(ByteView(again).first(size - 1), {data, size - 1}),
                "a session bind is written as it was read");
  fuzz::passes([&] { verify_signature(PublicKey::parse(bind->host_key_blob), bind->signature, bind->session_id); });
  return 0;
}
