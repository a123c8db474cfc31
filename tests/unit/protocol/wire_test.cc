#include "protocol/wire.h"

#include <array>
#include <cerrno>

#include "protocol/limits.h"
#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

using test::error_of;
using test::from_hex;
using test::to_hex;

/// The magnitude that Reader makes of an mpint on the wire.
std::string read_mpint(std::string_view hex) {
  const Bytes bytes = from_hex(hex);
  Reader in(bytes);
  const std::string out = to_hex(in.mpint());
  in.done();
  return out;
}

std::string write_mpint(std::string_view hex) { return to_hex(Writer().mpint(from_hex(hex)).take()); }

struct MpintVector {
  std::string_view magnitude;
  std::string_view wire;
};

/// The examples of RFC 4251 §5 that are not negative.
constexpr std::array mpint_examples{
    MpintVector{"", "00000000"},
    MpintVector{"09a378f9b2e332a7", "0000000809a378f9b2e332a7"},
    MpintVector{"80", "000000020080"},
};

TEST(Reader, ReadsMpintExamplesOfRfc4251) {
  for (const MpintVector& vector : mpint_examples) EXPECT_EQ(read_mpint(vector.wire), vector.magnitude);
}

TEST(Reader, RefusesNegativeMpintExamplesOfRfc4251) {
  for (const char* negative : {"00000002edcc", "00000005ff21524111", "00000001ff", "0000000180"}) {
    EXPECT_EQ(error_of([&] { read_mpint(negative); }), Errc::malformed) << negative;
  }
}

TEST(Reader, RefusesMpintNotInShortestForm) {
  for (const char* longer : {"0000000100", "000000020000", "00000002007f", "00000003000080", "000000020001"}) {
    EXPECT_EQ(error_of([&] { read_mpint(longer); }), Errc::malformed) << longer;
  }
  EXPECT_EQ(read_mpint("00000003008000"), "8000");
}

TEST(Reader, TakesMpintUpToItsLimit) {
  const auto with_magnitude = [](std::size_t bytes, std::uint8_t lead) {
    Bytes magnitude(bytes, 0x55);
    magnitude[0] = lead;
    return Writer().mpint(magnitude).take();
  };
  for (const std::uint8_t lead : {std::uint8_t{0x7f}, std::uint8_t{0xff}}) {
    const Bytes largest = with_magnitude(limits::mpint_bytes, lead);
    EXPECT_EQ(Reader(largest).mpint().size(), limits::mpint_bytes);
    const Bytes larger = with_magnitude(limits::mpint_bytes + 1, lead);
    EXPECT_EQ(error_of([&] { Reader(larger).mpint(); }), Errc::malformed);
  }
}

TEST(Reader, ReadsStringExampleOfRfc4251) {
  const Bytes bytes = from_hex("0000000774657374696e67");
  Reader in(bytes);
  EXPECT_EQ(as_text(in.string()), "testing");
  in.done();
}

TEST(Reader, ReadsUint32ExampleOfRfc4251) { EXPECT_EQ(Reader(from_hex("29b7f4aa")).u32(), 699'921'578U); }

TEST(Reader, ReadsIntegersBigEndian) {
  const Bytes bytes = from_hex("fe ffffffff fedcba9876543210 ffffffffffffffff");
  Reader in(bytes);
  EXPECT_EQ(in.u8(), 0xfe);
  EXPECT_EQ(in.u32(), UINT32_MAX);
  EXPECT_EQ(in.u64(), 0xfedcba9876543210U);
  EXPECT_EQ(in.u64(), UINT64_MAX);
  in.done();
}

TEST(Reader, TakesAnyNonzeroByteForTrue) {
  const Bytes bytes = from_hex("0001 02ff");
  Reader in(bytes);
  EXPECT_FALSE(in.boolean());
  EXPECT_TRUE(in.boolean());
  EXPECT_TRUE(in.boolean());
  EXPECT_TRUE(in.boolean());
}

TEST(Reader, RejectsStringLongerThanInput) {
  for (const char* text : {"00000001", "00000003 6162", "ffffffff", "ffffffff 00", "80000000 6162"}) {
    const Bytes bytes = from_hex(text);
    EXPECT_EQ(error_of([&] { Reader(bytes).string(); }), Errc::malformed) << text;
  }
}

TEST(Reader, RejectsStringOverTheCallersLimit) {
  const Bytes bytes = from_hex("00000003 616263");
  EXPECT_EQ(as_text(Reader(bytes).string(3)), "abc");
  EXPECT_EQ(error_of([&] { Reader(bytes).string(2); }), Errc::malformed);
  EXPECT_EQ(error_of([&] { Reader(bytes).text(2); }), Errc::malformed);
}

TEST(Reader, RejectsNulInText) {
  for (const char* text : {"00000001 00", "00000003 610062", "00000002 6100"}) {
    const Bytes bytes = from_hex(text);
    EXPECT_EQ(error_of([&] { Reader(bytes).text(); }), Errc::malformed) << text;
    EXPECT_NO_THROW(Reader(bytes).string());
  }
}

