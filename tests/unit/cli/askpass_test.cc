#include <gtest/gtest.h>

#include "tests/unit/cli/fake_agent.h"
#include "tests/unit/cli/fob_process.h"

namespace fob::test {
namespace {

using control::Question;
using control::Request;

/// An agent that asks once, and askpass programs: scripts that do as a test says.
class AskpassTest : public testing::Test {
 protected:
  /// The program, which also notes what it was asked.
  std::string askpass(const std::string& script) {
    const std::string path = folder_.file("askpass");
    write_file(path, "#!/bin/sh\nprintf '%s\\n' \"$1\" >>" + folder_.file("asked") + "\n" + script, 0700);
    return "SSH_ASKPASS=" + path;
  }
  std::string asked() const { return read_file(folder_.file("asked")); }

  FobOutcome run_asking(std::vector<std::string> environment, Question::Kind kind = Question::Kind::passphrase) {
    answer_.reset();
    FakeAgent agent([&](const Request&, Peer& peer) {
      answer_ = peer.ask(kind, "The vault.\nPassphrase");
      peer.send(control::Done{});
    });
    environment.push_back(agent.environment());
    environment.emplace_back("PATH=/usr/bin:/bin");
    return run_fob({"unlock"}, environment);
  }

  TempDir folder_;
  std::optional<std::string> answer_;
};

TEST_F(AskpassTest, AsksWhereThereIsAScreenAndNoTerminal) {
  for (const char* screen : {"DISPLAY=:0", "WAYLAND_DISPLAY=wayland-0"}) {
    const FobOutcome outcome = run_asking({askpass("echo 'correct horse'\n"), screen});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(answer_, "correct horse");
  }
  EXPECT_EQ(asked(), "The vault. Passphrase: \nThe vault. Passphrase: \n");
}

TEST_F(AskpassTest, AsksEveryHiddenQuestionAndNoOther) {
  const std::string program = askpass("echo typed\n");
  for (const auto kind :
       {Question::Kind::pin, Question::Kind::new_pin, Question::Kind::passphrase, Question::Kind::new_passphrase}) {
    EXPECT_EQ(run_asking({program, "SSH_ASKPASS_REQUIRE=force"}, kind).status, 0);
    EXPECT_EQ(answer_, "typed");
  }
  const FobOutcome outcome = run_asking({program, "SSH_ASKPASS_REQUIRE=force"}, Question::Kind::text);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err, "fob: there is no terminal to ask at (The vault. Passphrase): run fob in one\n");
}

TEST_F(AskpassTest, IsUsedAsSshKeygenUsesIt) {
  const std::string program = askpass("echo typed\n");
  EXPECT_EQ(run_asking({program, "SSH_ASKPASS_REQUIRE=force"}).status, 0);
  EXPECT_EQ(run_asking({program, "SSH_ASKPASS_REQUIRE=Force"}).status, 0);
  EXPECT_EQ(run_asking({program, "SSH_ASKPASS_REQUIRE=prefer", "DISPLAY=:0"}).status, 0);
  EXPECT_EQ(run_asking({program}).status, 1);
  EXPECT_EQ(run_asking({program, "DISPLAY="}).status, 1);
  EXPECT_EQ(run_asking({program, "SSH_ASKPASS_REQUIRE=prefer"}).status, 1);
  EXPECT_EQ(run_asking({program, "SSH_ASKPASS_REQUIRE=never", "DISPLAY=:0"}).status, 1);
}

TEST_F(AskpassTest, TakesATerminalUnlessItIsToldNotTo) {
  for (const bool forced : {true, false}) {
    std::optional<std::string> answer;
    {
      FakeAgent agent([&](const Request&, Peer& peer) {
        answer = peer.ask(Question::Kind::passphrase, "Passphrase");
        peer.send(control::Done{});
      });
      TerminalFob fob({"unlock"}, {agent.environment(), askpass("echo 'by program'\n"), "DISPLAY=:0",
                                   forced ? "SSH_ASKPASS_REQUIRE=force" : "X=y"});
      if (!forced) {
        ASSERT_TRUE(fob.shows("Passphrase: "));
        ASSERT_TRUE(fob.becomes(false));
        fob.type("by hand\n");
      }
      EXPECT_TRUE(fob.shows("The vault is open."));
      EXPECT_EQ(fob.status(), 0);
    }
    EXPECT_EQ(answer, forced ? "by program" : "by hand");
  }
}

TEST_F(AskpassTest, HasNewPassphrasesTypedTwice) {
  const std::string differing =
      "n=$(wc -l <" + folder_.file("asked") + ")\n[ \"$n\" = 2 ] && echo other || echo same\n";
  EXPECT_EQ(run_asking({askpass(differing), "SSH_ASKPASS_REQUIRE=force"}, Question::Kind::new_passphrase).status, 0);
  EXPECT_EQ(answer_, "same");
  EXPECT_EQ(asked(),
            "The vault. Passphrase: \n"
            "The same again, lest it was mistyped: The vault. Passphrase: \n"
            "They differ; nothing has changed. The vault. Passphrase: \n"
            "The same again, lest it was mistyped: The vault. Passphrase: \n");
}

TEST_F(AskpassTest, DeclinesWithItsStatusOrAnEmptyLine) {
  for (const char* script : {"echo typed; exit 1\n", "echo typed; kill -9 $$\n", "echo\n", "exit 0\n"}) {
    EXPECT_EQ(run_asking({askpass(script), "SSH_ASKPASS_REQUIRE=force"}).status, 0) << script;
    EXPECT_EQ(answer_, std::nullopt) << script;
  }
}

TEST_F(AskpassTest, GivesItsFirstLineAndNoMoreThanALineMayHave) {
  const auto answer_to = [&](const std::string& script) {
    const FobOutcome outcome = run_asking({askpass(script), "SSH_ASKPASS_REQUIRE=force"});
    return outcome.status == 0 ? answer_ : outcome.err;
  };
  const std::string longest(1024, 'x');
  EXPECT_EQ(answer_to("printf 'one\\r\\ntwo\\n'\n"), "one");
  EXPECT_EQ(answer_to("printf 'no end'\n"), "no end");
  EXPECT_EQ(answer_to("printf on; sleep 0.1; printf 'e\\n'\n"), "one");
  EXPECT_EQ(answer_to("echo one; head -c 100000 /dev/zero\n"), "one");
  EXPECT_EQ(answer_to("echo " + longest + "; echo more\n"), longest);
  EXPECT_NE(answer_to("echo x" + longest + "\n")->find("more than 1024 bytes"), std::string::npos);
  EXPECT_NE(answer_to("head -c 100000 /dev/zero\n")->find("more than 1024 bytes"), std::string::npos);
}

TEST_F(AskpassTest, SaysWhichProgramIsMissing) {
  const FobOutcome outcome = run_asking({"SSH_ASKPASS=/no/such/askpass", "SSH_ASKPASS_REQUIRE=force"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("cannot run the askpass program /no/such/askpass (No such file or directory)"),
            std::string::npos)
      << outcome.err;
}

TEST_F(AskpassTest, EndsWithFob) {
  const std::string program = askpass("echo $$ >" + folder_.file("pid") + "\nexec sleep 600\n");
  FakeAgent agent([&](const Request&, Peer& peer) {
    peer.send(Question{Question::Kind::passphrase, "Passphrase"});
    EXPECT_TRUE(peer.closed_by_client());
  });
  TerminalFob fob({"unlock"}, {agent.environment(), program, "SSH_ASKPASS_REQUIRE=force", "PATH=/usr/bin:/bin"});
  std::string pid;
  for (int i = 0; i < 500 && !pid.ends_with('\n'); ++i) {
    run({"sleep", "0.01"});
    pid = read_file(folder_.file("pid"));
  }
  ASSERT_TRUE(pid.ends_with('\n'));
  fob.signal(SIGTERM);
  EXPECT_EQ(fob.status(), 128 + SIGTERM);
  // A process that has ended and that nobody has waited for has no command line any more.
  const std::string arguments = "/proc/" + pid.substr(0, pid.size() - 1) + "/cmdline";
  for (int i = 0; i < 500 && !read_file(arguments).empty(); ++i) run({"sleep", "0.01"});
  EXPECT_EQ(read_file(arguments), "");
}

}  // namespace
}  // namespace fob::test
