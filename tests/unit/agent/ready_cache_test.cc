#include <gtest/gtest.h>

#include "agent/keyring.h"
#include "protocol/limits.h"
#include "protocol/verify.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

using Watch = std::weak_ptr<const ReadyKey>;

const Keyring::Key& put(Keyring& keyring, const TestKey& key) {
  keyring.put(entry(keyring, key));
  return *keyring.find(key.blob());
}

TEST(ReadyCache, KeepsAKeyThatIsInUse) {
  Keyring keyring;
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  const Keyring::Key& held = put(keyring, key);
  const Watch first = keyring.ready(held);
  EXPECT_FALSE(first.expired());
  EXPECT_EQ(keyring.ready(held), first.lock());
  verify_signature(key.public_key(), keyring.ready(held)->sign(as_bytes("data"), 0), as_bytes("data"));
}

TEST(ReadyCache, WipesWhatHasRested) {
  Keyring keyring;
  const Keyring::Key& held = put(keyring, TestKey::any(KeyKind::ed25519));
  EXPECT_FALSE(keyring.wipe_rested(BootClock::now())) << "nothing to wait for";
  const BootClock::time_point before = BootClock::now();
  const Watch watch = keyring.ready(held);
  const auto next = keyring.wipe_rested(BootClock::now());
  ASSERT_TRUE(next);
  EXPECT_GE(*next, before + limits::ready_key_rest);
  EXPECT_LE(*next, BootClock::now() + limits::ready_key_rest);
  EXPECT_TRUE(keyring.wipe_rested(*next - BootClock::duration(1)));
  EXPECT_FALSE(watch.expired());
  EXPECT_FALSE(keyring.wipe_rested(*next));
  EXPECT_TRUE(watch.expired());
  EXPECT_NE(keyring.ready(held), nullptr) << "its sealed form remains";
}

TEST(ReadyCache, CountsRestFromTheLastUse) {
  Keyring keyring;
  const Keyring::Key& often = put(keyring, TestKey::make(KeyKind::ed25519));
  const Keyring::Key& once = put(keyring, TestKey::make(KeyKind::ed25519));
  const Watch used_often = keyring.ready(often);
  const Watch used_once = keyring.ready(once);
  const BootClock::time_point second_use = BootClock::now();
  keyring.ready(often);
  const auto next = keyring.wipe_rested(second_use + limits::ready_key_rest - BootClock::duration(1));
  ASSERT_TRUE(next);
  EXPECT_GE(*next, second_use + limits::ready_key_rest);
  EXPECT_TRUE(used_once.expired());
  EXPECT_FALSE(used_often.expired());
}

TEST(ReadyCache, MakesRoomByWipingWhatHasRestedLongest) {
  Keyring keyring;
  std::vector<TestKey> keys;
  std::vector<Watch> watches;
  for (std::size_t i = 0; i < limits::ready_keys; ++i) {
    keys.push_back(TestKey::make(KeyKind::ed25519));
    watches.emplace_back(keyring.ready(put(keyring, keys.back())));
  }
  for (const Watch& watch : watches) ASSERT_FALSE(watch.expired());
  keyring.ready(*keyring.find(keys[0].blob()));
  keyring.ready(put(keyring, TestKey::make(KeyKind::ed25519)));
  EXPECT_FALSE(watches[0].expired()) << "it has just been used";
  EXPECT_TRUE(watches[1].expired());
  for (std::size_t i = 2; i < watches.size(); ++i) ASSERT_FALSE(watches[i].expired());
}

TEST(ReadyCache, WipesAKeyThatIsRemoved) {
  Keyring keyring;
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  const Watch removed = keyring.ready(put(keyring, key));
  keyring.remove(key.blob());
  EXPECT_TRUE(removed.expired());
  const Watch cleared = keyring.ready(put(keyring, key));
  keyring.clear();
  EXPECT_TRUE(cleared.expired());
  const Watch replaced = keyring.ready(put(keyring, key));
  put(keyring, key);
  EXPECT_TRUE(replaced.expired());
  Keyring::Key mortal = entry(keyring, key);
  mortal.expires = BootClock::now();
  keyring.put(std::move(mortal));
  const Watch expired = keyring.ready(*keyring.find(key.blob()));
  keyring.expire(BootClock::now());
  EXPECT_TRUE(expired.expired());
  EXPECT_FALSE(keyring.wipe_rested(BootClock::now())) << "nothing is left behind";
}

TEST(ReadyCache, WipesAllOnLock) {
  Keyring keyring;
  const Keyring::Key& first = put(keyring, TestKey::any(KeyKind::ed25519));
  const Keyring::Key& second = put(keyring, TestKey::any(KeyKind::ecdsa_p256));
  const Watch watches[] = {keyring.ready(first), keyring.ready(second)};
  keyring.wipe_ready();
  for (const Watch& watch : watches) EXPECT_TRUE(watch.expired());
  EXPECT_FALSE(keyring.wipe_rested(BootClock::now()));
  EXPECT_NE(keyring.ready(first), nullptr);
}

TEST(ReadyCache, LeavesAKeyToWhoSignsWithIt) {
  Keyring keyring;
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  const auto in_use = keyring.ready(put(keyring, key));
  keyring.clear();
  verify_signature(key.public_key(), in_use->sign(as_bytes("data"), 0), as_bytes("data"));
}

TEST(ReadyCache, TakesNothingThatWasSealedForAnotherKey) {
  Keyring keyring;
  Keyring::Key swapped = entry(keyring, TestKey::make(KeyKind::ed25519));
  swapped.public_key = TestKey::any(KeyKind::ed25519).public_key();
  EXPECT_EQ(error_of([&] { keyring.ready(swapped); }), Errc::system);
  EXPECT_FALSE(keyring.wipe_rested(BootClock::now()));
}

}  // namespace
}  // namespace fob
