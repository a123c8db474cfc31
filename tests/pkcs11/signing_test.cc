// Signatures by keys on PKCS#11 tokens: which, by whom verified, and what happens when token or host is gone.

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "protocol/signature.h"
#include "protocol/verify.h"
#include "tests/pkcs11/rig.h"

namespace fob {
namespace {

struct SigningRig : Pkcs11Rig {
  explicit SigningRig(Options options = {}) : Pkcs11Rig(std::move(options)) {
    hsm().add_token("one");
    hsm().generate("one", {KeyKind::ecdsa_p256, "p256", 1});
    hsm().generate("one", {KeyKind::rsa, "rsa", 2});
    start();
  }
};

TEST(TokenSignature, OfRsaIsMadeWithTheHashThatIsAskedFor) {
  SigningRig rig;
  ASSERT_TRUE(rig.add());
  EXPECT_TRUE(rig.signs("rsa", SignRequest::flag_rsa_sha2_256));
  EXPECT_TRUE(rig.signs("rsa", SignRequest::flag_rsa_sha2_512));
  Client client(rig.daemon());
  const PublicKey key = rig.key("rsa");
  const auto by_256 = client.sign(key.blob, as_bytes("data"), SignRequest::flag_rsa_sha2_256);
  const auto by_512 = client.sign(key.blob, as_bytes("data"), SignRequest::flag_rsa_sha2_512);
  ASSERT_TRUE(by_256 && by_512);
  EXPECT_EQ(Signature::parse(*by_256).algorithm, "rsa-sha2-256");
  EXPECT_EQ(Signature::parse(*by_512).algorithm, "rsa-sha2-512");
  const auto by_default = client.sign(key.blob, as_bytes("data"));
  ASSERT_TRUE(by_default) << "ssh-add -T of OpenSSH 9.2 asks so";
  EXPECT_EQ(Signature::parse(*by_default).algorithm, "ssh-rsa");
}

TEST(TokenSignature, OfManyClientsAtOnceAreAllRight) {
  SigningRig rig;
  ASSERT_TRUE(rig.add());
  const PublicKey key = rig.key("p256");
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int client = 0; client < 24; ++client) {
    threads.emplace_back([&, client] {
      Client mine(rig.daemon());
      for (int i = 0; i < 20; ++i) {
        const std::string data = std::to_string(client) + " " + std::to_string(i);
        const auto signature = mine.sign(key.blob, as_bytes(data));
        if (!signature) continue;
        verify_signature(key, *signature, as_bytes(data));
        ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 24 * 20) << rig.daemon().log();
  EXPECT_EQ(rig.calls("C_Login"), 1U) << "it stays logged in with the PIN of ssh-add -s";
}

TEST(TokenSignature, ThatIsWrongDoesNotLeave) {
  SigningRig rig;
  ASSERT_TRUE(rig.add());
  // The token has another key in that place now: same identifier, same label.
  rig.hsm().remove_objects("one");
  rig.hsm().generate("one", {KeyKind::ecdsa_p256, "p256", 1});
  const PublicKey key = rig.key("p256");
  rig.kill_host();
  EXPECT_FALSE(rig.signs("p256"));
  EXPECT_EQ(rig.key("p256").blob, key.blob);
}

TEST(TokenSignature, GoesOnAfterTheHostWasKilled) {
  SigningRig rig;
  ASSERT_TRUE(rig.add());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(rig.signs("p256"));
    ASSERT_GT(rig.host(), 0);
    rig.kill_host();
  }
  EXPECT_TRUE(rig.signs("p256"));
  EXPECT_EQ(rig.pin_dialogs(), 0U) << "the PIN of ssh-add -s is held";
}

TEST(TokenSignature, GoesOnWhereSessionsAreGone) {
  SigningRig rig;
  ASSERT_TRUE(rig.add());
  for (const char* error : {"0xB3" /* SESSION_HANDLE_INVALID */, "0x32" /* DEVICE_REMOVED */,
                            "0xE0" /* TOKEN_NOT_PRESENT */, "0xB0" /* SESSION_CLOSED */}) {
    rig.control(std::string("C_SignInit return ") + error + " once");
    EXPECT_TRUE(rig.signs("p256")) << error << rig.daemon().log();
  }
  rig.control("token replugged");
  EXPECT_TRUE(rig.signs("p256")) << rig.daemon().log();
  EXPECT_EQ(rig.pin_dialogs(), 0U);
}

TEST(TokenSignature, OfATokenThatIsAwayFailsWithTheReason) {
  SigningRig rig;
  ASSERT_TRUE(rig.add());
  rig.control("token removed");
  EXPECT_FALSE(rig.signs("p256"));
  EXPECT_TRUE(rig.daemon().logs("plug it in")) << rig.daemon().log();
  rig.control("");
  EXPECT_TRUE(rig.signs("p256")) << rig.daemon().log();
}

TEST(TokenSignature, IsMadeByTheRightOneOfTokensWithEqualLabels) {
  Pkcs11Rig rig;
  rig.hsm().generate(rig.hsm().add_token("twin"), {KeyKind::ecdsa_p256, "of the first", 1});
  rig.hsm().generate(rig.hsm().add_token("twin"), {KeyKind::ecdsa_p256, "of the second", 1});
  rig.start();
  ASSERT_TRUE(rig.add("")) << rig.daemon().log();
  rig.set_askpass("echo 1234");
  EXPECT_TRUE(rig.signs("of the first")) << rig.daemon().log();
  EXPECT_TRUE(rig.signs("of the second")) << rig.daemon().log();
}

TEST(TokenSignature, UnderstandsPointsWithAndWithoutWrapping) {
  for (const char* form : {"ec_point raw", "ec_point wrapped"}) {
    Pkcs11Rig rig;
    rig.hsm().add_token("one");
    rig.hsm().generate("one", {KeyKind::ecdsa_p384, "p384", 1});
    rig.hsm().generate("one", {KeyKind::ed25519, "ed25519", 2});
    rig.start();
    rig.control(form);
    ASSERT_TRUE(rig.add()) << form << rig.daemon().log();
    EXPECT_TRUE(rig.signs("p384")) << form;
    EXPECT_TRUE(rig.signs("ed25519")) << form;
  }
}

}  // namespace
}  // namespace fob
