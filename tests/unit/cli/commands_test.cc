#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "protocol/fingerprint.h"
#include "tests/unit/cli/fake_agent.h"
#include "tests/unit/cli/fob_process.h"
#include "tests/unit/cli/samples.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::test {
namespace {

using control::Request;
using nlohmann::json;

/// The last request that is of type `Wanted`, and the outcome of a run.
template <class Wanted>
std::pair<FobOutcome, Wanted> run_and_get(const std::vector<std::string>& arguments) {
  std::pair<FobOutcome, Wanted> out;
  FakeAgent agent([&](const Request& request, Peer& peer) {
    if (const auto* wanted = std::get_if<Wanted>(&request)) out.second = *wanted;
    serve(request, peer);
  });
  out.first = run_fob(arguments, {agent.environment()});
  return out;
}

FobOutcome run_with_agent(const std::vector<std::string>& arguments) {
  FakeAgent agent(serve);
  return run_fob(arguments, {agent.environment()});
}

TEST(Fob, SaysWhatItIsWithoutAnAgent) {
  const FobOutcome outcome = run_fob({});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.out.find("SSH_AUTH_SOCK is not set"), std::string::npos);
  EXPECT_NE(outcome.out.find("\nNext:    fob doctor "), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("\n  Tokens   tokens, pin, resident"), std::string::npos) << outcome.out;
}

TEST(Fob, SaysWhatTheAgentHas) {
  const FobOutcome outcome = run_with_agent({});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.out.find("Tokens:  Example Key 5 (fido:815), Other Key (fido:hidraw4, not usable)\n"
                             "Keys:    2\nVault:   locked\n"),
            std::string::npos)
      << outcome.out;
  const json state = json::parse(run_with_agent({"--json"}).out);
  EXPECT_EQ(state["keys"], 2);
  EXPECT_EQ(state["fault"], nullptr);
  EXPECT_EQ(state["vault"], "locked");
}

/// What fob alone prints where the last uses were these.
std::string state_after(std::vector<control::KeyUse> uses) {
  FakeAgent agent([&](const Request& request, Peer& peer) {
    if (!std::holds_alternative<control::Watch>(request)) return serve(request, peer);
    control::Activity now = sample_activity(1);
    now.uses = std::move(uses);
    peer.send(std::move(now));
  });
  return run_fob({}, {agent.environment()}).out;
}

TEST(Fob, SaysWhyTheLastUseWasRefused) {
  const auto now = static_cast<std::uint64_t>(time(nullptr));
  const control::KeyUse refused{now - 60, "work", "log in as alice", "", "the user said no"};
  const std::string out = state_after({refused});
  EXPECT_TRUE(std::regex_search(out, std::regex("\nRefused: at ..:..:.., work, log in as alice: the user said no\n")))
      << out;
  EXPECT_EQ(state_after({{now, "work", "sign for git", "", ""}, refused}).find("Refused"), std::string::npos);
  control::KeyUse old = refused;
  old.time = now - 7200;
  EXPECT_EQ(state_after({old}).find("Refused"), std::string::npos);
}

TEST(Fob, TakesJsonBeforeTheCommandToo) {
  const std::vector<std::vector<std::string>> lines{{"--json", "list"},
                                                    {"--json", "tokens"},
                                                    {"--json", "pin", "status"},
                                                    {"pin", "--json", "status"},
                                                    {"--json", "pin", "set"},
                                                    {"--json", "public", "work"},
                                                    {"--json", "resident", "list"}};
  for (const auto& line : lines) {
    const FobOutcome outcome = run_with_agent(line);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_TRUE(json::accept(outcome.out)) << outcome.out;
  }
  EXPECT_EQ(run_with_agent({"--json", "list"}).out, run_with_agent({"list", "--json"}).out);
}

TEST(Fob, HasItsVersionAndHelp) {
  EXPECT_EQ(run_fob({"--version"}).out, "fob 0.1.0\n");
  for (const char* command : {"new", "list", "public", "tokens", "pin", "import", "export", "remove", "unlock", "lock",
                              "slot", "backup", "restore", "resident", "attest", "reset"}) {
    const FobOutcome outcome = run_fob({command, "--help"});
    EXPECT_EQ(outcome.status, 0) << command;
    EXPECT_NE(outcome.out.find("Usage: fob"), std::string::npos) << command;
  }
}

