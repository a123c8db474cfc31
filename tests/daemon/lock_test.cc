#include <gtest/gtest.h>

#include <algorithm>

#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"
#include "tests/daemon/session.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::string_view passphrase = "correct horse battery staple";

template <class Action>
milliseconds time_of(Action action) {
  const Clock::time_point start = Clock::now();
  action();
  return std::chrono::duration_cast<milliseconds>(Clock::now() - start);
}

milliseconds time_of_wrong_unlock(Client& client) {
  return time_of([&] { EXPECT_FALSE(client.unlock("wrong")); });
}

TEST(Lock, HidesKeysAndUnlockShowsThemAgain) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  ASSERT_TRUE(client.add(key));
  EXPECT_TRUE(client.lock(passphrase));
  EXPECT_EQ(client.list().size(), 0U);
  EXPECT_FALSE(client.sign(key.blob(), as_bytes("data")));
  EXPECT_TRUE(client.unlock(passphrase));
  EXPECT_EQ(client.list().size(), 1U);
  EXPECT_TRUE(client.sign(key.blob(), as_bytes("data")));
}

TEST(Lock, HoldsForEveryConnection) {
  Daemon daemon;
  Client first(daemon);
  Client second(daemon);
  ASSERT_TRUE(first.add(TestKey::any(KeyKind::ed25519)));
  EXPECT_TRUE(first.lock(passphrase));
  EXPECT_EQ(second.list().size(), 0U);
  EXPECT_EQ(Client(daemon).list().size(), 0U);
  EXPECT_TRUE(second.unlock(passphrase)) << "whoever knows it may unlock";
  EXPECT_EQ(first.list().size(), 1U);
}

TEST(Lock, RefusesAllButListUnlockAndSessionBind) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  ASSERT_TRUE(client.add(key));
  ASSERT_TRUE(client.lock(passphrase));
  EXPECT_FALSE(client.add(TestKey::any(KeyKind::ecdsa_p256)));
  EXPECT_FALSE(client.remove(key.blob()));
  EXPECT_FALSE(client.succeeds_raw(message(MessageType::remove_all_identities, {})));
  EXPECT_FALSE(client.succeeds_raw(message(MessageType::remove_all_rsa1, {})));
  EXPECT_FALSE(client.succeeds(AddSmartcardKey{"/usr/lib/provider.so", {}, {}}));
  EXPECT_FALSE(client.succeeds(RemoveSmartcardKey{"/usr/lib/provider.so", {}}));
  EXPECT_EQ(type_of(client.request(Extension{"query", {}})), MessageType::failure);
  EXPECT_EQ(type_of(client.request(Extension{"unknown@example.org", {}})), MessageType::failure);
  EXPECT_EQ(client.bind(TestKey::any(KeyKind::ed25519), "session", false), MessageType::success);
  ASSERT_TRUE(client.unlock(passphrase));
  EXPECT_EQ(client.list().size(), 1U) << "nothing was added or removed meanwhile";
}

TEST(Lock, AgainIsRefusedAndKeepsTheFirstPassphrase) {
  Daemon daemon;
  Client client(daemon);
  ASSERT_TRUE(client.lock(passphrase));
  EXPECT_FALSE(client.lock(passphrase));
  EXPECT_FALSE(client.lock("another"));
  EXPECT_FALSE(client.unlock("another"));
  EXPECT_TRUE(client.unlock(passphrase));
}

TEST(Lock, WithoutPassphraseIsRefused) {
  Daemon daemon;
  Client client(daemon);
  ASSERT_TRUE(client.add(TestKey::any(KeyKind::ed25519)));
  EXPECT_FALSE(client.lock(""));
  EXPECT_EQ(client.list().size(), 1U);
}

TEST(Lock, MayBeLockedAndUnlockedManyTimes) {
  Daemon daemon;
  Client client(daemon);
  for (int i = 0; i < 20; ++i) {
    const std::string changing = std::string(passphrase) + std::to_string(i);
    ASSERT_TRUE(client.lock(changing));
    ASSERT_TRUE(client.unlock(changing));
  }
}

