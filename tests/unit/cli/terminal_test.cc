#include "cli/terminal.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "tests/unit/cli/fake_agent.h"
#include "tests/unit/cli/fob_process.h"

namespace fob::test {
namespace {

using control::Question;
using control::Request;

/// `fob pin set` in a terminal, with an agent that does as the test says.
class TerminalTest : public testing::Test {
 protected:
  TerminalFob& start(FakeAgent::Handle handle, std::vector<std::string> environment = {"TERM=xterm"}) {
    agent_.emplace(std::move(handle));
    environment.push_back(agent_->environment());
    fob_.emplace(std::vector<std::string>{"pin", "set"}, environment);
    return *fob_;
  }
  /// An agent that asks once, then is done.
  TerminalFob& start_asking(Question::Kind kind) {
    return start([this, kind](const Request&, Peer& peer) {
      answer_ = peer.ask(kind, "PIN of Example Key");
      peer.send(control::Done{});
    });
  }
  /// An agent that asks for a PIN, and sees whether fob goes away.
  TerminalFob& start_asking_in_vain() {
    return start([this](const Request&, Peer& peer) {
      peer.send(Question{Question::Kind::pin, "PIN of Example Key"});
      closed_ = peer.closed_by_client();
    });
  }
  /// Once fob has ended: what the agent heard.
  std::optional<std::string> answer() {
    agent_.reset();
    return answer_;
  }

