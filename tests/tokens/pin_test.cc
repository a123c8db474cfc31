// PINs: asked once, shown with the tries left, never sent twice, never spent without a person.

#include <gtest/gtest.h>

#include <random>

#include "tests/tokens/token_rig.h"

namespace fob {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view data = "what is to be signed";
constexpr char pin[] = "123456";

/// A rig whose only token has a PIN and one key that wants it.
struct PinRig : TokenRig {
  explicit PinRig(Options options = {}) : TokenRig(std::move(options)) {
    set_pin(pin);
    control::NewKey verified = wish("verified");
    verified.verify_required = true;
    key = generate(verified, pin);
  }
  bool sign() {
    Client client(daemon());
    return client.sign(key.blob, as_bytes(data)).has_value();
  }
  unsigned attempts() { return stick().status().pin_attempts; }
  std::size_t dialogs_so_far() const {
    const std::string text = dialogs();
    std::size_t count = 0;
    for (std::size_t at = text.find(": Enter PIN"); at != std::string::npos; at = text.find(": Enter PIN", at + 1))
      ++count;
    return count;
  }
  PublicKey key;
};

TEST(Pin, ThatIsWrongIsSentOnceAndTheRequestFailsWithTheTriesLeft) {
  PinRig rig;
  rig.set_askpass("echo 999999");
  const unsigned before = rig.attempts();
  EXPECT_FALSE(rig.sign());
  EXPECT_EQ(rig.attempts(), before + 1);
  EXPECT_EQ(rig.stick().status().pin_retries, 7U);
  EXPECT_TRUE(rig.daemon().logs("7 tries left")) << rig.daemon().log();
}

TEST(Pin, IsNotSentWhereThePersonDeclines) {
  PinRig rig;
  const unsigned before = rig.attempts();
  for (const char* script : {"exit 1", "echo", "printf ''", "kill -KILL $$"}) {
    rig.set_askpass(script);
    EXPECT_FALSE(rig.sign()) << script;
  }
  rig.set_askpass("head -c 300 /dev/zero | tr '\\0' 1");
  EXPECT_FALSE(rig.sign()) << "longer than any PIN";
  EXPECT_EQ(rig.attempts(), before);
  EXPECT_EQ(rig.stick().status().pin_retries, 8U);
}

/// Wrong PINs until so many tries are left; after each third the token wants to be plugged in anew.
void spend_tries(PinRig& rig, unsigned left) {
  rig.set_askpass("echo 999999");
  while (rig.stick().status().pin_retries > left) {
    const unsigned before = rig.stick().status().pin_retries;
    rig.sign();
    if (rig.stick().status().pin_retries < before) continue;
    rig.stick().unplug();
    ASSERT_TRUE(rig.has_tokens(0));
    rig.stick().plug_in();
    ASSERT_TRUE(rig.has_tokens(1));
  }
}

TEST(Pin, LastTryWantsATypedYes) {
  PinRig rig;
  spend_tries(rig, 1);
  const unsigned before = rig.attempts();
  rig.stick().unplug();
  ASSERT_TRUE(rig.has_tokens(0));
  rig.stick().plug_in();
  ASSERT_TRUE(rig.has_tokens(1));
  EXPECT_FALSE(rig.sign()) << "999999 is not yes";
  EXPECT_EQ(rig.attempts(), before);
  EXPECT_TRUE(rig.daemon().logs("the last PIN try was not used"));
  rig.set_askpass("case $1 in *'Type yes'*) echo yes;; *) echo 123456;; esac");
  EXPECT_TRUE(rig.sign());
  EXPECT_EQ(rig.stick().status().pin_retries, 8U);
}

TEST(Pin, ThatIsBlockedIsSaidAndNotAskedFor) {
  PinRig rig;
  spend_tries(rig, 1);
  rig.stick().unplug();
  ASSERT_TRUE(rig.has_tokens(0));
  rig.stick().plug_in();
  ASSERT_TRUE(rig.has_tokens(1));
  rig.set_askpass("case $1 in *'Type yes'*) echo yes;; *) echo 999999;; esac");
  EXPECT_FALSE(rig.sign());
  EXPECT_EQ(rig.stick().status().pin_retries, 0U);
  const std::size_t dialogs = rig.dialogs_so_far();
  EXPECT_FALSE(rig.sign());
  EXPECT_EQ(rig.dialogs_so_far(), dialogs);
  EXPECT_TRUE(rig.daemon().logs("is blocked"));
}

TEST(Pin, IsAskedForEachTimeUnlessTheUserWantsItCached) {
  PinRig rig;
  rig.set_askpass("echo 123456");
  const std::size_t before = rig.dialogs_so_far();
  EXPECT_TRUE(rig.sign());
  EXPECT_TRUE(rig.sign());
  EXPECT_EQ(rig.dialogs_so_far(), before + 2);
}

TEST(PinCache, HoldsForTheTimeThatTheUserSet) {
  PinRig rig({.config = "[fido]\npin_cache = \"10s\""});
  rig.set_askpass("echo 123456");
  EXPECT_TRUE(rig.sign()) << "cached since the key was made";
  EXPECT_EQ(rig.dialogs_so_far(), 0U);
  pause_for(10'200ms);
  EXPECT_TRUE(rig.sign());
  EXPECT_EQ(rig.dialogs_so_far(), 1U);
  EXPECT_TRUE(rig.sign());
  EXPECT_EQ(rig.dialogs_so_far(), 1U);
}

TEST(PinCache, EndsWithTheTokensInsertionAndWithTheLock) {
  PinRig rig({.config = "[fido]\npin_cache = \"10m\""});
  rig.set_askpass("echo 123456");
  EXPECT_TRUE(rig.sign());
  EXPECT_EQ(rig.dialogs_so_far(), 0U);
  rig.stick().unplug();
  ASSERT_TRUE(rig.has_tokens(0));
  rig.stick().plug_in();
  ASSERT_TRUE(rig.has_tokens(1));
  EXPECT_TRUE(rig.sign());
  EXPECT_EQ(rig.dialogs_so_far(), 1U);
  Client client(rig.daemon());
  ASSERT_TRUE(client.lock("x"));
  ASSERT_TRUE(client.unlock("x"));
  EXPECT_TRUE(rig.sign());
  EXPECT_EQ(rig.dialogs_so_far(), 2U);
}

TEST(PinCache, DoesNotBeginWhileTheAgentIsLocked) {
  PinRig rig({.config = "[fido]\npin_cache = \"10m\""});
  Client client(rig.daemon());
  ASSERT_TRUE(client.lock("x"));
  ASSERT_TRUE(client.unlock("x"));
  rig.set_askpass("echo 123456");
  rig.stick().token().set_touch(virt::TouchPolicy::manual());
  Client waiting(rig.daemon());
  waiting.send(SignRequest{rig.key.blob, as_bytes(data), 0});
  ASSERT_TRUE(rig.stick().waits_for_touch());
  ASSERT_TRUE(client.lock("x"));
  ASSERT_TRUE(rig.stick().token().touch());
  EXPECT_TRUE(std::holds_alternative<Failure>(waiting.reply())) << "the agent is locked";
  ASSERT_TRUE(client.unlock("x"));
  rig.stick().token().set_touch(virt::TouchPolicy::automatic());
  const std::size_t before = rig.dialogs_so_far();
  EXPECT_TRUE(rig.sign());
  EXPECT_EQ(rig.dialogs_so_far(), before + 1);
}

TEST(PinCache, IsNotUsedWhereTheTokenCountsFewerTries) {
  PinRig rig({.config = "[fido]\npin_cache = \"10m\""});
  rig.set_askpass("echo 999999");
  Client locking(rig.daemon());
  ASSERT_TRUE(locking.lock("x"));
  ASSERT_TRUE(locking.unlock("x"));
  ASSERT_FALSE(rig.sign());
  const Bytes with_seven_tries = rig.stick().token().save();
  rig.set_askpass("echo 123456");
  ASSERT_TRUE(rig.sign());
  // As if another program had tried a PIN since.
  rig.stick().token().load(with_seven_tries);
  const unsigned before = rig.attempts();
  rig.set_askpass("exit 1");
  EXPECT_FALSE(rig.sign());
  EXPECT_EQ(rig.attempts(), before);
}

TEST(Pin, IsSetAndChangedThroughFob) {
  TokenRig rig;
  ControlClient control(rig.daemon());
  control.will_type("12");
  EXPECT_NE(control.failure(control::SetPin{"fido"}), "") << "too short";
  EXPECT_EQ(rig.stick().status().pin_attempts, 0U);
  control.will_type("123456");
  control.expect<control::Done>(control::SetPin{"fido"});
  control.will_type("654321");
  EXPECT_NE(control.failure(control::SetPin{"fido"}).find("fob pin change"), std::string::npos);
  ControlClient person(rig.daemon());
  person.will_type("123456");
  person.will_type("abcdef");
  person.expect<control::Done>(control::ChangePin{"fido"});
  ASSERT_EQ(person.questions.size(), 2U);
  EXPECT_EQ(person.questions[0].kind, control::Question::Kind::pin);
  EXPECT_NE(person.questions[0].text.find("8 tries left"), std::string::npos);
  EXPECT_EQ(person.questions[1].kind, control::Question::Kind::new_pin);
  person.will_type("123456");
  person.will_type("whatever");
  EXPECT_NE(person.failure(control::ChangePin{"fido"}), "") << "that is the old one now";
}

TEST(Pin, CannotBeSetThroughADialog) {
  TokenRig rig;
  control::NewKey wish = rig.wish("verified");
  wish.verify_required = true;
  ControlClient control(rig.daemon());
  const std::string failure = control.failure(wish);
  EXPECT_NE(failure.find("fob pin set"), std::string::npos) << failure;
  EXPECT_EQ(rig.stick().status().touch_requests, 0U);
}

/// Pulls the token out and plugs it in again, so that it takes PINs again after three wrong ones.
void replug(TokenRig& rig) {
  rig.stick().unplug();
  ASSERT_TRUE(rig.has_tokens(0));
  rig.stick().plug_in();
  ASSERT_TRUE(rig.has_tokens(1));
}

/// What people and tokens do at random; each typed PIN leaves a byte in the file "typed".
struct RandomPeople {
  explicit RandomPeople(PinRig& its_rig) : rig(its_rig) {}

  unsigned choose(unsigned count) { return std::uniform_int_distribution<unsigned>(0, count - 1)(random); }
  unsigned typed() const { return static_cast<unsigned>(read_file(rig.directory().file("typed")).size()); }

  void set_mood() {
    const std::string count = "printf x >> $DIR/typed; ";
    switch (choose(6)) {
      case 0: rig.set_askpass(count + "echo 123456"); break;
      case 1: rig.set_askpass(count + "echo 99999" + std::to_string(choose(10))); break;
      case 2: rig.set_askpass("exit 1"); break;
      case 3: rig.set_askpass("sleep 5"); break;
      case 4: replug(rig); break;
      default: break;
    }
  }
  void ask_for_a_signature() {
    Client client(rig.daemon());
    if (choose(4) == 0) rig.stick().token().unplug_at({0x06, virt::UnplugRule::Phase::reply, 1});
    client.send(SignRequest{rig.key.blob, as_bytes(data), 0});
    if (choose(4) == 0) {
      pause_for(std::chrono::milliseconds(choose(30)));
    } else {
      client.has_input(300ms);
    }
  }
  /// A token that goes at its next reply may do so at any time until what was asked is over.
  bool see_the_token() {
    return eventually(
        [this] {
          if (!rig.stick().status().plugged) rig.stick().plug_in();
          return rig.has_tokens(1);
        },
        20s);
  }
  /// Before the token is blocked for good.
  void start_afresh(int step) {
    rig.stick().token().factory_reset();
    replug(rig);
    rig.set_pin(pin);
    control::NewKey verified = rig.wish("again" + std::to_string(step));
    verified.verify_required = true;
    rig.key = rig.generate(verified, pin);
  }

  PinRig& rig;
  std::mt19937 random{20261121};
};

TEST(Pin, TriesAreNeverSpentWithoutAPerson) {
  PinRig rig({.config = "[fido]\npin_cache = \"1s\""});
  RandomPeople people(rig);
  for (int step = 0; step < 150; ++step) {
    const virt::Status before = rig.stick().status();
    const unsigned typed_before = people.typed();
    people.set_mood();
    people.ask_for_a_signature();
    ASSERT_TRUE(people.see_the_token()) << "and what was asked is over: the list waits for the token's gate";
    const virt::Status after = rig.stick().status();
    const unsigned typed = people.typed() - typed_before;
    const unsigned lost = before.pin_retries > after.pin_retries ? before.pin_retries - after.pin_retries : 0;
    EXPECT_LE(lost, typed) << "step " << step;
    if (after.pin_retries <= 1) people.start_afresh(step);
  }
  EXPECT_GT(people.typed(), 10U) << "people did type";
}

}  // namespace
}  // namespace fob
