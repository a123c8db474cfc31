#include "agent/passphrase_lock.h"

#include <gtest/gtest.h>

#include "protocol/limits.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

using std::chrono::milliseconds;
using namespace std::string_literals;

const ByteView right = as_bytes("right");
const ByteView wrong = as_bytes("wrong");

TEST(PassphraseLock, OpensWithItsPassphraseOnly) {
  PassphraseLock lock;
  EXPECT_FALSE(lock.locked());
  lock.lock(right);
  EXPECT_TRUE(lock.locked());
  for (const std::string& guess : {"wrong"s, "righ"s, "right "s, "RIGHT"s, "\0right"s, "right\0"s}) {
    EXPECT_TRUE(lock.unlock(as_bytes(guess))) << guess;
    EXPECT_TRUE(lock.locked());
  }
  EXPECT_FALSE(lock.unlock(right));
  EXPECT_FALSE(lock.locked());
}

TEST(PassphraseLock, TakesPassphrasesOfAnyBytes) {
  PassphraseLock lock;
  for (const std::string& passphrase : {std::string("\0", 1), std::string("\0\0", 2), std::string(200'000, 'p')}) {
    lock.lock(as_bytes(passphrase));
    EXPECT_TRUE(lock.unlock(as_bytes(passphrase + "x")));
    EXPECT_FALSE(lock.unlock(as_bytes(passphrase)));
  }
}

TEST(PassphraseLock, IsNotLockedTwice) {
  PassphraseLock lock;
  lock.lock(right);
  EXPECT_EQ(error_of([&] { lock.lock(wrong); }), Errc::refused);
  EXPECT_FALSE(lock.unlock(right)) << "the first passphrase counts";
}

TEST(PassphraseLock, IsNotUnlockedTwice) {
  PassphraseLock lock;
  EXPECT_EQ(error_of([&] { lock.unlock(right); }), Errc::refused);
  lock.lock(right);
  EXPECT_FALSE(lock.unlock(right));
  EXPECT_EQ(error_of([&] { lock.unlock(right); }), Errc::refused);
}

TEST(PassphraseLock, WantsAPassphrase) {
  PassphraseLock lock;
  EXPECT_EQ(error_of([&] { lock.lock({}); }), Errc::refused);
  EXPECT_FALSE(lock.locked());
  lock.lock(right);
  EXPECT_EQ(error_of([&] { lock.unlock({}); }), Errc::refused);
  EXPECT_EQ(lock.unlock(wrong), limits::unlock_delay_step) << "an empty one is no guess";
}

TEST(PassphraseLock, DelaysEachGuessMoreUpToALimit) {
  PassphraseLock lock;
  lock.lock(right);
  for (int guess = 1; guess <= 100; ++guess) EXPECT_EQ(lock.unlock(wrong), milliseconds(100 * guess));
  for (int guess = 0; guess < 3; ++guess) EXPECT_EQ(lock.unlock(wrong), milliseconds(10'000));
}

TEST(PassphraseLock, CountsAnewAfterTheRightPassphrase) {
  PassphraseLock lock;
  lock.lock(right);
  EXPECT_EQ(lock.unlock(wrong), milliseconds(100));
  EXPECT_EQ(lock.unlock(wrong), milliseconds(200));
  EXPECT_FALSE(lock.unlock(right));
  lock.lock(right);
  EXPECT_EQ(lock.unlock(wrong), milliseconds(100));
}

}  // namespace
}  // namespace fob
