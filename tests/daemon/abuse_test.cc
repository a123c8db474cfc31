#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

using std::chrono::milliseconds;

/// FOB_LONG=1: as long as the promises say; else what fits into a test run.
int count_of(int usual, int long_count) { return std::getenv("FOB_LONG") != nullptr ? long_count : usual; }

bool allows_descriptors(std::size_t count) {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= count + 100;
}

/// Compares the daemon's memory after an abuse with what it was before.
///
/// The first use of anything makes memory resident once; a small round of the abuse comes before the measure.
class MemoryWatch {
 public:
  template <class Abuse>
  MemoryWatch(const Daemon& daemon, Abuse small_round) : daemon_(daemon) {
    small_round();
    best_service_time(daemon);
    pause_for(milliseconds(50));
    before_ = memory_use(daemon.pid());
  }

  /// Whether what it holds came down to less than 1 MiB more, within some seconds.
  testing::AssertionResult is_back() const {
    if (is_sanitized(daemon_)) return testing::AssertionSuccess();
    MemoryUse now;
    const bool back = eventually([&] {
      now = memory_use(daemon_.pid());
      return now.resident_kib - before_.resident_kib < 1024 && now.anonymous_kib - before_.anonymous_kib < 1024;
    });
    if (back) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "VmRSS " << before_.resident_kib << " → " << now.resident_kib
                                       << " KiB, RssAnon " << before_.anonymous_kib << " → " << now.anonymous_kib
                                       << " KiB";
  }
  long growth_kib() const {
    return is_sanitized(daemon_) ? 0 : memory_use(daemon_.pid()).resident_kib - before_.resident_kib;
  }

 private:
  const Daemon& daemon_;
  MemoryUse before_;
};

Bytes length_word(std::uint32_t length) {
  Writer out;
  out.u32(length);
  return out.take();
}

/// `count` clients that send `start` and stay, and what others notice of it.
void hold(const Daemon& daemon, int count, ByteView start) {
  std::vector<Client> clients;
  for (int i = 0; i < count; ++i) {
    clients.emplace_back(daemon);
    clients.back().send(start);
  }
  EXPECT_LT(best_service_time(daemon), milliseconds(10)) << "with " << count << " others";
}

TEST(Abuse, OfAThousandThatSendOneByteAndStay) {
  if (!allows_descriptors(1000)) GTEST_SKIP() << "needs 1,100 descriptors";
  Daemon daemon;
  const Bytes one_byte(1);
  const MemoryWatch memory(daemon, [&] { hold(daemon, 20, one_byte); });
  hold(daemon, 1000, one_byte);
  EXPECT_TRUE(memory.is_back());
}

