#include <gtest/gtest.h>

#include "tests/daemon/temp_dir.h"

namespace fob::test {
namespace {

/// bash, its completions of fob, and a fob whose tokens and keys are called as a test says.
class BashCompletion : public testing::Test {
 protected:
  BashCompletion() {
    write_file(folder_.file("fob"), "#!/bin/sh\ncat " + folder_.file("names") + "\n", 0700);
    call_them({"fido:815", "work"});
  }
  void call_them(const std::vector<std::string>& names) {
    std::string lines = "NAME\n";
    for (const std::string& name : names) lines += name + "  and so on\n";
    write_file(folder_.file("names"), lines);
  }
  /// What Tab offers at the end of a line of these words, each as typed; one a line.
  std::string offered(const std::string& words) {
    const std::string script =
        "cd " + folder_.path() + " && PATH=" + folder_.path() +
        ":$PATH && . " FOB_TEST_DATA "/../../cli/completions/fob.bash && COMP_WORDS=(fob " + words +
        ") && COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) && _fob && printf '%s\\n' \"${COMPREPLY[@]}\"";
    return run({"bash", "--norc", "--noprofile", "-c", script}).output;
  }

  TempDir folder_;
};

TEST_F(BashCompletion, OffersCommandsOptionsNamesAndTokens) {
  EXPECT_EQ(offered("re"), "remove\nresident\nreset\n");
  EXPECT_EQ(offered("--json li"), "list\n");
  EXPECT_EQ(offered("new --re"), "--resident\n--replace\n");
  EXPECT_EQ(offered("public wo"), "work\n");
  EXPECT_EQ(offered("pin set --on fido"), "fido\nfido:815\n");
  EXPECT_EQ(offered("new -t ''"), "ecdsa-sk\ned25519-sk\n");
  EXPECT_EQ(offered("pin ''"), "set\nchange\nstatus\n");
  EXPECT_EQ(offered("public nothing"), "\n");
}

/// Neither run as commands nor offered: an offered word stands on the command line as it is, one Enter from running.
TEST_F(BashCompletion, NeverRunsWhatATokenIsCalled) {
  call_them({"$(touch${IFS}pwned)", "`touch${IFS}pwned`", "fido:$(touch${IFS}pwned)", "fido:1;touch", "*", "-x",
             "fido:815", "work", "/usr/lib/sk.so"});
  const std::string all = "fido:815\nwork\n/usr/lib/sk.so\n";
  EXPECT_EQ(offered("public ''"), all);
  EXPECT_EQ(offered("remove ''"), all);
  EXPECT_EQ(offered("export ''"), all);
  EXPECT_EQ(offered("pin set --on ''"), "fido\n" + all);
  EXPECT_FALSE(exists(folder_.file("pwned")));
}

}  // namespace
}  // namespace fob::test