TEST(Lock, TakesLongAndBinaryPassphrases) {
  Daemon daemon;
  Client client(daemon);
  for (const std::string& text : {std::string(1, 'x'), std::string(100'000, 'x'), std::string("\xff\x01\n\x7f")}) {
    ASSERT_TRUE(client.lock(text));
    EXPECT_FALSE(client.unlock(text.substr(0, text.size() - 1) + "y"));
    EXPECT_TRUE(client.unlock(text));
  }
}

TEST(Unlock, WhenNotLockedIsRefused) {
  Daemon daemon;
  Client client(daemon);
  EXPECT_FALSE(client.unlock(passphrase));
  EXPECT_FALSE(client.unlock(""));
  EXPECT_TRUE(client.lock(passphrase));
  EXPECT_TRUE(client.unlock(passphrase));
  EXPECT_FALSE(client.unlock(passphrase));
}

TEST(Unlock, WithAnotherPassphraseIsRefused) {
  Daemon daemon;
  Client client(daemon);
  ASSERT_TRUE(client.add(TestKey::any(KeyKind::ed25519)));
  ASSERT_TRUE(client.lock(passphrase));
  for (const std::string& wrong :
       {std::string("wrong"), std::string(), std::string(passphrase) + "x", std::string(passphrase.substr(1))}) {
    EXPECT_FALSE(client.unlock(wrong)) << wrong;
    EXPECT_EQ(client.list().size(), 0U);
  }
  EXPECT_TRUE(client.unlock(passphrase));
}

TEST(Unlock, DelaysEachWrongGuessMoreThanTheLast) {
  Daemon daemon;
  Client client(daemon);
  ASSERT_TRUE(client.lock(passphrase));
  for (const int expected : {100, 200, 300, 400}) EXPECT_GE(time_of_wrong_unlock(client).count(), expected - 5);
  EXPECT_TRUE(client.unlock(passphrase));
}

TEST(Unlock, CountsTheGuessesOfAllClients) {
  Daemon daemon;
  Client first(daemon);
  ASSERT_TRUE(first.lock(passphrase));
  for (int i = 0; i < 3; ++i) time_of_wrong_unlock(first);
  first.close();
  Client second(daemon);
  EXPECT_GE(time_of_wrong_unlock(second).count(), 395);
}

TEST(Unlock, CountsGuessesMadeAtTheSameTime) {
  Daemon daemon;
  ASSERT_TRUE(Client(daemon).lock(passphrase));
  std::vector<Client> guessers;
  for (int i = 0; i < 8; ++i) guessers.emplace_back(daemon);
  const auto time = time_of([&] {
    for (Client& guesser : guessers) guesser.send(Unlock{as_bytes("wrong")});
    for (Client& guesser : guessers) EXPECT_EQ(type_of(guesser.reply()), MessageType::failure);
  });
  EXPECT_GE(time.count(), 795) << "the eighth guess waits for 0.8 s";
}

TEST(Unlock, CountsGuessesThatDoNotWaitForTheirAnswer) {
  Daemon daemon;
  Client client(daemon);
  ASSERT_TRUE(client.lock(passphrase));
  for (int i = 0; i < 3; ++i) {
    Client hasty(daemon);
    hasty.send(Unlock{as_bytes("wrong")});
    hasty.half_close();
    hasty.has_input(milliseconds(1000));
  }
  EXPECT_GE(time_of_wrong_unlock(client).count(), 395);
}

TEST(Unlock, DelaysOnlyTheOneWhoGuesses) {
  Daemon daemon;
  Client guesser(daemon);
  Client owner(daemon);
  ASSERT_TRUE(owner.lock(passphrase));
  std::vector<Client> others;
  for (int i = 0; i < 14; ++i) others.emplace_back(daemon);
  for (Client& other : others) other.send(Unlock{as_bytes("wrong")});
  for (Client& other : others) EXPECT_EQ(type_of(other.reply()), MessageType::failure);
  guesser.send(Unlock{as_bytes("wrong")});  // waits for 1.5 s
  EXPECT_LT(best_service_time(daemon, 5), milliseconds(10));
  EXPECT_TRUE(owner.unlock(passphrase));
  EXPECT_FALSE(guesser.has_input(milliseconds(0))) << "the right one came first";
  EXPECT_EQ(type_of(guesser.reply()), MessageType::failure);
}

TEST(Unlock, StartsToCountAnewAfterTheRightPassphrase) {
  Daemon daemon;
  Client client(daemon);
  ASSERT_TRUE(client.lock(passphrase));
  for (int i = 0; i < 4; ++i) time_of_wrong_unlock(client);
  ASSERT_TRUE(client.unlock(passphrase));
  milliseconds best = milliseconds::max();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.lock(passphrase));
    best = std::min(best, time_of_wrong_unlock(client));
    ASSERT_TRUE(client.unlock(passphrase));
  }
  EXPECT_GE(best.count(), 95);
  EXPECT_LT(best.count(), 400) << "without the new start it were 0.5 s";
}

}  // namespace
}  // namespace fob
