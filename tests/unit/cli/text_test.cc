#include "cli/text.h"

#include <gtest/gtest.h>

#include <sstream>

#include "cli/table.h"
#include "tests/unit/cli/samples.h"

namespace fob::cli {
namespace {

TEST(Text, FirmwareIsTakenApartWhereItIsPacked) {
  EXPECT_EQ(firmware_text(0), "");
  EXPECT_EQ(firmware_text(2), "2");
  EXPECT_EQ(firmware_text(0x050403), "5.4.3");
  EXPECT_EQ(firmware_text(0x0102030405), "4328719365");
}

TEST(Text, SaysHowThePinIs) {
  TokenInfo info;
  EXPECT_EQ(pin_text(info), "none possible");
  info.takes_pin = true;
  EXPECT_EQ(pin_text(info), "not set");
  info.pin_set = true;
  EXPECT_EQ(pin_text(info), "set");
  info.pin_tries = 1;
  EXPECT_EQ(pin_text(info), "set, 1 try left");
  info.pin_change_due = true;
  EXPECT_EQ(pin_text(info), "to be changed, 1 try left");
  info.pin_tries = 0;
  EXPECT_EQ(pin_text(info), "blocked");
}

TEST(Text, SaysHowThePinOfAPkcs11TokenIs) {
  Pkcs11TokenInfo info;
  EXPECT_EQ(pin_text(info), "not initialised");
  info.initialized = true;
  EXPECT_EQ(pin_text(info), "not needed");
  info.login_required = true;
  EXPECT_EQ(pin_text(info), "not set");
  info.pin_set = true;
  EXPECT_EQ(pin_text(info), "set");
  info.pin_pad = true;
  EXPECT_EQ(pin_text(info), "at the reader");
  info.pin_count_low = true;
  EXPECT_EQ(pin_text(info), "wrong PIN typed before");
  info.pin_final_try = true;
  EXPECT_EQ(pin_text(info), "1 try left");
  info.pin_locked = true;
  EXPECT_EQ(pin_text(info), "locked");
}

TEST(Text, LeavesToATokenWhatItsKeyNeeds) {
  control::Key key = test::sample_pkcs11_key("work");
  EXPECT_EQ(needs_of(key), "what its token asks");
  key.confirm = true;
  EXPECT_EQ(needs_of(key), "what its token asks, confirm");
}

TEST(Text, SaysWhatAKeyNeeds) {
  EXPECT_EQ(needs_of(std::uint8_t{0}), "nothing");
  EXPECT_EQ(needs_of(std::uint8_t{0x25}), "touch, PIN, resident");
  control::Key key = test::sample_key("work");
  key.confirm = true;
  EXPECT_EQ(needs_of(key), "touch, confirm");
  key.sk_flags = 0;
  EXPECT_EQ(needs_of(key), "confirm");
  key.confirm = false;
  EXPECT_EQ(needs_of(key), "nothing");
}

TEST(Table, AlignsByColumnsNotBytes) {
  Table table({"A", "B"});
  table.add({"\u00e9\u00e9", "x"});
  table.add({"\u6f22\u5b57", ""});
  table.add({"", "y"});
  std::ostringstream out;
  table.print(out);
  EXPECT_EQ(out.str(),
            "A     B\n"
            "\u00e9\u00e9    x\n"
            "\u6f22\u5b57  -\n"
            "-     y\n");
}

TEST(Table, CutsBetweenCharacters) {
  EXPECT_EQ(first_columns("a\u00e9b", 2), "a\u00e9");
  EXPECT_EQ(first_columns("a\u6f22", 2), "a");
  EXPECT_EQ(first_columns("\U0001f511", 2), "\U0001f511");
  EXPECT_EQ(first_columns("abc", 9), "abc");
  EXPECT_EQ(columns_of(""), 0U);
}

}  // namespace
}  // namespace fob::cli