TEST(Abuse, OfAThousandPartialBodies) {
  if (!allows_descriptors(1000)) GTEST_SKIP() << "needs 1,100 descriptors";
  Daemon daemon;
  Bytes start = length_word(200'000);
  start.resize(start.size() + 1000);
  const MemoryWatch memory(daemon, [&] { hold(daemon, 20, start); });
  hold(daemon, 1000, start);
  EXPECT_TRUE(memory.is_back());
}

TEST(Abuse, OfPartialBodiesTakesMemoryForWhatWasSentOnly) {
  if (!allows_descriptors(200)) GTEST_SKIP() << "needs 300 descriptors";
  Daemon daemon;
  Bytes start = length_word(200'000);
  start.resize(start.size() + 1000);
  const MemoryWatch memory(daemon, [&] { hold(daemon, 20, start); });
  std::vector<Client> clients;
  for (int i = 0; i < 200; ++i) {
    clients.emplace_back(daemon);
    clients.back().send(start);
  }
  best_service_time(daemon);
  EXPECT_LT(memory.growth_kib(), 4 * 1024) << "200 × 200,000 bytes were announced";
}

TEST(Abuse, OfManyThatVanish) {
  Daemon daemon;
  const Bytes list = frame_request(RequestIdentities{});
  const auto vanish = [&](int count) {
    for (int i = 0; i < count; ++i) {
      Client client(daemon);
      if (i % 4 == 1) client.send(ByteView(list).first(3));
      if (i % 4 == 2) client.send(list);
      if (i % 4 == 3) client.send(length_word(100'000));
    }
  };
  const MemoryWatch memory(daemon, [&] { vanish(200); });
  vanish(count_of(5'000, 100'000));
  EXPECT_LT(best_service_time(daemon), milliseconds(10));
  EXPECT_TRUE(memory.is_back());
}

TEST(Abuse, OfManyThatVanishWhileTheirSignatureIsMade) {
  Daemon daemon;
  const TestKey& key = TestKey::any(KeyKind::rsa);
  ASSERT_TRUE(Client(daemon).add(key));
  const Bytes request = frame_request(SignRequest{key.blob(), as_bytes("data"), 4});
  const auto vanish = [&](int count) {
    for (int i = 0; i < count; ++i) Client(daemon).send(request);
  };
  const MemoryWatch memory(daemon, [&] { vanish(100); });
  vanish(1000);
  Client client(daemon);
  EXPECT_TRUE(client.sign(key.blob(), as_bytes("data"), 4));
  EXPECT_TRUE(memory.is_back());
}

/// Sends list requests until the daemon takes no more for a while; reads nothing.
void flood_without_reading(Client& client) {
  Writer many;
  for (int i = 0; i < 200; ++i) many.raw(frame_request(RequestIdentities{}));
  int pauses = 0;
  for (int i = 0; i < 1000 && pauses < 20; ++i) {
    if (client.send_some(many.bytes()) > 0) {
      pauses = 0;
    } else {
      ++pauses;
      pause_for(milliseconds(10));
    }
  }
}

TEST(Abuse, OfOneThatNeverReads) {
  Daemon daemon;
  Client owner(daemon);
  ASSERT_TRUE(owner.add(TestKey::any(KeyKind::ed25519), std::string(250'000, 'c')));
  const MemoryWatch memory(daemon, [&] {
    Client client(daemon);
    for (int i = 0; i < 8; ++i) client.send(RequestIdentities{});
    pause_for(milliseconds(100));
  });
  {
    Client deaf(daemon);
    flood_without_reading(deaf);
    EXPECT_LT(best_service_time(daemon), milliseconds(10));
    EXPECT_LT(memory.growth_kib(), 4 * 1024) << "it should have been paused";
    ASSERT_EQ(type_of(deaf.reply()), MessageType::identities_answer) << "and it goes on when it reads";
    ASSERT_EQ(type_of(deaf.reply()), MessageType::identities_answer);
  }
  EXPECT_TRUE(memory.is_back());
  EXPECT_EQ(owner.list().size(), 1U);
}

TEST(Abuse, OfManyThatNeverRead) {
  Daemon daemon;
  Client owner(daemon);
  ASSERT_TRUE(owner.add(TestKey::any(KeyKind::ed25519), std::string(250'000, 'c')));
  const auto be_deaf = [&](int count) {
    std::vector<Client> clients;
    for (int i = 0; i < count; ++i) {
      clients.emplace_back(daemon);
      for (int j = 0; j < 8; ++j) clients.back().send(RequestIdentities{});
    }
    EXPECT_LT(best_service_time(daemon), milliseconds(10));
  };
  const MemoryWatch memory(daemon, [&] { be_deaf(20); });
  be_deaf(500);
  EXPECT_TRUE(memory.is_back());
}

TEST(Abuse, OfMoreClientsThanDescriptorsEvictsTheLongestIdle) {
  if (!allows_descriptors(1000)) GTEST_SKIP() << "needs 1,100 descriptors";
  Daemon daemon({.descriptors = 256});
  Client busy(daemon);
  ASSERT_TRUE(busy.add(TestKey::any(KeyKind::ed25519)));
  const auto crowd = [&](int count) {
    std::vector<Client> idle;
    for (int i = 0; i < count; ++i) {
      idle.emplace_back(daemon);
      ASSERT_EQ(idle.back().list().size(), 1U) << "client " << i << " was not answered";
      ASSERT_TRUE(i % 20 != 0 || busy.list().size() == 1U) << "one that is busy was evicted";
    }
    if (count < 256) return;
    EXPECT_TRUE(idle.front().is_closed()) << "the longest idle one";
    EXPECT_EQ(idle.back().list().size(), 1U);
    EXPECT_LT(best_service_time(daemon), milliseconds(10));
  };
  const MemoryWatch memory(daemon, [&] { crowd(20); });
  crowd(1000);
  EXPECT_EQ(busy.list().size(), 1U);
  EXPECT_TRUE(memory.is_back());
}

TEST(Abuse, OfSilentClientsWithoutDescriptorsLeftStillAnswersNewOnes) {
  if (!allows_descriptors(1000)) GTEST_SKIP() << "needs 1,100 descriptors";
  Daemon daemon({.descriptors = 64});
  std::vector<Client> silent;
  for (int i = 0; i < 500; ++i) silent.emplace_back(daemon);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Client(daemon).list().size(), 0U);
}

TEST(Abuse, OfKeysThatComeAndGoLeavesNothing) {
  Daemon daemon;
  Client client(daemon);
  const auto add_and_remove = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const TestKey key = TestKey::make(KeyKind::ed25519);
      ASSERT_TRUE(client.add(key, std::string(1000, 'c')));
      ASSERT_TRUE(client.sign(key.blob(), as_bytes("data")));
      ASSERT_TRUE(i % 2 == 1 || client.remove(key.blob()));
    }
    ASSERT_TRUE(client.remove_all());
  };
  const MemoryWatch memory(daemon, [&] { add_and_remove(2000); });
  for (int i = 0; i < count_of(1, 25); ++i) add_and_remove(2000);
  EXPECT_TRUE(memory.is_back());
}

}  // namespace
}  // namespace fob
