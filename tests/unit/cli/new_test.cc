#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "tests/unit/cli/vault_runs.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::test {
namespace {

using control::Request;
using nlohmann::json;

/// `fob new` at a terminal, with an agent that makes keys.
class NewAtTerminal : public testing::Test {
 protected:
  TerminalFob& start(std::vector<std::string> options, FakeAgent::Handle handle = serve_new) {
    agent_.emplace([this, handle](const Request& request, Peer& peer) {
      if (const auto* made = std::get_if<control::NewKey>(&request)) made_ = *made;
      handle(request, peer);
    });
    options.insert(options.begin(), "new");
    fob_.emplace(options, std::vector<std::string>{agent_->environment(), "HOME=" + folder_.path()});
    return *fob_;
  }
  /// After the end: what was asked of the agent.
  std::optional<control::NewKey> made() {
    agent_.reset();
    return made_;
  }

  TempDir folder_;
  std::optional<control::NewKey> made_;
  std::optional<FakeAgent> agent_;
  std::optional<TerminalFob> fob_;
};

/// An agent without tokens.
void serve_without_tokens(const Request& request, Peer& peer) {
  if (std::holds_alternative<control::ListTokens>(request)) return peer.send(control::Tokens{});
  serve_vault(request, peer);
}

TEST_F(NewAtTerminal, TakesDefaultsByEnter) {
  TerminalFob& fob = start({});
  ASSERT_TRUE(fob.shows("What is the key to be called: "));
  fob.type("laptop\n");
  ASSERT_TRUE(fob.shows("Where is the key to be kept?"));
  EXPECT_TRUE(fob.shows("1  Example Key 5 (fido:815)"));
  EXPECT_TRUE(fob.shows("2  the vault"));
  EXPECT_TRUE(fob.shows("not usable now: Other Key (fido:hidraw4): no permission for /dev/hidraw4"));
  ASSERT_TRUE(fob.shows("Number [1]: "));
  fob.type("\n");
  ASSERT_TRUE(fob.shows("Which type?"));
  EXPECT_TRUE(fob.shows("1  ecdsa-sk"));
  EXPECT_TRUE(fob.shows("2  ed25519-sk"));
  ASSERT_TRUE(fob.shows("Number [1]: "));
  fob.type("\n");
  ASSERT_TRUE(fob.shows("Comment ["));
  ASSERT_TRUE(fob.shows("]: "));
  fob.type("\n");
  EXPECT_TRUE(fob.shows("Kept as laptop, on Example Key 5 815."));
  EXPECT_TRUE(fob.shows("\nsk-ecdsa-sha2-nistp256@openssh.com AAAA"));
  EXPECT_EQ(fob.status(), 0);
  const auto request = made();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->name, "laptop");
  EXPECT_EQ(request->on, "fido:815");
  EXPECT_EQ(request->kind, KeyKind::sk_ecdsa_p256);
  EXPECT_EQ(request->application, "ssh:");
  EXPECT_NE(request->comment.find('@'), std::string::npos);
}

TEST_F(NewAtTerminal, TakesWhatIsChosen) {
  TerminalFob& fob = start({"laptop"});
  ASSERT_TRUE(fob.shows("Number [1]: "));
  fob.type("2\n");
  ASSERT_TRUE(fob.shows("rsa, 4096 bits"));
  ASSERT_TRUE(fob.shows("Number [1]: "));
  fob.type("7\n");
  ASSERT_TRUE(fob.shows("Comment ["));
  fob.type("of the laptop\n");
  EXPECT_EQ(fob.status(), 0);
  const auto request = made();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->on, "vault");
  EXPECT_EQ(request->kind, KeyKind::rsa);
  EXPECT_EQ(request->rsa_bits, 4096U);
  EXPECT_EQ(request->comment, "of the laptop");
  EXPECT_EQ(request->application, "");
}