  std::optional<std::string> answer_;
  std::atomic<bool> closed_ = false;
  std::optional<FakeAgent> agent_;
  std::optional<TerminalFob> fob_;
};

TEST_F(TerminalTest, ReadsPassphrasesWithoutEcho) {
  TerminalFob& fob = start_asking(Question::Kind::passphrase);
  ASSERT_TRUE(fob.shows("PIN of Example Key: "));
  ASSERT_TRUE(fob.becomes(false));
  fob.type("correct horse\n");
  EXPECT_EQ(fob.status(), 0);
  EXPECT_EQ(answer(), "correct horse");
  EXPECT_EQ(fob.screen().find("correct"), std::string::npos);
}

TEST_F(TerminalTest, ReadsAPinWithoutEcho) {
  TerminalFob& fob = start_asking(Question::Kind::pin);
  ASSERT_TRUE(fob.shows("PIN of Example Key: "));
  ASSERT_TRUE(fob.becomes(false));
  fob.type("314159\n");
  EXPECT_TRUE(fob.shows("The PIN is set."));
  EXPECT_EQ(fob.status(), 0);
  EXPECT_EQ(answer(), "314159");
  EXPECT_EQ(fob.screen().find("314159"), std::string::npos);
}

TEST_F(TerminalTest, EchoesText) {
  TerminalFob& fob = start_asking(Question::Kind::text);
  ASSERT_TRUE(fob.shows("PIN of Example Key: "));
  EXPECT_TRUE(fob.echoes());
  fob.type("yes\n");
  EXPECT_TRUE(fob.shows("yes"));
  EXPECT_EQ(fob.status(), 0);
  EXPECT_EQ(answer(), "yes");
}

TEST_F(TerminalTest, TakesNothingTypedBeforeTheQuestionForItsAnswer) {
  std::promise<void> typed_ahead;
  TerminalFob& fob = start([&](const Request&, Peer& peer) {
    peer.send(control::Notice{"touch Example Key"});
    typed_ahead.get_future().wait_for(std::chrono::seconds(5));
    answer_ = peer.ask(Question::Kind::text, "sure?");
    peer.send(control::Done{});
  });
  EXPECT_TRUE(fob.shows("touch Example Key"));
  fob.type("yes\n");
  EXPECT_TRUE(fob.shows("yes\r\n"));
  typed_ahead.set_value();
  EXPECT_TRUE(fob.shows("sure? "));
  fob.type("no\n");
  EXPECT_EQ(fob.status(), 0);
  EXPECT_EQ(answer(), "no");
}

/// Types 1234, differently at first.
void type_new(TerminalFob& fob) {
  for (const char* second : {"1235\n", "1234\n"}) {
    ASSERT_TRUE(fob.shows("PIN of Example Key: "));
    ASSERT_TRUE(fob.becomes(false));
    fob.type("1234\n");
    ASSERT_TRUE(fob.shows("the same again: "));
    ASSERT_TRUE(fob.becomes(false));
    fob.type(second);
    if (second[3] == '5') {
      ASSERT_TRUE(fob.shows("They differ; nothing has changed. "));
    }
  }
}

TEST_F(TerminalTest, HasNewPinsAndPassphrasesTypedTwice) {
  for (const auto kind : {Question::Kind::new_pin, Question::Kind::new_passphrase}) {
    TerminalFob& fob = start_asking(kind);
    type_new(fob);
    EXPECT_EQ(fob.status(), 0);
    EXPECT_EQ(answer(), "1234");
  }
}

TEST_F(TerminalTest, TakesNothingTypedForNo) {
  for (const char* keys : {"\n", "\x04"}) {
    TerminalFob& fob = start_asking(Question::Kind::pin);
    ASSERT_TRUE(fob.shows("PIN of Example Key: "));
    ASSERT_TRUE(fob.becomes(false));
    fob.type(keys);
    fob.status();
    EXPECT_EQ(answer(), std::nullopt);
  }
}

TEST_F(TerminalTest, RefusesTooMuch) {
  TerminalFob& fob = start_asking(Question::Kind::pin);
  ASSERT_TRUE(fob.shows("PIN of Example Key: "));
  ASSERT_TRUE(fob.becomes(false));
  fob.type(std::string(1025, '1') + "\n");
  EXPECT_TRUE(fob.shows("at most 1024 are allowed"));
  EXPECT_EQ(fob.status(), 1);
}

TEST_F(TerminalTest, PutsEchoBackAndCancelsOnCtrlC) {
  TerminalFob& fob = start_asking_in_vain();
  ASSERT_TRUE(fob.shows("PIN of Example Key: "));
  ASSERT_TRUE(fob.becomes(false));
  fob.type("31\x03");
  EXPECT_TRUE(fob.becomes(true));
  EXPECT_EQ(fob.status(), 130);
  agent_.reset();
  EXPECT_TRUE(closed_);
}

TEST_F(TerminalTest, PutsEchoBackWhenKilled) {
  for (const int number : {SIGTERM, SIGHUP, SIGQUIT}) {
    TerminalFob& fob = start_asking_in_vain();
    ASSERT_TRUE(fob.shows("PIN of Example Key: "));
    ASSERT_TRUE(fob.becomes(false));
    fob.signal(number);
    EXPECT_TRUE(fob.becomes(true)) << number;
    EXPECT_EQ(fob.status(), 128 + number);
    agent_.reset();
    EXPECT_TRUE(closed_) << number;
  }
}

TEST_F(TerminalTest, PutsEchoBackWhileStoppedAndAsksAgain) {
  TerminalFob& fob = start_asking(Question::Kind::pin);
  ASSERT_TRUE(fob.shows("PIN of Example Key: "));
  ASSERT_TRUE(fob.becomes(false));
  fob.type("99");
  fob.signal(SIGTSTP);
  ASSERT_TRUE(fob.is_stopped());
  EXPECT_TRUE(fob.echoes());
  fob.signal(SIGCONT);
  ASSERT_TRUE(fob.shows("PIN of Example Key: "));
  ASSERT_TRUE(fob.becomes(false));
  fob.type("1234\n");
  EXPECT_EQ(fob.status(), 0);
  EXPECT_EQ(answer(), "1234");
}

TEST_F(TerminalTest, CtrlCWhileATouchIsWaitedForCancels) {
  TerminalFob& fob = start([this](const Request&, Peer& peer) {
    peer.send(control::Notice{"touch Example Key"});
    closed_ = peer.closed_by_client();
  });
  ASSERT_TRUE(fob.shows("touch Example Key"));
  ASSERT_TRUE(fob.shows("/ "));  // the spinner turns
  fob.type("\x03");
  EXPECT_EQ(fob.status(), 130);
  agent_.reset();
  EXPECT_TRUE(closed_);
}

TEST_F(TerminalTest, TakesNoticesAwayAgain) {
  TerminalFob& fob = start([](const Request&, Peer& peer) {
    peer.send(control::Notice{"touch Example Key"});
    peer.send(control::Done{});
  });
  ASSERT_TRUE(fob.shows("\x1b[1mtouch Example Key\x1b[0m"));
  EXPECT_TRUE(fob.shows("\r" + std::string(79, ' ') + "\r"));
  EXPECT_TRUE(fob.shows("The PIN is set."));
  EXPECT_EQ(fob.status(), 0);
}

TEST_F(TerminalTest, ColoursNothingWhereNoColorIsSet) {
  for (const char* variable : {"NO_COLOR=1", "TERM=dumb"}) {
    TerminalFob& fob = start(
        [](const Request&, Peer& peer) {
          peer.send(control::Notice{"touch Example Key"});
          peer.send(control::Done{});
        },
        {variable});
    ASSERT_TRUE(fob.shows("touch Example Key"));
    EXPECT_EQ(fob.status(), 0);
    EXPECT_EQ(fob.screen().find("\x1b["), std::string::npos);
    agent_.reset();
  }
}

TEST_F(TerminalTest, ShowsNothingUnprintable) {
  TerminalFob& fob = start([](const Request&, Peer& peer) {
    peer.send(control::Notice{"touch \x1b]0;evil\x07"});
    peer.ask(Question::Kind::text, "sure\x1b[2J\r");
    peer.send(control::Failed{Errc::system, "bad\x1b[31m\u202e"});
  });
  ASSERT_TRUE(fob.shows("touch ?]0;evil?"));
  ASSERT_TRUE(fob.shows("sure?[2J? "));
  fob.type("no\n");
  EXPECT_TRUE(fob.shows("fob: bad?[31m?"));
  EXPECT_EQ(fob.status(), 1);
}

TEST_F(TerminalTest, TextsOfDialogsBecomeOneLine) {
  TerminalFob& fob = start([](const Request&, Peer& peer) {
    peer.send(control::Notice{"a new key\nTouch it"});
    peer.ask(Question::Kind::text, "For good.\nType its name.");
    peer.send(control::Done{});
  });
  ASSERT_TRUE(fob.shows("a new key. Touch it"));
  ASSERT_TRUE(fob.shows("For good. Type its name. "));
  fob.type("x\n");
  EXPECT_EQ(fob.status(), 0);
}

TEST_F(TerminalTest, NoticesOfMoreThanALineAreCut) {
  TerminalFob& fob = start([](const Request&, Peer& peer) {
    peer.send(control::Notice{std::string(200, 'x')});
    peer.send(control::Done{});
  });
  EXPECT_EQ(fob.status(), 0);
  EXPECT_NE(fob.screen().find(std::string(77, 'x')), std::string::npos);
  EXPECT_EQ(fob.screen().find(std::string(78, 'x')), std::string::npos);
}

TEST(WithoutTerminal, NobodyIsAsked) {
  bool closed = false;
  FobOutcome outcome;
  {
    FakeAgent agent([&](const Request&, Peer& peer) {
      peer.send(Question{Question::Kind::pin, "PIN of Example Key"});
      closed = peer.closed_by_client();
    });
    outcome = run_fob({"pin", "change"}, {agent.environment()});
  }
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(
      outcome.err,
      "fob: there is no terminal to ask at (PIN of Example Key): run fob in one, or let SSH_ASKPASS name a program "
      "that asks, with SSH_ASKPASS_REQUIRE=force\n");
  EXPECT_TRUE(closed);
}

TEST(WithoutTerminal, NoticesAreLines) {
  FakeAgent agent([](const Request&, Peer& peer) {
    peer.send(control::Notice{"touch Example Key"});
    peer.send(control::Notice{});
    peer.send(control::Done{});
  });
  const FobOutcome outcome = run_fob({"pin", "change"}, {agent.environment()});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "The PIN is changed.\n");
  EXPECT_EQ(outcome.err, "touch Example Key\n");
}

}  // namespace
}  // namespace fob::test
