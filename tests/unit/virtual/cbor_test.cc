#include "tests/virtual/cbor.h"

#include <gtest/gtest.h>

#include "tests/virtual/ctap.h"

namespace fob::virt {
namespace {

Bytes hex(std::string_view digits) {
  Bytes out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

// RFC 8949, appendix A.
TEST(Cbor, ExamplesOfTheRfc) {
  for (const char* example : {"00",
                              "17",
                              "1818",
                              "1903e8",
                              "1a000f4240",
                              "1b000000e8d4a51000",
                              "20",
                              "29",
                              "3863",
                              "3903e7",
                              "f4",
                              "f5",
                              "f6",
                              "40",
                              "4401020304",
                              "60",
                              "6161",
                              "62c3bc",
                              "80",
                              "83010203",
                              "8301820203820405",
                              "a0",
                              "a201020304",
                              "a26161016162820203",
                              "826161a161626163",
                              "a56161614161626142616361436164614461656145"}) {
    EXPECT_EQ(Value::decode(hex(example)).encode(), hex(example)) << example;
  }
  EXPECT_EQ(Value(-1000).encode(), hex("3903e7"));
  EXPECT_EQ(Value::decode(hex("1b000000e8d4a51000")).number(), 1'000'000'000'000);
}

// CTAP 2.1 §8: lower major types first, then shorter keys, then bytewise.
TEST(Cbor, MapsAreSorted) {
  const Value map =
      Value::map({{"aa", 1}, {"b", 2}, {-1, 3}, {100, 4}, {10, 5}, {"a", 6}, {-100, 7}, {"plat", 8}, {"up", 9}});
  EXPECT_EQ(map.encode(), hex("a90a051864042003386307616106616202626161016275700964706c617408"));
}

TEST(Cbor, RefusesWhatCtapDoesNotUse) {
  for (const char* bad : {"",
                          "18",
                          "1b",
                          "ffffffff",
                          "0000",
                          "5f42010243030405ff",
                          "9fff",
                          "bfff",
                          "f90000",
                          "c000",
                          "1bffffffffffffffff",
                          "3bffffffffffffffff",
                          "5bffffffffffffffff",
                          "9bffffffffffffffff",
                          "bbffffffffffffffff",
                          "9a0fffffff",
                          "a101",
                          "61",
                          "818181818181818181818100",
                          "f7",
                          "f8ff"}) {
    EXPECT_THROW(Value::decode(hex(bad)), CtapError) << bad;
  }
}

TEST(Cbor, WrongTypesAndMissingEntries) {
  const Value map = Value::map({{1, "text"}});
  EXPECT_EQ(map.at(1).text(), "text");
  EXPECT_EQ(map.find(2), nullptr);
  EXPECT_THROW(map.at(1).number(), CtapError);
  EXPECT_THROW(map.at(2), CtapError);
  EXPECT_THROW(map.at(1).find(1), CtapError);
}

}  // namespace
}  // namespace fob::virt
