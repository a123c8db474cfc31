#include <cstdlib>

#include "protocol/verify.h"
#include "tests/unit/tokens/support.h"
#include "tests/virtual/control.h"

namespace fob {
namespace {

using test::HostProcess;
using test::Outcome;
using test::secret;

constexpr const char* ykcs11 = "/usr/lib/x86_64-linux-gnu/libykcs11.so.2";
constexpr const char* opensc = "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so";
constexpr std::string_view pin = "123456";

/// The host of a real module before a real pcscd with a virtual card, as tests/virtual/piv/session starts it.
class PivModuleTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* session = std::getenv("FOB_PIV_SESSION");
    if (session == nullptr) GTEST_SKIP() << "runs inside tests/virtual/piv/session only";
    control_ = std::string(session) + "/card";
    virt::tell(control_, "reset-state");
    virt::tell(control_, "touch-mode auto");
    host.emplace(HostProcess::pkcs11(GetParam()));
    token = std::string("pkcs11:slot-description=") + "Yubico%20YubiKey%20OTP%2BFIDO%2BCCID%2000%2000";
  }

  Pkcs11Key generate(const std::string& slot, KeyKind kind = KeyKind::ecdsa_p256,
                     PivPinPolicy policy = PivPinPolicy::by_slot) {
    Pkcs11NewKey wanted;
    wanted.token = token;
    wanted.kind = kind;
    wanted.rsa_bits = kind == KeyKind::rsa ? 2048 : 0;
    wanted.label = "work " + slot;
    wanted.slot = slot;
    wanted.pin_policy = policy;
    const Outcome made = (*host)(host::GenerateKey{wanted, {secret(pin), {}}});
    EXPECT_LE(made.openings, 1U);
    return made.as<host::KeyList>().keys.at(0);
  }
  Outcome sign(const Pkcs11Key& key, std::string_view with_pin = pin, bool stay_logged_in = false) const {
    return (*host)(
        host::SignWithKey{key.uri, key.public_key.blob, 2, as_bytes("data"), secret(with_pin), stay_logged_in});
  }
  static void expect_signed(const Pkcs11Key& key, const Outcome& outcome) {
    EXPECT_NO_THROW(verify_signature(key.public_key, outcome.as<host::Signed>().signature, as_bytes("data")));
  }
  /// What the card's status says of a name.
  std::string status(const std::string& name) const {
    const std::string all = virt::tell(control_, "status");
    const std::size_t at = all.find("\"" + name + "\":");
    if (at == std::string::npos) return "";
    const std::size_t from = at + name.size() + 3;
    return all.substr(from, all.find_first_of(",}", from) - from);
  }
  Pkcs11TokenInfo token_info() const { return (*host)(host::ListTokens{token}).as<host::TokenList>().tokens.at(0); }

  std::string control_;
  std::string token;
  std::optional<HostProcess> host;
};

TEST_P(PivModuleTest, ShowsThatItIsOne) {
  const Pkcs11TokenInfo info = token_info();
  EXPECT_TRUE(info.is_piv && info.removable && info.login_required);
  EXPECT_EQ(info.slot, "Yubico YubiKey OTP+FIDO+CCID 00 00");
}

TEST_P(PivModuleTest, UsesKeysThatItMade) {
  for (const KeyKind kind : {KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::rsa}) {
    // OpenSC lets nobody sign with 9d, which is for decrypting.
    const std::string slot = kind == KeyKind::rsa ? "9a" : kind == KeyKind::ecdsa_p384 ? "9c" : "9e";
    const Pkcs11Key key = generate(slot, kind);
    EXPECT_EQ(key.public_key.kind, kind);
    expect_signed(key, sign(key));
    expect_signed(key, sign(key));
  }
  EXPECT_GE((*host)(host::ListKeys{token, {}, false}).as<host::KeyList>().keys.size(), 3U);
}

TEST_P(PivModuleTest, GivesThePinForEachUseWhereTheSlotWantsIt) {
  const Pkcs11Key key = generate("9c");
  expect_signed(key, sign(key, pin, true));
  expect_signed(key, sign(key, pin, true));
  expect_signed(key, sign(key, pin, false));
}

TEST_P(PivModuleTest, KeepsALoginWhereItMay) {
  const Pkcs11Key key = generate("9a");
  EXPECT_EQ(sign(key, "").error(), Errc::pin_required);
  expect_signed(key, sign(key, pin, true));
  expect_signed(key, sign(key, "", true));
}

TEST_P(PivModuleTest, SpendsOneTryOnAWrongPinUntilNoneIsLeft) {
  const Pkcs11Key key = generate("9a");
  EXPECT_EQ(status("pin_tries"), "3");
  EXPECT_EQ(sign(key, "999999").error(), Errc::wrong_pin);
  EXPECT_EQ(status("pin_tries"), "2");
  EXPECT_EQ(sign(key, "999999").error(), Errc::wrong_pin);
  EXPECT_EQ(status("pin_tries"), "1");
  const auto last = sign(key, "999999").error();
  EXPECT_TRUE(last == Errc::pin_blocked || last == Errc::wrong_pin);
  EXPECT_EQ(status("pin_tries"), "0");
  EXPECT_EQ(sign(key).error(), Errc::pin_blocked);
  (*host)(host::ResetTokenPin{token, secret("12345678"), secret("654321")}).as<host::Done>();
  expect_signed(key, sign(key, "654321"));
}

TEST_P(PivModuleTest, AttestsAndRemoves) {
  const Pkcs11Key key = generate("9a");
  EXPECT_EQ((*host)(host::AttestKey{key.uri, key.public_key.blob}).as<host::Attested>().certificates.size(), 2U);
  const Outcome removed = (*host)(host::DeleteKey{key.uri, key.public_key.blob, {secret(pin), {}}});
  EXPECT_EQ(removed.error(), Errc::unsupported) << "firmware 5.4.3 cannot";
  expect_signed(key, sign(key));
}

TEST_P(PivModuleTest, WorksAfterTheCardWasOut) {
  const Pkcs11Key key = generate("9a");
  expect_signed(key, sign(key, pin, true));
  EXPECT_EQ(virt::tell(control_, "eject"), "ok");
  std::this_thread::sleep_for(std::chrono::milliseconds(1'500));
  const auto gone = sign(key).error();
  EXPECT_TRUE(gone == Errc::not_found || gone == Errc::removed);
  EXPECT_EQ(virt::tell(control_, "insert"), "ok");
  std::this_thread::sleep_for(std::chrono::milliseconds(1'500));
  expect_signed(key, sign(key));
}

INSTANTIATE_TEST_SUITE_P(Modules, PivModuleTest, testing::Values(ykcs11, opensc),
                         [](const auto& tested) { return tested.param == ykcs11 ? "ykcs11" : "opensc"; });

}  // namespace
}  // namespace fob