TEST(Reader, StaysWhereItWasAfterAnError) {
  const auto stays = [](std::string_view hex, const std::function<void(Reader&)>& read) {
    const Bytes bytes = from_hex(hex);
    Reader in(bytes);
    in.u8();
    EXPECT_TRUE(error_of([&] { read(in); })) << hex;
    EXPECT_EQ(in.position(), 1U) << hex;
  };
  stays("aa", [](Reader& in) { in.u8(); });
  stays("aa 000000", [](Reader& in) { in.u32(); });
  stays("aa 00000000000000", [](Reader& in) { in.u64(); });
  stays("aa 000000", [](Reader& in) { in.string(); });
  stays("aa 00000002 00", [](Reader& in) { in.string(); });
  stays("aa 00000002 6162", [](Reader& in) { in.string(1); });
  stays("aa 00000002 6100", [](Reader& in) { in.text(); });
  stays("aa 00000002 00", [](Reader& in) { in.mpint(); });
  stays("aa 00000001 80", [](Reader& in) { in.mpint(); });
  stays("aa 00000001 00", [](Reader& in) { in.mpint(); });
  stays("aa 0000", [](Reader& in) { in.raw(3); });
  stays("aa 00000002 00", [](Reader& in) { in.nested(); });
}

TEST(Reader, DoneRefusesTrailingBytes) {
  const Bytes bytes = from_hex("0102");
  Reader in(bytes);
  EXPECT_FALSE(in.empty());
  in.u8();
  EXPECT_EQ(error_of([&] { in.done(); }), Errc::malformed);
  EXPECT_EQ(in.remaining(), 1U);
  EXPECT_EQ(to_hex(in.rest()), "02");
  in.u8();
  EXPECT_TRUE(in.empty());
  EXPECT_NO_THROW(in.done());
}

TEST(Reader, NestedReaderEndsWithItsString) {
  const Bytes bytes = from_hex("00000001 61 62");
  Reader in(bytes);
  Reader inner = in.nested();
  EXPECT_EQ(inner.u8(), 'a');
  EXPECT_EQ(error_of([&] { inner.u8(); }), Errc::malformed);
  EXPECT_EQ(to_hex(in.since(4)), "61");
  EXPECT_EQ(in.u8(), 'b');
}

TEST(Reader, EmptyInputHoldsNothing) {
  Reader in(ByteView{});
  EXPECT_TRUE(in.empty());
  EXPECT_NO_THROW(in.done());
  EXPECT_EQ(in.raw(0).size(), 0U);
  EXPECT_EQ(error_of([&] { in.raw(SIZE_MAX); }), Errc::malformed);
}

TEST(Writer, WritesMpintExamplesOfRfc4251) {
  for (const MpintVector& vector : mpint_examples) EXPECT_EQ(write_mpint(vector.magnitude), vector.wire);
}

TEST(Writer, DropsLeadingZerosOfMpint) {
  EXPECT_EQ(write_mpint("00"), "00000000");
  EXPECT_EQ(write_mpint("00000080"), "000000020080");
  EXPECT_EQ(write_mpint("00007f"), "000000017f");
}

TEST(Writer, WritesWhatReaderReads) {
  Writer out;
  out.u8(7)
      .boolean(true)
      .boolean(false)
      .u32(699'921'578)
      .u64(0xfedcba9876543210U)
      .string("testing")
      .raw(from_hex("ff"));
  EXPECT_EQ(to_hex(out.bytes()),
            "070100"
            "29b7f4aa"
            "fedcba9876543210"
            "0000000774657374696e67"
            "ff");
}

TEST(Writer, FillsInLengthsOfNestedStrings) {
  Writer out;
  const std::size_t outer = out.begin_string();
  out.u8(1);
  const std::size_t inner = out.begin_string();
  out.raw(Bytes(0x102, 0));
  out.end_string(inner);
  out.end_string(outer);
  EXPECT_EQ(to_hex(ByteView(out.bytes()).first(9)),
            "00000107"
            "01"
            "00000102");
  EXPECT_EQ(out.take().size(), 4U + 1 + 4 + 0x102);
}

TEST(Writer, RefusesStringOver4GiB) {
  // The length is checked before any byte is read: the view may lie.
  const std::uint8_t byte = 0;
  Writer out;
  EXPECT_EQ(error_of([&] { out.string(ByteView(&byte, std::size_t{UINT32_MAX} + 1)); }), Errc::too_large);
  EXPECT_TRUE(out.bytes().empty());
}

TEST(Error, ThrowsSystemErrorsWithTheirText) {
  try {
    throw_system_error("opening a file", ENOENT);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::system);
    EXPECT_STREQ(error.what(), "opening a file: No such file or directory");
  }
}

}  // namespace
}  // namespace fob
