// Modules that hang, deadlock, crash: each costs its own request, and nobody else's.

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <memory>
#include <thread>

#include "tests/pkcs11/rig.h"

namespace fob {
namespace {

using namespace std::chrono_literals;

const TestKey& software() { return TestKey::any(KeyKind::ed25519); }

struct FaultRig : Pkcs11Rig {
  FaultRig() {
    hsm().add_token("one");
    hsm().generate("one", {KeyKind::ecdsa_p256, "key", 1});
    start();
    EXPECT_TRUE(add()) << daemon().log();
    EXPECT_TRUE(Client(daemon()).add(software(), "software"));
    key_ = key("key");
  }

  /// Whether others are served while `waiting` has no answer: a list and a software signature from new clients.
  bool serves_others(Client& waiting) {
    for (int i = 0; i < 20; ++i) {
      Client other(daemon());
      if (other.list().size() != 2 || !other.sign(software().blob(), as_bytes("data"))) return false;
    }
    return !waiting.has_input(0ms);
  }
  void ask(Client& client) { client.send(SignRequest{key_.blob, as_bytes("data"), 0}); }

 private:
  PublicKey key_;
};

/// One way to hang, each with an agent of its own: the deadline is long, so all are waited for at the same time.
struct Hang {
  explicit Hang(std::string lines, std::string function) : fault(std::move(lines)) {
    if (function == "C_Initialize") rig.kill_host();
    rig.control(fault);
    const std::size_t before = rig.calls(function);
    client = std::make_unique<Client>(rig.daemon());
    rig.ask(*client);
    EXPECT_TRUE(eventually([&] { return rig.calls(function) > before; })) << fault;
    EXPECT_TRUE(rig.serves_others(*client)) << fault;
  }
  void ends() {
    EXPECT_EQ(type_of(client->reply(60s)), MessageType::failure) << fault;
    EXPECT_TRUE(rig.daemon().logs("did not answer")) << fault << rig.daemon().log();
    rig.control("");
    EXPECT_TRUE(rig.signs("key")) << fault << rig.daemon().log();
  }
  std::string fault;
  FaultRig rig;
  std::unique_ptr<Client> client;
};

TEST(ModuleThatHangs, DelaysNobodyAndIsReplaced) {
  Hang in_sign("C_Sign hang", "C_Sign");
  Hang in_deadlock("C_Sign deadlock", "C_Sign");
  Hang before_sign("C_SignInit hang", "C_SignInit");
  Hang at_start("C_Initialize hang", "C_Initialize");
  for (Hang* hang : {&in_sign, &in_deadlock, &before_sign, &at_start}) hang->ends();
}

TEST(ModuleThatHangs, ForATimeOnlyAnswersInTheEnd) {
  FaultRig rig;
  rig.control("C_Sign sleep 3000 once");
  Client client(rig.daemon());
  rig.ask(client);
  EXPECT_TRUE(rig.serves_others(client));
  EXPECT_EQ(type_of(client.reply(60s)), MessageType::sign_response);
}

TEST(ModuleThatHangs, IsEndedWhenTheClientLeaves) {
  FaultRig rig;
  rig.control("C_Sign hang");
  const pid_t stuck = rig.host();
  {
    Client client(rig.daemon());
    rig.ask(client);
    EXPECT_TRUE(eventually([&] { return rig.calls("C_Sign") > 0; }));
  }
  EXPECT_TRUE(eventually([&] { return rig.host() != stuck; }));
  rig.control("");
  EXPECT_TRUE(rig.signs("key"));
}

TEST(HostThatIsStopped, DelaysNobodyAndIsReplaced) {
  FaultRig rig;
  const pid_t stopped = rig.host();
  ASSERT_GT(stopped, 0);
  kill(stopped, SIGSTOP);
  Client client(rig.daemon());
  rig.ask(client);
  EXPECT_TRUE(rig.serves_others(client));
  EXPECT_EQ(type_of(client.reply(60s)), MessageType::failure);
  EXPECT_TRUE(rig.signs("key")) << rig.daemon().log();
}

TEST(ModuleThatCrashes, CostsItsOwnRequestOnly) {
  for (const char* fault : {"C_Sign abort once", "C_Sign segfault once", "C_SignInit abort once"}) {
    FaultRig rig;
    rig.control(fault);
    // A request whose host has gone is tried again once: the fault is over by then.
    EXPECT_TRUE(rig.signs("key")) << fault << rig.daemon().log();
  }
  FaultRig rig;
  rig.control("C_Sign abort");
  EXPECT_FALSE(rig.signs("key"));
  rig.control("");
  rig.set_askpass("echo 1234");
  EXPECT_TRUE(rig.signs("key"));
  EXPECT_EQ(rig.pin_dialogs(), 1U) << "whether the PIN was right is not known: it is not sent again by itself";
}

/// Software keys miss nothing, however often a module aborts.
TEST(ModuleThatCrashes, AThousandTimesHarmsNobody) {
  FaultRig rig;
#ifdef FOB_INSTRUMENTED
  constexpr std::size_t crashes = 100;
#else
  constexpr std::size_t crashes = 1000;
#endif
  rig.control("C_SignInit abort");
  // After a crash it is not known whether the PIN was right: a person is asked each time.
  rig.set_askpass("echo 1234");
  std::atomic<bool> over = false;
  std::atomic<int> missed = 0;
  std::thread other([&] {
    Client client(rig.daemon());
    while (!over) {
      if (!client.sign(software().blob(), as_bytes("data"))) ++missed;
      pause_for(1ms);
    }
  });
  Client client(rig.daemon());
  const PublicKey key = rig.key("key");
  const std::size_t before = rig.calls("C_SignInit");
  for (std::size_t i = 0; i < crashes; ++i) EXPECT_FALSE(client.sign(key.blob, as_bytes("data")));
  over = true;
  other.join();
  EXPECT_EQ(missed, 0);
  EXPECT_GE(rig.calls("C_SignInit") - before, crashes);
  rig.control("");
  rig.set_askpass("echo 1234");
  EXPECT_TRUE(rig.signs("key")) << rig.daemon().log();
}

TEST(ModuleThatFails, SaysWhichFunctionAndHow) {
  FaultRig rig;
  rig.control("C_Sign return 0x30");
  EXPECT_FALSE(rig.signs("key"));
  EXPECT_TRUE(rig.daemon().logs("CKR_DEVICE_ERROR")) << rig.daemon().log();
  rig.control("");
  EXPECT_TRUE(rig.signs("key"));
}

/// Whatever any function returns: a signature or a reason, and then it works again.
TEST(ModuleThatFails, AnywhereAnywiseHarmsNothingButItsRequest) {
  FaultRig rig;
  const char* functions[] = {"C_Initialize",       "C_GetSlotList", "C_GetSlotInfo",       "C_GetTokenInfo",
                             "C_OpenSession",      "C_Login",       "C_FindObjectsInit",   "C_FindObjects",
                             "C_FindObjectsFinal", "C_SignInit",    "C_GetAttributeValue", "C_Sign",
                             "C_CloseSession",     "C_Finalize",    "C_GetMechanismList",  "C_GetSessionInfo"};
  for (const char* function : functions) {
    for (const char* value : {"0x5", "0x30", "0x31", "0x32", "0x54", "0xB3", "0xE0", "0x101", "0x190", "0x80000001"}) {
      // Else the host of the request before goes on with what it has open.
      rig.kill_host();
      rig.control(std::string(function) + " return " + value);
      rig.signs("key");
      rig.control("");
      ASSERT_TRUE(rig.daemon().alive()) << function << ' ' << value;
    }
    rig.set_askpass("echo 1234");
    EXPECT_TRUE(rig.signs("key")) << function << rig.daemon().log();
  }
}

}  // namespace
}  // namespace fob