TEST_F(NewAtTerminal, AsksForThePlaceOnlyWhereThereIsAToken) {
  TerminalFob& fob = start({"laptop"}, serve_without_tokens);
  ASSERT_TRUE(fob.shows("Which type?"));
  EXPECT_EQ(fob.screen().find("Where is the key"), std::string::npos);
  ASSERT_TRUE(fob.shows("Number [1]: "));
  fob.type("\n");
  ASSERT_TRUE(fob.shows("Comment ["));
  fob.type("\n");
  EXPECT_EQ(fob.status(), 0);
  const auto request = made();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->on, "vault");
  EXPECT_EQ(request->kind, KeyKind::ed25519);
}

TEST_F(NewAtTerminal, SaysWhyATokenIsNoPlace) {
  TerminalFob& fob = start({"laptop"}, [](const Request& request, Peer& peer) {
    if (!std::holds_alternative<control::ListTokens>(request)) return serve_vault(request, peer);
    control::Token token = sample_token("fido:hidraw4");
    token.fault = "no permission for /dev/hidraw4";
    peer.send(control::Tokens{{token}});
  });
  EXPECT_TRUE(fob.shows("not usable now: Example Key 5 (fido:hidraw4): no permission for /dev/hidraw4"));
  ASSERT_TRUE(fob.shows("Which type?"));
  EXPECT_EQ(fob.screen().find("Where is the key"), std::string::npos);
  ASSERT_TRUE(fob.shows("Number [1]: "));
  fob.type("\n");
  ASSERT_TRUE(fob.shows("Comment ["));
  fob.type("\n");
  EXPECT_EQ(fob.status(), 0);
  EXPECT_EQ(made().value_or(control::NewKey()).on, "vault");
}

TEST_F(NewAtTerminal, AsksForTheSlotOfACard) {
  TerminalFob& fob = start({"laptop"}, serve_pkcs11);
  ASSERT_TRUE(fob.shows("3  Yubico YubiKey YK5"));
  ASSERT_TRUE(fob.shows("Number [1]: "));
  fob.type("3\n");
  ASSERT_TRUE(fob.shows("1  ecdsa, 256 bits\r\n  2  ecdsa-p384, 384 bits\r\n  3  rsa, 2048 bits"));
  ASSERT_TRUE(fob.shows("Number [1]: "));
  fob.type("\n");
  ASSERT_TRUE(fob.shows("Which slot of the card?"));
  ASSERT_TRUE(fob.shows("Number [1]: "));
  fob.type("2\n");
  ASSERT_TRUE(fob.shows("Comment ["));
  fob.type("\n");
  EXPECT_EQ(fob.status(), 0);
  const auto request = made();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->on, sample_piv_token().id);
  EXPECT_EQ(request->kind, KeyKind::ecdsa_p256);
  EXPECT_EQ(request->piv.slot, "9c");
}

TEST_F(NewAtTerminal, AsksAgainForWhatDoesNotFit) {
  TerminalFob& fob = start({});
  for (const char* typed : {"../x\n", "\n"}) {
    ASSERT_TRUE(fob.shows("What is the key to be called: "));
    fob.type(typed);
  }
  EXPECT_TRUE(fob.shows("a key needs a name"));
  ASSERT_TRUE(fob.shows("What is the key to be called: "));
  fob.type("laptop\n");
  for (const char* typed : {"0\n", "3\n", "-1\n"}) {
    ASSERT_TRUE(fob.shows("Number [1]: "));
    fob.type(typed);
    EXPECT_TRUE(fob.shows("Type one of the numbers from 1 to 2, or Enter for 1."));
  }
  EXPECT_TRUE(fob.shows("nothing that fits was typed: no key is made"));
  EXPECT_EQ(fob.status(), 1);
  EXPECT_FALSE(made());
}

TEST_F(NewAtTerminal, MakesNothingAfterCtrlC) {
  TerminalFob& fob = start({"laptop"});
  ASSERT_TRUE(fob.shows("Number [1]: "));
  fob.type("\x03");
  EXPECT_EQ(fob.status(), 130);
  EXPECT_FALSE(made());
}

TEST_F(NewAtTerminal, SaysThatANameIsTakenBeforeItAsksAnything) {
  TerminalFob& fob = start({"work"});
  EXPECT_TRUE(fob.shows("there is a key named work already"));
  EXPECT_EQ(fob.status(), 1);
  EXPECT_EQ(fob.screen().find('?'), std::string::npos) << fob.screen();
  EXPECT_FALSE(made());
}

