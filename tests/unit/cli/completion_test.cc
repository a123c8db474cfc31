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
  std::string offered(const std::string& words, const std::string& first = ":") {
    const std::string script =
        "cd " + folder_.path() + " && PATH=" + folder_.path() + ":$PATH && " + first +
        " && . " FOB_TEST_DATA "/../../cli/completions/fob.bash && COMP_WORDS=(fob " + words +
        ") && COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) && _fob && printf '%s\\n' \"${COMPREPLY[@]}\"";
    return run({"bash", "--norc", "--noprofile", "-c", script}).output;
  }

  TempDir folder_;
};

TEST_F(BashCompletion, OffersCommandsOptionsNamesAndTokens) {
  EXPECT_EQ(offered("re"), "remove\nresident\nreset\n");
  EXPECT_EQ(offered("--json li"), "list\n");
  EXPECT_EQ(offered("new --re"), "--replace\n--resident\n");
  EXPECT_EQ(offered("public wo"), "work\n");
  EXPECT_EQ(offered("pin set --on fido"), "fido\nfido:815\n");
  EXPECT_EQ(offered("new -t ''"), "ecdsa-sk\ned25519-sk\necdsa\necdsa-p384\necdsa-p521\ned25519\nrsa\n");
  EXPECT_EQ(offered("new x --touch-policy ''"), "never\nalways\ncached\n");
  EXPECT_EQ(offered("new x --slot 9"), "9a\n9c\n9d\n9e\n90\n91\n92\n93\n94\n95\n");
  EXPECT_EQ(offered("import f --pin"), "--pin-policy\n");
  EXPECT_EQ(offered("attest wo"), "work\n");
  EXPECT_EQ(offered("pin ''"), "set\nchange\nunblock\nstatus\n");
  EXPECT_EQ(offered("public nothing"), "\n");
}

TEST_F(BashCompletion, OffersPkcs11UrisAsTheyStandOnTheLine) {
  call_them({"pkcs11:token=work", "pkcs11:serial=70a1", "pkcs11:token=a%20b"});
  EXPECT_EQ(offered("pin set --on pkcs11:t"), "pkcs11:token=work\npkcs11:token=a%20b\n");
  EXPECT_EQ(offered("import file --on pkcs11:s"), "pkcs11:serial=70a1\n");
}

/// As bash's completion library does it, which puts words together that readline has taken apart: readline replaces
/// only their last part.
TEST_F(BashCompletion, OffersTheLastPartOfAUriToReadline) {
  call_them({"pkcs11:token=work", "pkcs11:token=wide", "pkcs11:serial=70a1", "fido:815"});
  const std::string library =
      "_get_comp_words_by_ref() { current=$typed previous=--on; line=(fob pin set --on); cword=4; }; ";
  const auto after = [&](const std::string& typed) { return offered("pin set --on ''", library + "typed=" + typed); };
  EXPECT_EQ(after("pkcs11:token=wo"), "work\n");
  EXPECT_EQ(after("pkcs11:token="), "work\nwide\n");
  EXPECT_EQ(after("pkcs11:"), "token=work\ntoken=wide\nserial=70a1\n");
  EXPECT_EQ(after("fido:8"), "815\n");
  EXPECT_EQ(after("pk"), "pkcs11:token=work\npkcs11:token=wide\npkcs11:serial=70a1\n");
}

/// Neither run as commands nor offered: an offered word stands on the command line as it is, one Enter from running.
TEST_F(BashCompletion, NeverRunsWhatATokenIsCalled) {
  call_them({"$(touch${IFS}pwned)", "`touch${IFS}pwned`", "fido:$(touch${IFS}pwned)", "fido:1;touch", "*", "-x",
             "pkcs11:token=$(touch${IFS}pwned)", "pkcs11:token=a;serial=1", "pkcs11:token='a'", "fido:815", "work",
             "/usr/lib/sk.so"});
  const std::string all = "fido:815\nwork\n/usr/lib/sk.so\n";
  EXPECT_EQ(offered("public ''"), all);
  EXPECT_EQ(offered("remove ''"), all);
  EXPECT_EQ(offered("export ''"), all);
  EXPECT_EQ(offered("pin set --on ''"), "fido\n" + all);
  EXPECT_FALSE(exists(folder_.file("pwned")));
}

}  // namespace
}  // namespace fob::test
