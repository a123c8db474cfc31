#include "cli/file_mode.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>

namespace fob::cli {
namespace {

constexpr const char* on_debian = "/";
constexpr const char* elsewhere = "/nonexistent";
/// A user of every system, who is alone in a group of the same name.
constexpr const char* lonely = "daemon";

struct stat status_of(mode_t mode, const char* user, const char* group) {
  struct stat out {};
  out.st_mode = mode;
  out.st_uid = getpwnam(user)->pw_uid;
  out.st_gid = getgrnam(group)->gr_gid;
  return out;
}

TEST(FileMode, KnowsWhoElseMayWrite) {
  for (const char* system : {on_debian, elsewhere}) {
    EXPECT_EQ(foreign_writer(status_of(0755, lonely, lonely), system), "");
    EXPECT_EQ(foreign_writer(status_of(0600, lonely, lonely), system), "");
    EXPECT_EQ(foreign_writer(status_of(0602, lonely, lonely), system), "everybody");
    EXPECT_EQ(foreign_writer(status_of(0777, lonely, lonely), system), "everybody");
  }
}

TEST(FileMode, MindsNoGroupOfTheOwnerAloneOnDebian) {
  EXPECT_EQ(foreign_writer(status_of(0775, lonely, lonely), on_debian), "");
  EXPECT_EQ(foreign_writer(status_of(0775, lonely, lonely), elsewhere), "the group daemon");
}

TEST(FileMode, MindsGroupsThatOthersAreInOrNobody) {
  EXPECT_EQ(foreign_writer(status_of(0664, "root", lonely), on_debian), "the group daemon");
  struct stat nobodys = status_of(0664, lonely, lonely);
  nobodys.st_gid = 3'999'999'999;
  EXPECT_EQ(foreign_writer(nobodys, on_debian), "the group 3999999999");
}

}  // namespace
}  // namespace fob::cli