TEST(Fob, ExitsWith2ForAWrongCommandLine) {
  const std::vector<std::vector<std::string>> lines{{"bogus"},
                                                    {"new"},
                                                    {"new", "../x"},
                                                    {"new", "x", "--type", "rsa", "--on", "fido"},
                                                    {"new", "x", "--application", "web:"},
                                                    {"pin"},
                                                    {"pin", "guess"},
                                                    {"public"},
                                                    {"export", "x"},
                                                    {"import"},
                                                    {"list", "--what"},
                                                    {"import", "a", "b", "--name", "x"}};
  for (const auto& line : lines) {
    const FobOutcome outcome = run_fob(line);
    EXPECT_EQ(outcome.status, 2) << line[0];
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(outcome.err.starts_with("fob: ")) << outcome.err;
  }
}

TEST(Fob, SaysWhatFailed) {
  FakeAgent agent([](const Request&, Peer& peer) { peer.send(control::Failed{Errc::timed_out, "nobody touched it"}); });
  const FobOutcome outcome = run_fob({"list"}, {agent.environment()});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "fob: nobody touched it\n");
}

TEST(Tokens, AreATable) {
  EXPECT_EQ(run_with_agent({"tokens"}).out,
            "TOKEN         DEVICE         PIN                TYPES                 STATE\n"
            "fido:815      Example Key 5  set, 8 tries left  ecdsa-sk, ed25519-sk  ready\n"
            "fido:hidraw4  Other Key      -                  -                     no permission for /dev/hidraw4\n");
}

TEST(Tokens, ShowMoreWhenAsked) {
  const std::string out = run_with_agent({"tokens", "-v"}).out;
  EXPECT_NE(out.find("  AAGUID      2fc0579f-8113-47ea-b116-bb5a8db9202a\n"), std::string::npos);
  EXPECT_NE(out.find("  transports  usb, nfc\n"), std::string::npos);
  EXPECT_NE(out.find("  firmware    5.4.3\n"), std::string::npos);
  EXPECT_NE(out.find("  resident    25 free\n"), std::string::npos);
  EXPECT_NE(out.find("\nfido:hidraw4\n  product     Other Key\n"), std::string::npos);
}

TEST(Tokens, AreJson) {
  const json out = json::parse(run_with_agent({"tokens", "--json"}).out);
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0]["id"], "fido:815");
  EXPECT_EQ(out[0]["pin"]["tries_left"], 8);
  EXPECT_EQ(out[0]["types"], (json{"ecdsa-sk", "ed25519-sk"}));
  EXPECT_EQ(out[0]["transports"], (json{"usb", "nfc"}));
  EXPECT_EQ(out[0]["firmware"], "5.4.3");
  EXPECT_EQ(out[0]["fault"], nullptr);
  EXPECT_EQ(out[0]["kind"], "fido2");
  EXPECT_EQ(out[0]["on"], "fido:815");
  EXPECT_EQ(out[1]["fault"], "no permission for /dev/hidraw4");
}

TEST(Keys, AreATable) {
  const std::string sk = fingerprint(public_key("openssh/sshkey/ecdsa_sk1.pub"));
  const std::string plain = fingerprint(public_key("openssh/sshkey/ed25519_1.pub"));
  EXPECT_EQ(run_with_agent({"list"}).out, "NAME  TYPE      WHERE                   NEEDS                 FINGERPRINT" +
                                              std::string(sk.size() - 11, ' ') +
                                              "  COMMENT\n"
                                              "work  ECDSA-SK  fido Example Key 5 815  touch, PIN, resident  " +
                                              sk +
                                              "  alice@desk\n"
                                              "-     ED25519   memory                  confirm               " +
                                              plain + "  evil?[2J?ssh-rsa AAAA\n");
}

TEST(Keys, AreJsonInAsciiWithTheirTextsUnchanged) {
  const std::string text = run_with_agent({"list", "--json"}).out;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  const json out = json::parse(text);
  EXPECT_EQ(out[0]["name"], "work");
  EXPECT_EQ(out[0]["touch"], true);
  EXPECT_EQ(out[0]["resident"], true);
  EXPECT_EQ(out[0]["fingerprint"], fingerprint(public_key("openssh/sshkey/ecdsa_sk1.pub")));
  EXPECT_EQ(out[1]["name"], nullptr);
  EXPECT_EQ(out[1]["comment"], "evil\x1b[2J\nssh-rsa AAAA");
  EXPECT_EQ(out[1]["confirm"], true);
}

