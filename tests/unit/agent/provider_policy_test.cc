#include "agent/provider_policy.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/daemon/temp_dir.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

/// A folder with a library, and a link to it from outside.
class ProviderPolicyTest : public testing::Test {
 protected:
  ProviderPolicyTest() {
    std::filesystem::create_directories(root_ / "lib/sub");
    std::filesystem::create_directories(root_ / "elsewhere");
    write_file(root_ / "lib/good.so", "");
    write_file(root_ / "elsewhere/bad.so", "");
    std::filesystem::create_symlink("../lib/good.so", root_ / "elsewhere/link.so");
    std::filesystem::create_symlink("../elsewhere/bad.so", root_ / "lib/link.so");
    policy_.allowed = (root_ / "lib/*").string();
  }
  std::string path(const char* name) const { return root_ / name; }
  std::optional<Errc> fault(const std::string& provider, bool is_remote = false) const {
    return error_of([&] { policy_.resolve(provider, is_remote); });
  }

  const TempDir directory_;
  const std::filesystem::path root_ = std::filesystem::canonical(directory_.path());
  ProviderPolicy policy_;
};

TEST_F(ProviderPolicyTest, TakesWhatTheListAllows) {
  EXPECT_EQ(policy_.resolve(path("lib/good.so"), false), path("lib/good.so"));
  EXPECT_EQ(fault(path("elsewhere/bad.so")), Errc::refused);
  EXPECT_EQ(fault("/bin/sh"), Errc::refused);
}

TEST_F(ProviderPolicyTest, LooksAtTheResolvedPath) {
  EXPECT_EQ(policy_.resolve(path("elsewhere/link.so"), false), path("lib/good.so"));
  EXPECT_EQ(policy_.resolve(path("lib/sub/..//good.so"), false), path("lib/good.so"));
  EXPECT_EQ(fault(path("lib/link.so")), Errc::refused) << "a link out of the allowed folder";
  EXPECT_EQ(fault(path("lib/../elsewhere/bad.so")), Errc::refused);
}

TEST_F(ProviderPolicyTest, RefusesWhatIsNotThere) {
  for (const char* name : {"lib/missing.so", "lib/good.so/", "lib/missing/../good.so"}) {
    EXPECT_EQ(fault(path(name)), Errc::refused) << name;
  }
  EXPECT_EQ(fault(""), Errc::refused);
}

TEST_F(ProviderPolicyTest, LetsAnExceptionWin) {
  policy_.allowed += ",!" + path("lib/good*");
  EXPECT_EQ(fault(path("lib/good.so")), Errc::refused);
  policy_.allowed = "";
  EXPECT_EQ(fault(path("lib/good.so")), Errc::refused);
}

TEST_F(ProviderPolicyTest, TakesNoneFromARemoteClientUnlessTold) {
  EXPECT_EQ(fault(path("lib/good.so"), true), Errc::refused);
  policy_.allow_remote = true;
  EXPECT_EQ(policy_.resolve(path("lib/good.so"), true), path("lib/good.so"));
  EXPECT_EQ(fault(path("elsewhere/bad.so"), true), Errc::refused) << "the list holds all the same";
}

TEST_F(ProviderPolicyTest, KnowsTheInternalOneInAnyCase) {
  for (const char* name : {"internal", "INTERNAL"}) {
    EXPECT_EQ(policy_.resolve(name, false), "internal");
    EXPECT_EQ(policy_.resolve(name, true), "internal") << "it loads nothing";
  }
}

TEST_F(ProviderPolicyTest, SaysNothingUnprintable) {
  try {
    policy_.resolve("/nowhere/\x1b[2J\n", false);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string_view(error.what()).find_first_of("\x1b\n"), std::string_view::npos);
  }
}

}  // namespace
}  // namespace fob
