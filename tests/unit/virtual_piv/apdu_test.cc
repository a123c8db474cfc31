#include "tests/virtual/piv/apdu.h"

#include <gtest/gtest.h>

namespace fob::virt::piv {
namespace {

Sw failure(const Bytes& apdu) {
  try {
    Command::parse(apdu);
  } catch (const CardError& error) {
    return error.status;
  }
  return Sw::ok;
}

// ISO 7816-4 §5.1, table 1: the four cases, short and extended.
TEST(Command, ReadsAllFormsOfAnApdu) {
  EXPECT_EQ(Command::parse(Bytes{0x00, 0xa4, 0x04, 0x00}).most, 256u);
  EXPECT_EQ(Command::parse(Bytes{0x00, 0xcb, 0x3f, 0xff, 0x10}).most, 16u);
  EXPECT_EQ(Command::parse(Bytes{0x00, 0xcb, 0x3f, 0xff, 0x00}).most, 256u);
  EXPECT_EQ(Command::parse(Bytes{0x00, 0x20, 0x00, 0x80, 0x02, 0xaa, 0xbb}).data, (Bytes{0xaa, 0xbb}));
  EXPECT_EQ(Command::parse(Bytes{0x00, 0x20, 0x00, 0x80, 0x01, 0xaa, 0x05}).most, 5u);
  EXPECT_EQ(Command::parse(Bytes{0x00, 0xcb, 0x3f, 0xff, 0x00, 0x01, 0x02}).most, 0x102u);
  EXPECT_EQ(Command::parse(Bytes{0x00, 0xcb, 0x3f, 0xff, 0x00, 0x00, 0x00}).most, 65536u);
  const Command extended = Command::parse(Bytes{0x00, 0xcb, 0x3f, 0xff, 0x00, 0x00, 0x01, 0xaa, 0x01, 0x00});
  EXPECT_EQ(extended.data, Bytes{0xaa});
  EXPECT_EQ(extended.most, 256u);
}

TEST(Command, RefusesLengthsThatDoNotFit) {
  for (const Bytes& apdu :
       {Bytes{}, Bytes{0x00, 0xa4, 0x04}, Bytes{0x00, 0x20, 0x00, 0x80, 0x03, 0xaa, 0xbb},
        Bytes{0x00, 0x20, 0x00, 0x80, 0x01, 0xaa, 0xbb, 0xcc}, Bytes{0x00, 0xcb, 0, 0, 0x00, 0x01},
        Bytes{0x00, 0xcb, 0, 0, 0x00, 0x00, 0x02, 0xaa}, Bytes{0x00, 0xcb, 0, 0, 0x00, 0x00, 0x00, 0xaa}}) {
    EXPECT_EQ(failure(apdu), Sw::wrong_length) << apdu.size();
  }
}

/// Answers a command with its data, `copies` times.
Exchange::Handler echo(unsigned copies = 1) {
  return [copies](const Command& command) {
    Bytes out;
    for (unsigned i = 0; i < copies; ++i) out = concat({out, command.data});
    return out;
  };
}

TEST(Exchange, PutsAChainTogether) {
  Exchange exchange;
  EXPECT_EQ(exchange.answer(Bytes{0x10, 0xdb, 0x3f, 0xff, 2, 1, 2}, echo()), (Bytes{0x90, 0x00}));
  EXPECT_EQ(exchange.answer(Bytes{0x10, 0xdb, 0x3f, 0xff, 1, 3}, echo()), (Bytes{0x90, 0x00}));
  EXPECT_EQ(exchange.answer(Bytes{0x00, 0xdb, 0x3f, 0xff, 1, 4}, echo()), (Bytes{1, 2, 3, 4, 0x90, 0x00}));
  EXPECT_EQ(exchange.answer(Bytes{0x00, 0xdb, 0x3f, 0xff, 1, 5}, echo()), (Bytes{5, 0x90, 0x00}));
}

TEST(Exchange, ForgetsAChainThatAnotherCommandInterrupts) {
  Exchange exchange;
  exchange.answer(Bytes{0x10, 0xdb, 0x3f, 0xff, 2, 1, 2}, echo());
  EXPECT_EQ(exchange.answer(Bytes{0x00, 0x87, 0x11, 0x9a, 1, 9}, echo()), (Bytes{9, 0x90, 0x00}));
  EXPECT_EQ(exchange.answer(Bytes{0x00, 0xdb, 0x3f, 0xff, 1, 5}, echo()), (Bytes{5, 0x90, 0x00}));
}

TEST(Exchange, RefusesAChainWithoutEnd) {
  Exchange exchange;
  Bytes part{0x10, 0xdb, 0x3f, 0xff, 255};
  part.resize(5 + 255);
  Bytes last;
  for (unsigned i = 0; i < 20 && last.size() == 0; ++i) {
    const Bytes answer = exchange.answer(part, echo());
    if (answer != Bytes{0x90, 0x00}) last = answer;
  }
  EXPECT_EQ(last, (Bytes{0x67, 0x00}));
}

TEST(Exchange, HandsOutALongAnswerInParts) {
  Exchange exchange;
  Bytes command{0x00, 0xcb, 0x3f, 0xff, 200};
  command.resize(5 + 200, 7);
  const Bytes get_response{0x00, 0xc0, 0x00, 0x00, 0x00};
  const Bytes first = exchange.answer(command, echo(3));
  ASSERT_EQ(first.size(), 258u);
  EXPECT_EQ(first[256], 0x61);
  EXPECT_EQ(first[257], 0);  // 344 are left
  const Bytes second = exchange.answer(get_response, echo());
  ASSERT_EQ(second.size(), 258u);
  EXPECT_EQ(second[257], 600 - 512);
  const Bytes third = exchange.answer(get_response, echo());
  EXPECT_EQ(third.size(), 600u - 512 + 2);
  EXPECT_EQ(third[third.size() - 2], 0x90);
}

TEST(Exchange, GivesALongAnswerWholeWhereAskedForIt) {
  Exchange exchange;
  Bytes command{0x00, 0xcb, 0x3f, 0xff, 0x00, 0x00, 200};
  command.resize(7 + 200 + 2);
  EXPECT_EQ(exchange.answer(command, echo(3)).size(), 602u);
}

TEST(Exchange, RefusesForeignClasses) {
  Exchange exchange;
  EXPECT_EQ(exchange.answer(Bytes{0x80, 0xcb, 0, 0}, echo()), (Bytes{0x6e, 0x00}));
  EXPECT_EQ(exchange.answer(Bytes{0x0c, 0xcb, 0, 0}, echo()), (Bytes{0x6e, 0x00}));
}

TEST(Tlv, ReadsWhatItWrites) {
  for (const std::size_t size : {0u, 1u, 127u, 128u, 255u, 256u, 3000u}) {
    const Bytes value(size, 0x5a);
    const Bytes written = concat({tlv(0x53, value), tlv(0x7f49, value)});
    const std::vector<Tlv> read = parse_tlvs(written);
    ASSERT_EQ(read.size(), 2u);
    EXPECT_EQ(read[1].tag, 0x7f49u);
    EXPECT_TRUE(equal(read[0].value, value) && equal(read[1].value, value)) << size;
  }
}

TEST(Tlv, RefusesWhatIsCutShort) {
  const Bytes whole = tlv(0x7f49, Bytes(300, 1));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_THROW(parse_tlvs(ByteView(whole).first(size)), CardError) << size;
  }
  EXPECT_THROW(parse_tlvs(Bytes{0x53, 0x80}), CardError);
  EXPECT_THROW(parse_tlvs(Bytes{0x53, 0x84, 0, 0, 0, 0}), CardError);
}

}  // namespace
}  // namespace fob::virt::piv
