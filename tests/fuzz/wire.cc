#include "tests/fuzz/fuzz.h"

using namespace fob;

namespace {

/// One field chosen by `choice`, read and written; nothing is written if it cannot be read.
void copy_field(unsigned choice, Reader& in, Writer& out) {
  switch (choice % 7) {
    case 0: out.u8(in.u8()); break;
    case 1: out.u32(in.u32()); break;
    case 2: out.u64(in.u64()); break;
    case 3: out.string(in.string()); break;
    case 4: out.string(in.text(1000)); break;
    case 5: out.mpint(in.mpint()); break;
    default: out.raw(in.raw(choice / 7)); break;
  }
}

}  // namespace

/// The first half of the input chooses the fields to be read from the second. What was read is written as it was, and
/// a read that fails leaves the position.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView choices(data, size / 2);
  Reader in(ByteView(data, size).subspan(choices.size()));
  Writer out;
  for (const std::uint8_t choice : choices) {
    const std::size_t before = in.position();
    if (!fuzz::passes([&] { copy_field(choice, in, out); })) {
      fuzz::require(in.position() == before, "a failed read leaves the position");
    }
  }
  fuzz::require(equal(out.bytes(), in.since(0)), "fields are written as they were read");
  fuzz::require(fuzz::passes([&] { in.done(); }) == in.empty(), "done() refuses trailing bytes");
  return 0;
}
