// PINs of PKCS#11 tokens: never sent but once for each time that a person typed one, kept no longer than asked for.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <random>

#include "tests/daemon/memory_scan.h"
#include "tests/pkcs11/rig.h"

namespace fob {
namespace {

constexpr char pin[] = "correct horse battery staple";

struct Pkcs11PinRig : Pkcs11Rig {
  explicit Pkcs11PinRig(Options options = {}) : Pkcs11Rig(std::move(options)) {
    hsm().add_token("one", pin);
    hsm().generate("one", {KeyKind::ecdsa_p256, "key", 1}, pin);
    start();
    set_askpass("echo '" + std::string(pin) + "'");
  }
};

Pkcs11Rig::Options with_cache(const std::string& time) {
  Pkcs11Rig::Options out;
  out.config = "[pkcs11]\nregistered = false\npin_cache = \"" + time + "\"\n";
  return out;
}

TEST(Pkcs11Pin, IsAskedForEachUseWhereNoneIsKept) {
  Pkcs11PinRig rig;
  ASSERT_TRUE(rig.add("")) << rig.daemon().log();
  EXPECT_TRUE(rig.signs("key"));
  EXPECT_TRUE(rig.signs("key"));
  EXPECT_EQ(rig.pin_dialogs(), 2U);
  EXPECT_EQ(rig.calls("C_Login"), 2U);
  EXPECT_NE(rig.dialogs().find("one"), std::string::npos) << "it is said of which token";
}

TEST(Pkcs11Pin, ThatIsWrongIsSentOnce) {
  Pkcs11PinRig rig;
  ASSERT_TRUE(rig.add(""));
  rig.set_askpass("echo 999999");
  EXPECT_FALSE(rig.signs("key"));
  EXPECT_EQ(rig.calls("C_Login"), 1U);
  EXPECT_TRUE(rig.daemon().logs("PIN")) << rig.daemon().log();
}

TEST(Pkcs11Pin, OfSshAddThatIsWrongIsSentOnceAndAddsNothing) {
  Pkcs11PinRig rig;
  EXPECT_FALSE(rig.add("999999"));
  EXPECT_EQ(rig.calls("C_Login"), 1U);
  EXPECT_TRUE(rig.list().empty());
}

TEST(Pkcs11Pin, IsNotSentWhereThePersonDeclines) {
  Pkcs11PinRig rig;
  ASSERT_TRUE(rig.add(""));
  for (const char* script : {"exit 1", "echo", "printf ''", "kill -KILL $$"}) {
    rig.set_askpass(script);
    EXPECT_FALSE(rig.signs("key")) << script;
  }
  rig.set_askpass("head -c 300 /dev/zero | tr '\\0' 1");
  EXPECT_FALSE(rig.signs("key")) << "longer than any PIN";
  EXPECT_EQ(rig.calls("C_Login"), 0U);
}

TEST(Pkcs11Pin, IsSentToNoneOfSeveralTokensThatTakeOne) {
  Pkcs11PinRig rig;
  rig.hsm().add_token("two", "another PIN");
  rig.hsm().generate("two", {KeyKind::ecdsa_p256, "key of two", 1}, "another PIN");
  ASSERT_TRUE(rig.add(pin));
  EXPECT_EQ(rig.calls("C_Login"), 0U);
  EXPECT_TRUE(rig.daemon().logs("the PIN was sent to none of the 2 tokens"));
  EXPECT_TRUE(rig.signs("key")) << "it is asked for then";
}

TEST(Pkcs11Pin, LastTryWantsATypedYes) {
  Pkcs11PinRig rig;
  ASSERT_TRUE(rig.add(""));
  rig.control("token +final_try");
  EXPECT_FALSE(rig.signs("key")) << "the PIN is not yes";
  EXPECT_EQ(rig.calls("C_Login"), 0U);
  EXPECT_TRUE(rig.daemon().logs("the last PIN try was not used")) << rig.daemon().log();
  rig.set_askpass("case $1 in *'Type yes'*) echo yes;; *) echo '" + std::string(pin) + "';; esac");
  EXPECT_TRUE(rig.signs("key")) << rig.daemon().log();
  EXPECT_NE(rig.dialogs().find("1 try left"), std::string::npos);
  rig.set_askpass("exit 1");
  EXPECT_FALSE(rig.add(pin)) << "also for ssh-add -s";
}

TEST(Pkcs11Pin, ThatIsBlockedIsNotAskedFor) {
  Pkcs11PinRig rig;
  ASSERT_TRUE(rig.add(""));
  rig.control("token +locked");
  EXPECT_FALSE(rig.signs("key"));
  EXPECT_EQ(rig.pin_dialogs(), 0U);
  EXPECT_EQ(rig.calls("C_Login"), 0U);
  EXPECT_TRUE(rig.daemon().logs("fob pin unblock")) << rig.daemon().log();
}

TEST(Pkcs11Pin, OfSshAddIsHeldUntilItsKeysGo) {
  Pkcs11PinRig rig;
  ASSERT_TRUE(rig.add(pin));
  rig.kill_host();
  EXPECT_TRUE(rig.signs("key"));
  EXPECT_EQ(rig.pin_dialogs(), 0U);
  ASSERT_TRUE(Client(rig.daemon()).remove_all());
  EXPECT_TRUE(rig.host_is_ended()) << "it is logged out";
  ASSERT_TRUE(rig.add(""));
  EXPECT_TRUE(rig.signs("key"));
  EXPECT_EQ(rig.pin_dialogs(), 1U);
}

TEST(Pkcs11Pin, OfSshAddGoesWithALock) {
  Pkcs11PinRig rig;
  ASSERT_TRUE(rig.add(pin));
  Client client(rig.daemon());
  ASSERT_TRUE(client.lock("secret"));
  EXPECT_TRUE(rig.host_is_ended()) << "it is logged out";
  ASSERT_TRUE(client.unlock("secret"));
  EXPECT_TRUE(rig.signs("key"));
  EXPECT_EQ(rig.pin_dialogs(), 1U);
}

TEST(Pkcs11Pin, OfSshAddIsNotSentAgainWhereItHasBeenRefused) {
  Pkcs11PinRig rig;
  ASSERT_TRUE(rig.add(pin));
  rig.hsm().change_pin("one", pin, "a new one");
  rig.kill_host();
  rig.set_askpass("exit 1");
  // Not every token says that a wrong PIN was typed.
  rig.control("token -pin_count_low");
  EXPECT_FALSE(rig.signs("key"));
  const std::size_t logins = rig.calls("C_Login");
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(rig.signs("key"));
  EXPECT_EQ(rig.calls("C_Login"), logins);
}

TEST(Pkcs11Pin, ThatIsHeldIsNotSentAfterSomebodyTypedAWrongOne) {
  Pkcs11PinRig rig;
  ASSERT_TRUE(rig.add(pin));
  const std::size_t logins = rig.calls("C_Login");
  rig.kill_host();
  rig.control("token +pin_count_low");
  rig.set_askpass("exit 1");
  EXPECT_FALSE(rig.signs("key"));
  EXPECT_EQ(rig.calls("C_Login"), logins);
  EXPECT_EQ(rig.pin_dialogs(), 1U);
}

TEST(Pkcs11Pin, IsCachedAsLongAsTheUserSays) {
  Pkcs11PinRig rig(with_cache("10"));
  ASSERT_TRUE(rig.add(""));
  EXPECT_TRUE(rig.signs("key"));
  rig.kill_host();
  EXPECT_TRUE(rig.signs("key"));
  EXPECT_EQ(rig.pin_dialogs(), 1U);
  pause_for(std::chrono::milliseconds(10'200));
  rig.kill_host();
  EXPECT_TRUE(rig.signs("key"));
  EXPECT_EQ(rig.pin_dialogs(), 2U);
}

TEST(Pkcs11Pin, OfAKeyThatAlwaysAuthenticatesIsAskedForEachTime) {
  Pkcs11PinRig rig;
  rig.hsm().generate("one", {KeyKind::ecdsa_p256, "always", 7, true}, pin);
  ASSERT_TRUE(rig.add(""));
  EXPECT_TRUE(rig.signs("always")) << rig.daemon().log();
  EXPECT_TRUE(rig.signs("always"));
  EXPECT_EQ(rig.pin_dialogs(), 2U);
}

TEST(Pkcs11Pin, AtAPinPadIsTypedThere) {
  Pkcs11PinRig rig;
  // The module wraps one that has no pad: its answer to the login is all that can be had.
  const std::string pad = "token +pin_pad\nC_Login return 0\n";
  rig.control(pad);
  ASSERT_TRUE(rig.add(""));
  // The notice goes with the request: that has to last until the dialog has written it down.
  rig.control(pad + "C_FindObjectsInit sleep 1500");
  rig.signs("key");
  EXPECT_EQ(rig.pin_dialogs(), 0U);
  EXPECT_NE(rig.dialogs().find("at the reader"), std::string::npos) << rig.dialogs() << rig.daemon().log();
}

/// Whatever a person does: no more logins are tried than PINs were typed.
TEST(Pkcs11Pin, TriesAreNeverSpentWithoutAPerson) {
  Pkcs11PinRig rig(with_cache("1h"));
  std::mt19937 random(4);
  ASSERT_TRUE(rig.add(""));
  std::size_t typed = 0;
  for (int step = 0; step < 40; ++step) {
    const std::size_t before = rig.calls("C_Login");
    const std::size_t asked = rig.pin_dialogs();
    const bool right = random() % 2 == 0;
    if (random() % 3 == 0) rig.kill_host();
    if (random() % 4 == 0) rig.control(random() % 2 == 0 ? "token +pin_count_low" : "");
    if (random() % 5 == 0) rig.hsm().change_pin("one", pin, pin);
    rig.set_askpass(right ? "echo '" + std::string(pin) + "'" : "echo wrong");
    rig.signs("key");
    typed = rig.pin_dialogs() - asked;
    EXPECT_LE(typed, 1U);
    if (typed == 0) continue;
    EXPECT_LE(rig.calls("C_Login") - before, 1U) << "one try for what was typed";
  }
}

TEST(Pkcs11PinSecrecy, NothingIsLeftInTheAgentAfterRemovalOrLock) {
  if (geteuid() != 0) GTEST_SKIP() << "scanning another process's memory needs root";
  for (const bool by_lock : {false, true}) {
    Pkcs11PinRig rig;
    if (is_sanitized(rig.daemon())) GTEST_SKIP() << "a sanitizer keeps what was freed";
    ASSERT_TRUE(rig.add(pin));
    ASSERT_TRUE(rig.signs("key"));
    Client client(rig.daemon());
    if (by_lock) {
      ASSERT_TRUE(client.lock("secret passphrase"));
    } else {
      ASSERT_TRUE(rig.remove());
    }
    pause_for(std::chrono::milliseconds(200));
    MemoryScan scan;
    scan.look_for_text("PIN", as_bytes(std::string_view(pin)));
    EXPECT_EQ(scan.scan(rig.daemon().pid()), std::vector<std::string>{});
    EXPECT_LT(rig.host(), 0) << "where a host runs, it may hold the PIN";
  }
}

}  // namespace
}  // namespace fob
