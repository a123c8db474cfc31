#include <algorithm>
#include <cstdlib>

#include "protocol/verify.h"
#include "tests/unit/tokens/sealed.h"
#include "tests/unit/tokens/support.h"
#include "tests/virtual/control.h"
#include "tokens/pkcs11/piv_card.h"

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
  Pkcs11NewKey wanted_opening(const std::string& slot, KeyKind kind) const {
    Pkcs11NewKey out;
    out.token = token;
    out.kind = kind;
    out.label = "vault";
    out.slot = slot;
    out.opens_secrets = true;
    return out;
  }
  Pkcs11Key generate_opening(const std::string& slot, KeyKind kind) {
    return (*host)(host::GenerateKey{wanted_opening(slot, kind), {secret(pin), {}}}).as<host::KeyList>().keys.at(0);
  }
  Outcome open(const Pkcs11Key& key, const Bytes& sealed, std::string_view with_pin = pin) const {
    return (*host)(host::OpenSecret{key.uri, key.public_key.blob, sealed, secret(with_pin)});
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
  /// Pulls the card out ("eject") or puts it back ("insert"); returns when pcscd has noticed.
  void move_card(const std::string& order) const {
    EXPECT_EQ(virt::tell(control_, order), "ok");
    const auto is_there = [] {
      const std::vector<CardReader> readers = pkcs11::card_readers();
      return !readers.empty() && readers[0].has_card;
    };
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (is_there() != (order == "insert") && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(is_there(), order == "insert");
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

TEST_P(PivModuleTest, OpensSecretsWithKeysThatItMadeForIt) {
  for (const KeyKind kind : {KeyKind::ecdsa_p256, KeyKind::ecdsa_p384}) {
    const Pkcs11Key key = generate_opening("", kind);
    EXPECT_EQ(key.public_key.kind, kind);
    EXPECT_NE(virt::tell(control_, "status").find("\"9d\""), std::string::npos);
    const test::Sealed sealed = test::seal_for(key.public_key);
    EXPECT_EQ(open(key, sealed.sealed).secret(), sealed.secret);
    EXPECT_EQ(open(key, sealed.sealed).secret(), sealed.secret);
    EXPECT_EQ(open(key, sealed.sealed, "").error(), Errc::pin_required);
    EXPECT_EQ(open(key, sealed.sealed, "999999").error(), Errc::wrong_pin);
    EXPECT_EQ(open(key, sealed.sealed).secret(), sealed.secret);
    virt::tell(control_, "reset-state");
  }
}

TEST_P(PivModuleTest, OpensSecretsInASlotThatIsAskedFor) {
  const Pkcs11Key key = generate_opening("82", KeyKind::ecdsa_p256);
  const test::Sealed sealed = test::seal_for(key.public_key);
  EXPECT_EQ(open(key, sealed.sealed).secret(), sealed.secret);
}

TEST_P(PivModuleTest, OpensSecretsWithRsa) {
  const Pkcs11Key key = generate("9d", KeyKind::rsa);
  const test::Sealed sealed = test::seal_for(key.public_key);
  EXPECT_EQ(open(key, sealed.sealed).secret(), sealed.secret);
  EXPECT_EQ(open(key, sealed.sealed, "999999").error(), Errc::wrong_pin);
  Bytes changed = sealed.sealed;
  changed.back() ^= 1;
  EXPECT_NE(open(key, changed).error(), std::nullopt);
  EXPECT_EQ(open(key, sealed.sealed).secret(), sealed.secret);
}

TEST_P(PivModuleTest, OffersNoKeyToSshThatOpensSecrets) {
  const Pkcs11Key key = generate_opening("", KeyKind::ecdsa_p256);
  const Pkcs11Key signing = generate("9a");
  for (const std::string_view with_pin : {std::string_view(), pin}) {
    const auto keys = (*host)(host::ListKeys{token, secret(with_pin), false}).as<host::KeyList>().keys;
    const auto lists = [&keys](const Pkcs11Key& one) {
      return std::any_of(keys.begin(), keys.end(), [&one](const Pkcs11Key& listed) { return listed.uri == one.uri; });
    };
    EXPECT_TRUE(lists(signing)) << with_pin;
    EXPECT_FALSE(lists(key)) << with_pin;
    const auto opening = (*host)(host::ListKeys{key.uri, secret(with_pin), false, true}).as<host::KeyList>().keys;
    ASSERT_EQ(opening.size(), 1U) << with_pin;
    EXPECT_EQ(opening[0].uri, key.uri);
  }
}

TEST_P(PivModuleTest, KeepsWhatIsInTheSlotForSecrets) {
  const Pkcs11Key key = generate_opening("", KeyKind::ecdsa_p256);
  const Outcome again = (*host)(host::GenerateKey{wanted_opening("", KeyKind::ecdsa_p256), {secret(pin), {}}});
  EXPECT_EQ(again.error(), Errc::refused);
  EXPECT_NE(again.text().find("9d"), std::string::npos) << again.text();
  const test::Sealed sealed = test::seal_for(key.public_key);
  EXPECT_EQ(open(key, sealed.sealed).secret(), sealed.secret);
  Pkcs11NewKey replacing = wanted_opening("", KeyKind::ecdsa_p256);
  replacing.replace = true;
  (*host)(host::GenerateKey{replacing, {secret(pin), {}}}).as<host::KeyList>();
  EXPECT_EQ(open(key, sealed.sealed).error(), Errc::refused);
}

TEST_P(PivModuleTest, WorksAfterTheCardWasOut) {
  const Pkcs11Key key = generate("9a");
  expect_signed(key, sign(key, pin, true));
  move_card("eject");
  const auto gone = sign(key).error();
  EXPECT_TRUE(gone == Errc::not_found || gone == Errc::removed);
  move_card("insert");
  expect_signed(key, sign(key));
}

INSTANTIATE_TEST_SUITE_P(Modules, PivModuleTest, testing::Values(ykcs11, opensc),
                         [](const auto& tested) { return tested.param == ykcs11 ? "ykcs11" : "opensc"; });

}  // namespace
}  // namespace fob
