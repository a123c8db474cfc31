#include <gtest/gtest.h>

#include <set>
#include <sstream>

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
  EXPECT_EQ(offered("re"), "rename\nremove\nresident\nreset\nrestore\n");
  EXPECT_EQ(offered("--json li"), "list\n");
  EXPECT_EQ(offered("new --re"), "--replace\n--resident\n");
  EXPECT_EQ(offered("public wo"), "work\n");
  EXPECT_EQ(offered("pin set --on fido"), "fido\nfido:815\n");
  EXPECT_EQ(offered("new -t ''"), "ecdsa-sk\ned25519-sk\necdsa\necdsa-p384\necdsa-p521\ned25519\nrsa\n");
  EXPECT_EQ(offered("new x --touch-policy ''"), "never\nalways\ncached\n");
  EXPECT_EQ(offered("new x --slot 9"), "9a\n9c\n9d\n9e\n90\n91\n92\n93\n94\n95\n");
  EXPECT_EQ(offered("import f --pin"), "--pin-policy\n");
  EXPECT_EQ(offered("import f --pa"), "--paste\n");
  EXPECT_EQ(offered("export work --format p"), "pem\npkcs8\nppk\n");
  EXPECT_EQ(offered("export work --no"), "--no-passphrase\n");
  EXPECT_EQ(offered("passphrase na"), "names\n");
  EXPECT_EQ(offered("passphrase --"), "--all\n--no-passphrase\n--json\n--help\n");
  EXPECT_EQ(offered("comment wo"), "work\n");
  EXPECT_EQ(offered("comment ./na"), "./names\n");
  EXPECT_EQ(offered("rename wo"), "work\n");
  EXPECT_EQ(offered("rotate work --on v"), "vault\n");
  EXPECT_EQ(offered("attest wo"), "work\n");
  EXPECT_EQ(offered("pin ''"), "set\nchange\nunblock\nstatus\n");
  EXPECT_EQ(offered("new x --on v"), "vault\n");
  EXPECT_EQ(offered("pin set --on v"), "\n");
  EXPECT_EQ(offered("new x --service a --con"), "--confirm\n");
  EXPECT_EQ(offered("unlock --with ''"), "passphrase\nrecovery\nfido\npkcs11\n");
  EXPECT_EQ(offered("slot ''"), "add\nremove\n");
  EXPECT_EQ(offered("slot add ''"), "passphrase\nrecovery\n");
  EXPECT_EQ(offered("slot add --on fido:"), "fido:815\n");
  EXPECT_EQ(offered("slot add --p"), "--pin\n");
  EXPECT_EQ(offered("backup na"), "names\n");
  EXPECT_EQ(offered("restore file --"), "--replace\n--json\n--help\n");
  EXPECT_EQ(offered("remove work --f"), "--from-token\n--force\n");
  EXPECT_EQ(offered("authorize wo"), "work\n");
  EXPECT_EQ(offered("sign na"), "names\n");
  EXPECT_EQ(offered("sign names -n fi"), "file\n");
  EXPECT_EQ(offered("sign names --key wo"), "work\n");
  EXPECT_EQ(offered("verify names --al"), "--allowed-signers\n");
  EXPECT_EQ(offered("git ''"), "setup\n");
  EXPECT_EQ(offered("git setup --l"), "--local\n");
  EXPECT_EQ(offered("doctor --po"), "--port\n");
  EXPECT_EQ(offered("public nothing"), "\n");
}

TEST_F(BashCompletion, OffersServicesAndFormats) {
  EXPECT_EQ(offered("new x --for g"), "github\ngitlab\n");
  EXPECT_EQ(offered("public work --for j"), "jasmin\n");
  EXPECT_EQ(offered("new x --for github --a"), "--application\n--account\n");
  EXPECT_EQ(offered("public work --account alice --c"), "--copy\n");
  EXPECT_EQ(offered("public work --format ''"), "openssh\nrfc4716\npem\n");
  EXPECT_EQ(offered("list --f"), "--files\n");
  EXPECT_EQ(offered("keys --"), "--json\n--help\n");
}

/// What the table says is what is offered.
TEST_F(BashCompletion, OffersTheServicesOfTheTable) {
  std::set<std::string> services;
  std::istringstream table(read_file(FOB_TEST_DATA "/../../cli/services.toml"));
  for (std::string line; std::getline(table, line);) {
    if (line.starts_with('[')) services.insert(line.substr(1, line.find(']') - 1));
  }
  std::set<std::string> words;
  std::istringstream lines(offered("new x --for ''"));
  for (std::string line; std::getline(lines, line);) words.insert(line);
  EXPECT_EQ(words, services);
  for (const char* other : {"/../../cli/completions/_fob", "/../../cli/completions/fob.fish", "/../../cli/fob.1"}) {
    const std::string text = read_file(FOB_TEST_DATA + std::string(other));
    for (const std::string& service : services) EXPECT_NE(text.find(service), std::string::npos) << service << other;
  }
}

TEST_F(BashCompletion, OffersTheNumbersOfSlots) {
  call_them({"1", "12", "x", "The"});
  EXPECT_EQ(offered("slot remove 1"), "1\n12\n");
  EXPECT_EQ(offered("slot remove ''"), "1\n12\n");
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