TEST(Public, PrintsOneLine) {
  const std::string wanted = read_data("openssh/sshkey/ecdsa_sk1.pub");
  const std::string key = wanted.substr(0, wanted.find(' ', wanted.find(' ') + 1));
  EXPECT_EQ(run_with_agent({"public", "work"}).out, key + " alice@desk\n");
  EXPECT_EQ(json::parse(run_with_agent({"public", "work", "--json"}).out)["public_key"], key + " alice@desk");
  const FobOutcome unknown = run_with_agent({"public", "other"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_EQ(unknown.err, "fob: no key is named other: fob list shows which there are\n");
}

TEST(Public, KeepsCommentsOnOneLine) {
  FakeAgent agent([](const Request&, Peer& peer) {
    control::Keys keys{false, {sample_key("work")}};
    keys.keys[0].comment = "a\nssh-ed25519 AAAA";
    peer.send(keys);
  });
  const std::string out = run_fob({"public", "work"}, {agent.environment()}).out;
  EXPECT_EQ(out.find('\n'), out.size() - 1);
}

TEST(Remove, AsksFirst) {
  const auto [refused, no_request] = run_and_get<control::RemoveKey>({"remove", "work"});
  EXPECT_EQ(refused.status, 1);  // there is no terminal
  EXPECT_EQ(no_request.name, "");
  const auto [outcome, request] = run_and_get<control::RemoveKey>({"remove", "work", "--yes", "--from-token"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(request.name, "work");
  EXPECT_TRUE(request.from_token);
}

TEST(Remove, TakesYesAtTheTerminal) {
  for (const bool yes : {true, false}) {
    FakeAgent agent(serve);
    TerminalFob fob({"remove", "work"}, {agent.environment()});
    ASSERT_TRUE(fob.shows("Remove work? (yes/no): "));
    fob.type(yes ? "yes\n" : "no\n");
    EXPECT_TRUE(fob.shows(yes ? "work is removed." : "work stays"));
    EXPECT_EQ(fob.status(), yes ? 0 : 1);
    EXPECT_EQ(agent.requests(), yes ? 2U : 1U);
  }
}

TEST(Pin, NamesTheToken) {
  EXPECT_EQ(run_and_get<control::SetPin>({"pin", "set"}).second.on, "fido");
  EXPECT_EQ(run_and_get<control::ChangePin>({"pin", "change", "--on", "fido:815"}).second.on, "fido:815");
}

TEST(Pin, StatusIsThatOfTheTokenMeant) {
  EXPECT_EQ(run_with_agent({"pin", "status", "--on", "fido:815"}).out,
            "TOKEN     PRODUCT        PIN\n"
            "fido:815  Example Key 5  set, 8 tries left\n");
  EXPECT_EQ(json::parse(run_with_agent({"pin", "status", "--json"}).out).size(), 2U);
  EXPECT_EQ(run_with_agent({"pin", "status", "--on", "fido:1"}).status, 1);
  EXPECT_EQ(run_with_agent({"pin", "status", "--on", "fido"}).status, 1);
}

TEST(Resident, IsATable) {
  const std::string out = run_with_agent({"resident", "list"}).out;
  EXPECT_TRUE(
      out.starts_with("APPLICATION  USER   TYPE        NEEDS                 FINGERPRINT\n"
                      "ssh:         alice  ECDSA-SK    touch, resident       SHA256:"))
      << out;
}

TEST(Resident, IsNamedByWhatMeansOneKeyOnly) {
  const std::string print = fingerprint(public_key("openssh/sshkey/ed25519_sk1.pub"));
  const auto [outcome, request] =
      run_and_get<control::RemoveResident>({"resident", "remove", print.substr(0, 15), "--yes"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(equal(request.key_handle, Bytes(64, 8)));
  EXPECT_EQ(run_with_agent({"resident", "remove", "alice", "--yes"}).status, 1);
  EXPECT_EQ(run_with_agent({"resident", "remove", "bob", "--yes"}).status, 1);
  EXPECT_EQ(run_with_agent({"resident", "remove", print}).status, 1);  // no terminal to say yes at
  const auto [renamed, renaming] = run_and_get<control::RenameResident>({"resident", "rename", print, "bob"});
  EXPECT_EQ(renamed.status, 0) << renamed.err;
  EXPECT_EQ(renaming.user, "bob");
}

TEST(Reset, LeavesTheQuestionToTheAgent) {
  EXPECT_EQ(run_and_get<control::ResetToken>({"reset", "--on", "fido:815"}).second.on, "fido:815");
}

}  // namespace
}  // namespace fob::test
