#include "protocol/control_key_requests.h"
#include "protocol/limits.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::control {
namespace {

using test::error_of;

TEST(KeyName, AllowsWhatIsAFileNameAndNoOption) {
  for (const char* name : {"a", "work", "Work-2.laptop_1", "_", "9"}) EXPECT_NO_THROW(check_key_name(name)) << name;
  EXPECT_NO_THROW(check_key_name(std::string(limits::key_name_bytes, 'x')));
}

TEST(KeyName, RefusesTheRest) {
  for (const char* name : {"", ".", "..", ".hidden", "-o", "a/b", "a b", "a\n", "\u00e9", "a:b", "a*"}) {
    EXPECT_EQ(error_of([&] { check_key_name(name); }), Errc::malformed) << name;
  }
  EXPECT_EQ(error_of([] { check_key_name(std::string(limits::key_name_bytes + 1, 'x')); }), Errc::malformed);
  EXPECT_EQ(error_of([] { check_key_name(std::string_view("a\0b", 3)); }), Errc::malformed);
}

}  // namespace
}  // namespace fob::control