TEST_F(NewAtTerminal, AsksNothingWhereAnOptionDecides) {
  for (const auto& line : std::vector<std::vector<std::string>>{
           {"laptop", "--yes"}, {"laptop", "--comment", "x"}, {"laptop", "--on", "vault"}, {"laptop", "--json"}}) {
    TerminalFob& fob = start(line);
    EXPECT_EQ(fob.status(), 0) << fob.screen();
    EXPECT_EQ(fob.screen().find('?'), std::string::npos) << fob.screen();
    EXPECT_TRUE(made());
  }
}

/// A folder with programs that stand in for those of a desktop.
class Clipboard : public testing::Test {
 protected:
  void put(const std::string& name, const std::string& script) {
    write_file(folder_.file(name), "#!/bin/sh\n" + script + "\n", 0700);
  }
  FobOutcome copy(const std::vector<std::string>& line, std::vector<std::string> environment) {
    FakeAgent agent(serve_vault);
    environment.push_back(agent.environment());
    environment.push_back("PATH=" + folder_.path() + ":/usr/bin:/bin");
    return run_fob(line, environment);
  }
  std::string copied() const { return fob::read_file(folder_.file("copied")); }

  TempDir folder_;
};

TEST_F(Clipboard, GetsThePublicKey) {
  const std::string line = read_data("key_files/software.pub");
  const std::string key = line.substr(0, line.find(" comment of"));
  put("wl-copy", "cat >" + folder_.file("copied"));
  const FobOutcome made = copy({"new", "work", "--on", "vault", "--copy"}, {"WAYLAND_DISPLAY=wayland-0"});
  EXPECT_EQ(made.status, 0) << made.err;
  EXPECT_NE(made.err.find("The public key is on the clipboard.\n"), std::string::npos);
  EXPECT_EQ(copied(), key + " alice@desk\n");
  put("xclip", "echo \"$@\" >" + folder_.file("copied") + "; cat >>" + folder_.file("copied"));
  const FobOutcome printed = copy({"public", "safe", "--copy"}, {"DISPLAY=:0"});
  EXPECT_EQ(printed.status, 0) << printed.err;
  EXPECT_EQ(printed.out, key + " alice@desk\n");
  EXPECT_EQ(copied(), "-selection clipboard\n" + printed.out);
}

/// As xclip does, until something else is on the clipboard.
TEST_F(Clipboard, DoesNotWaitForAProgramThatStaysBehind) {
  put("xclip", "cat >" + folder_.file("copied") + "; sleep 5 & echo $! >" + folder_.file("pid"));
  const FobOutcome outcome = copy({"public", "safe", "--copy"}, {"DISPLAY=:0"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const std::string pid = fob::read_file(folder_.file("pid"));
  EXPECT_EQ(run({"sh", "-c", "kill " + pid}).exit_status, 0) << "it has ended already";
}

TEST_F(Clipboard, LeavesTheKeyWhereThereIsNone) {
  const FobOutcome nowhere = copy({"new", "work", "--on", "vault", "--copy"}, {});
  EXPECT_EQ(nowhere.status, 1);
  EXPECT_TRUE(nowhere.out.starts_with("ssh-ed25519 ")) << nowhere.out;
  EXPECT_NE(nowhere.err.find("neither WAYLAND_DISPLAY nor DISPLAY is set; the key is kept all the same: fob public "
                             "work prints its public key\n"),
            std::string::npos)
      << nowhere.err;
  put("wl-copy", "echo no compositor >&2; exit 3");
  const FobOutcome failed = copy({"public", "safe", "--copy"}, {"WAYLAND_DISPLAY=wayland-0"});
  EXPECT_EQ(failed.status, 1);
  EXPECT_TRUE(failed.out.starts_with("ssh-ed25519 "));
  EXPECT_EQ(failed.err, "fob: nothing is on the clipboard: wl-copy failed (no compositor)\n");
}

}  // namespace
}  // namespace fob::test
