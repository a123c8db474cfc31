#include "tokens/pkcs11/piv_card.h"

#include <gtest/gtest.h>
#include <openssl/x509.h>
#include <winscard.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "protocol/error.h"
#include "protocol/evp.h"
#include "tests/unit/protocol/vectors.h"
#include "tests/virtual/control.h"

namespace fob::pkcs11 {
namespace {

SecretBytes secret(std::string_view text) { return SecretBytes(as_bytes(text)); }

struct X509Deleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using Certificate = std::unique_ptr<X509, X509Deleter>;

Certificate parse(ByteView der) {
  const unsigned char* at = der.data();
  return Certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
}

/// A real pcscd with a virtual card, as tests/virtual/piv/session starts it; skipped elsewhere.
class PivCardTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* session = std::getenv("FOB_PIV_SESSION");
    if (session == nullptr) GTEST_SKIP() << "runs inside tests/virtual/piv/session --two only";
    control = std::string(session) + "/card";
    reader = std::getenv("FOB_PIV_READER");
    tell("reset-state");
    tell("touch-mode auto");
  }

  std::string tell(const std::string& line) const { return virt::tell(control, line); }
  /// What the card's status says of a name: `"pin_tries":3` gives "3".
  std::string status(const std::string& name) const {
    const std::string all = tell("status");
    const std::size_t at = all.find("\"" + name + "\":");
    if (at == std::string::npos) return "";
    const std::size_t from = at + name.size() + 3;
    return all.substr(from, all.find_first_of(",}", from) - from);
  }
  static bool card_is_seen() {
    const std::vector<CardReader> readers = card_readers();
    return !readers.empty() && readers[0].has_card;
  }
  /// Puts the card back; returns when pcscd has seen it.
  void insert() const {
    EXPECT_EQ(tell("insert"), "ok");
    while (!card_is_seen()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  Pkcs11Secrets secrets(std::string_view pin = "123456", std::string_view management_key = "") const {
    return {secret(pin), secret(management_key)};
  }
  static Pkcs11NewKey wanted(const std::string& slot, KeyKind kind = KeyKind::ecdsa_p256) {
    Pkcs11NewKey out;
    out.kind = kind;
    out.rsa_bits = kind == KeyKind::rsa ? 2048 : 0;
    out.slot = slot;
    out.label = "work " + slot;
    return out;
  }
  /// The error that `call` ends with.
  template <class Call>
  static Error error_of(Call call) {
    try {
      call();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error";
    return Error(Errc::system, "");
  }
  /// An object (SP 800-73-4 part 1 table 3) by the last byte of its tag, as another program reads it.
  Bytes object(std::uint8_t tag) const {
    SCARDCONTEXT context = 0;
    SCARDHANDLE card = 0;
    DWORD protocol = 0;
    SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context);
    EXPECT_EQ(SCardConnect(context, reader.c_str(), SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, &card, &protocol), 0);
    transmit(card, {0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8});
    const Bytes out = transmit(card, {0, 0xcb, 0x3f, 0xff, 0, 0, 5, 0x5c, 3, 0x5f, 0xc1, tag, 0, 0});
    SCardDisconnect(card, SCARD_LEAVE_CARD);
    SCardReleaseContext(context);
    return out;
  }
  Bytes certificate_of_9a() const {
    Bytes out = object(5);
    // 53 82 xx xx 70 82 xx xx, or with 81 xx; then 71 01 00 fe 00.
    const auto header = [&out] { return out.size() < 2 || out[1] < 0x80 ? 2 : out[1] == 0x81 ? 3 : 4; };
    for (int i = 0; i < 2 && out.size() > 4; ++i) out.erase(out.begin(), out.begin() + header());
    return out;
  }
  static Bytes transmit(SCARDHANDLE card, const Bytes& apdu) {
    Bytes out(4096);
    DWORD size = out.size();
    EXPECT_EQ(SCardTransmit(card, SCARD_PCI_T1, apdu.data(), apdu.size(), nullptr, out.data(), &size), 0);
    out.resize(size);
    return out;
  }

  std::string control;
  std::string reader;
};

TEST_F(PivCardTest, GeneratesKeysOfEachKindWithACertificate) {
  for (const KeyKind kind : {KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::rsa}) {
    tell("reset-state");
    const PublicKey key = PivCard(reader).generate(wanted("9a", kind), secrets());
    EXPECT_EQ(key.kind, kind);
    const Certificate certificate = parse(certificate_of_9a());
    ASSERT_TRUE(certificate);
    EXPECT_EQ(X509_verify(certificate.get(), X509_get0_pubkey(certificate.get())), 1);
    EXPECT_EQ(EVP_PKEY_eq(X509_get0_pubkey(certificate.get()), evp_public_key(key).get()), 1);
    std::array<char, 65> name{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name.data(), name.size());
    EXPECT_STREQ(name.data(), "work 9a");
    EXPECT_EQ(X509_cmp_current_time(X509_get0_notAfter(certificate.get())), 1);
  }
}

TEST_F(PivCardTest, GeneratesInEverySlotAndPolicy) {
  for (const char* slot : {"9a", "9c", "9d", "9e", "82", "95"}) {
    EXPECT_NO_THROW(PivCard(reader).generate(wanted(slot), secrets())) << slot;
  }
  for (const PivPinPolicy policy : {PivPinPolicy::never, PivPinPolicy::once, PivPinPolicy::always}) {
    Pkcs11NewKey key = wanted("9a");
    key.replace = true;
    key.pin_policy = policy;
    EXPECT_NO_THROW(PivCard(reader).generate(key, secrets())) << int(policy);
  }
}

TEST_F(PivCardTest, CountsRetiredKeysInTheHistory) {
  constexpr std::uint8_t key_history = 0x0c;
  PivCard(reader).generate(wanted("9a"), secrets());
  EXPECT_EQ(object(key_history), (Bytes{0x6a, 0x82}));
  PivCard(reader).generate(wanted("84"), secrets());
  EXPECT_EQ(object(key_history), (Bytes{0x53, 8, 0xc1, 1, 3, 0xc2, 1, 0, 0xfe, 0, 0x90, 0x00}));
  PivCard(reader).generate(wanted("82"), secrets());
  EXPECT_EQ(object(key_history)[4], 3);
  PivCard(reader).generate(wanted("95"), secrets());
  EXPECT_EQ(object(key_history)[4], 20);
}

TEST_F(PivCardTest, WantsNoPinForAKeyThatNeverDoes) {
  Pkcs11NewKey key = wanted("9a");
  key.pin_policy = PivPinPolicy::never;
  EXPECT_NO_THROW(PivCard(reader).generate(key, secrets("")));
  EXPECT_EQ(status("pin_attempts"), "0");
}

TEST_F(PivCardTest, SpendsOneTryOnAWrongPinAndMakesNothing) {
  for (const char* slot : {"9a", "9c"}) {
    tell("reset-state");
    const Error error = error_of([&] { PivCard(reader).generate(wanted(slot), secrets("111111")); });
    EXPECT_EQ(error.code(), Errc::wrong_pin);
    EXPECT_STREQ(error.what(), "wrong PIN: 2 tries left");
    EXPECT_EQ(status("pin_tries"), "2");
    EXPECT_EQ(status(slot), "");
  }
}

TEST_F(PivCardTest, AsksTheCardNothingAboutWhatCannotBe) {
  const auto code = [&](const Pkcs11NewKey& key, const Pkcs11Secrets& with) {
    return error_of([&] { PivCard(reader).generate(key, with); }).code();
  };
  EXPECT_EQ(code(wanted("9b"), secrets()), Errc::refused);
  EXPECT_EQ(code(wanted("9a"), secrets("")), Errc::pin_required);
  EXPECT_EQ(code(wanted("9a"), secrets("123")), Errc::refused);
  EXPECT_EQ(code(wanted("9a"), secrets("123456789")), Errc::refused);
  EXPECT_EQ(code(wanted("9a"), secrets("123456", "0102")), Errc::refused);
  EXPECT_EQ(code(wanted("9a"), secrets("123456", std::string(48, 'g'))), Errc::refused);
  EXPECT_EQ(code(wanted("9a", KeyKind::ed25519), secrets()), Errc::unsupported);
  Pkcs11NewKey large = wanted("9a", KeyKind::rsa);
  large.rsa_bits = 4096;
  EXPECT_EQ(code(large, secrets()), Errc::unsupported);
  Pkcs11NewKey named = wanted("9a");
  named.label = std::string(65, 'x');
  EXPECT_EQ(code(named, secrets()), Errc::refused);
  EXPECT_EQ(status("commands"), "{") << "no APDU was sent";
}

TEST_F(PivCardTest, RefusesAWrongManagementKeyBeforeThePin) {
  const Error error =
      error_of([&] { PivCard(reader).generate(wanted("9a"), secrets("111111", std::string(48, '1'))); });
  EXPECT_EQ(error.code(), Errc::refused);
  EXPECT_STREQ(error.what(), "wrong management key");
  EXPECT_EQ(status("pin_tries"), "3");
}

TEST_F(PivCardTest, ReplacesAnOccupiedSlotOnlyWhenTold) {
  const PublicKey first = PivCard(reader).generate(wanted("9a"), secrets());
  EXPECT_EQ(error_of([&] { PivCard(reader).generate(wanted("9a"), secrets()); }).code(), Errc::refused);
  Pkcs11NewKey again = wanted("9a");
  again.replace = true;
  EXPECT_NE(PivCard(reader).generate(again, secrets()).blob, first.blob);
}

TEST_F(PivCardTest, SaysThatTheKeyIsThereWhenNobodyTouchesForItsCertificate) {
  // The session's card gives up after 15 s; so that the test need not wait, the finger comes never, and the card goes.
  tell("touch-mode manual");
  Pkcs11NewKey key = wanted("9a");
  key.touch_policy = PivTouchPolicy::always;
  std::thread puller([&] {
    while (status("waiting") != "true") std::this_thread::yield();
    tell("eject");
  });
  const Error error = error_of([&] { PivCard(reader).generate(key, secrets()); });
  puller.join();
  EXPECT_NE(std::string(error.what()).find("the key is in slot 9a, but it has no certificate"), std::string::npos)
      << error.what();
  insert();
  EXPECT_EQ(status("9a"), "\"p256 generated\"");
}

TEST_F(PivCardTest, MakesAKeyWithATouch) {
  tell("touch-mode manual");
  Pkcs11NewKey key = wanted("9a");
  key.touch_policy = PivTouchPolicy::cached;
  std::thread finger([&] {
    while (status("waiting") != "true") std::this_thread::yield();
    tell("touch");
  });
  EXPECT_NO_THROW(PivCard(reader).generate(key, secrets()));
  finger.join();
}

/// The key in a recorded ADD_IDENTITY.
PrivateKey recorded_key(const std::string& name) {
  Reader in(test::message(name));
  in.u8();
  return PrivateKey::read(in);
}

TEST_F(PivCardTest, StoresKeysThatOthersMade) {
  for (const char* name : {"add_rsa.request", "add_ecdsa_p256.request", "add_ecdsa_p384.request"}) {
    SCOPED_TRACE(name);
    tell("reset-state");
    const PrivateKey key = recorded_key(name);
    EXPECT_EQ(PivCard(reader).store(wanted("9a"), key, secrets()).blob, key.public_key.blob);
    const Certificate certificate = parse(certificate_of_9a());
    ASSERT_TRUE(certificate);
    EXPECT_EQ(X509_verify(certificate.get(), evp_public_key(key.public_key).get()), 1) << "the card has another key";
    EXPECT_EQ(error_of([&] { PivCard(reader).attest("9a"); }).code(), Errc::unsupported);
  }
}

TEST_F(PivCardTest, StoresNoKeyOfAnotherKind) {
  for (const char* name : {"add_ed25519.request", "add_ecdsa_p521.request"}) {
    EXPECT_EQ(error_of([&] { PivCard(reader).store(wanted("9a"), recorded_key(name), secrets()); }).code(),
              Errc::unsupported);
  }
  EXPECT_EQ(status("commands"), "{");
}

TEST_F(PivCardTest, AttestsWhatItMade) {
  EXPECT_EQ(error_of([&] { PivCard(reader).attest("9a"); }).code(), Errc::not_found);
  const PublicKey key = PivCard(reader).generate(wanted("9a"), secrets());
  const std::vector<Bytes> chain = PivCard(reader).attest("9a");
  ASSERT_EQ(chain.size(), 2u);
  const Certificate leaf = parse(chain[0]);
  const Certificate issuer = parse(chain[1]);
  ASSERT_TRUE(leaf && issuer);
  EXPECT_EQ(EVP_PKEY_eq(X509_get0_pubkey(leaf.get()), evp_public_key(key).get()), 1);
  EXPECT_EQ(X509_verify(leaf.get(), X509_get0_pubkey(issuer.get())), 1);
}

TEST_F(PivCardTest, UnblocksThePin) {
  for (int i = 0; i < 3; ++i) error_of([&] { PivCard(reader).generate(wanted("9a"), secrets("111111")); });
  EXPECT_EQ(PivCard(reader).pin_tries(), 0u);
  EXPECT_EQ(error_of([&] { PivCard(reader).generate(wanted("9a"), secrets()); }).code(), Errc::pin_blocked);
  const Error wrong = error_of([&] { PivCard(reader).unblock_pin(secret("00000000"), secret("654321")); });
  EXPECT_EQ(wrong.code(), Errc::wrong_pin);
  EXPECT_STREQ(wrong.what(), "wrong PUK: 2 tries left");
  PivCard(reader).unblock_pin(secret("12345678"), secret("654321"));
  EXPECT_EQ(PivCard(reader).pin_tries(), 3u);
  EXPECT_NO_THROW(PivCard(reader).generate(wanted("9a"), secrets("654321")));
}

TEST_F(PivCardTest, SaysWhenThePukIsBlocked) {
  const auto unblock = [&] { PivCard(reader).unblock_pin(secret("00000000"), secret("654321")); };
  EXPECT_EQ(error_of(unblock).code(), Errc::wrong_pin);
  EXPECT_EQ(error_of(unblock).code(), Errc::wrong_pin);
  EXPECT_EQ(error_of(unblock).code(), Errc::pin_blocked);
  EXPECT_EQ(error_of(unblock).code(), Errc::pin_blocked);
  EXPECT_EQ(error_of([&] { PivCard(reader).unblock_pin(secret("0"), secret("654321")); }).code(), Errc::refused);
}

TEST_F(PivCardTest, CannotDeleteKeysBeforeFirmware57) {
  EXPECT_EQ(error_of([&] { PivCard(reader).remove("9a", secrets()); }).code(), Errc::not_found);
  PivCard(reader).generate(wanted("9a"), secrets());
  EXPECT_EQ(error_of([&] { PivCard(reader).remove("9a", secrets()); }).code(), Errc::unsupported);
  EXPECT_EQ(status("9a"), "\"p256 generated\"");
  EXPECT_FALSE(certificate_of_9a().size() < 100);
}

TEST_F(PivCardTest, DeletesKeyAndCertificateWhereTheCardCan) {
  const std::string newer = std::getenv("FOB_PIV_READER2");
  virt::tell(std::string(std::getenv("FOB_PIV_SESSION")) + "/card2", "reset-state");
  PivCard card(newer);
  card.generate(wanted("9a"), secrets());
  EXPECT_EQ(error_of([&] { card.remove("9a", secrets("", std::string(48, '1'))); }).code(), Errc::refused);
  EXPECT_NO_THROW(card.attest("9a"));
  card.remove("9a", secrets(""));
  EXPECT_EQ(error_of([&] { card.attest("9a"); }).code(), Errc::not_found);
  EXPECT_NO_THROW(card.generate(wanted("9a"), secrets())) << "the slot is free again";
  EXPECT_EQ(card.serial(), 87654321u);
}

TEST_F(PivCardTest, TellsWhenTheCardIsOpenAndNotBefore) {
  bool opened = false;
  PivCard("No such reader", [&] { opened = true; });
  error_of([&] { PivCard("No such reader", [&] { opened = true; }).pin_tries(); });
  EXPECT_FALSE(opened);
  PivCard(reader, [&] { opened = true; }).pin_tries();
  EXPECT_TRUE(opened);
}

TEST_F(PivCardTest, LeavesTheCardToOthers) {
  PivCard(reader).generate(wanted("9a"), secrets());
  // An exclusive connection is possible only where nobody else has one.
  SCARDCONTEXT context = 0;
  SCARDHANDLE card = 0;
  DWORD protocol = 0;
  SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context);
  ASSERT_EQ(SCardConnect(context, reader.c_str(), SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T1, &card, &protocol), 0);
  transmit(card, {0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8});
  EXPECT_EQ(transmit(card, {0, 0x20, 0, 0x80}), (Bytes{0x63, 0xc3})) << "the PIN that was given counts no more";
  const Error error = error_of([&] { PivCard(reader).pin_tries(); });
  EXPECT_EQ(error.code(), Errc::refused);
  const std::vector<CardReader> readers = card_readers();
  ASSERT_FALSE(readers.empty());
  EXPECT_EQ(readers[0].name, reader);
  EXPECT_TRUE(readers[0].has_card && readers[0].exclusive);
  SCardDisconnect(card, SCARD_LEAVE_CARD);
  SCardReleaseContext(context);
  EXPECT_EQ(PivCard(reader).pin_tries(), 3u);
  EXPECT_EQ(PivCard(reader).serial(), 12345678u);
}

TEST_F(PivCardTest, WaitsForAnothersTransactionAndTellsWhenItIsOver) {
  SCARDCONTEXT context = 0;
  SCARDHANDLE card = 0;
  DWORD protocol = 0;
  SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context);
  ASSERT_EQ(SCardConnect(context, reader.c_str(), SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, &card, &protocol), 0);
  ASSERT_EQ(SCardBeginTransaction(card), 0);
  std::atomic<bool> opened = false;
  std::thread waiter([&] { EXPECT_EQ(PivCard(reader, [&] { opened = true; }).pin_tries(), 3u); });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_FALSE(opened);
  EXPECT_TRUE(card_readers().at(0).in_use) << "asking for the readers waits for nobody";
  SCardEndTransaction(card, SCARD_LEAVE_CARD);
  waiter.join();
  EXPECT_TRUE(opened);
  SCardDisconnect(card, SCARD_LEAVE_CARD);
  SCardReleaseContext(context);
}

TEST_F(PivCardTest, NamesWhatIsNotThere) {
  EXPECT_EQ(error_of([&] { PivCard("No such reader").pin_tries(); }).code(), Errc::not_found);
  tell("eject");
  while (card_is_seen()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const Error error = error_of([&] { PivCard(reader).pin_tries(); });
  EXPECT_EQ(error.code(), Errc::not_found);
  insert();
}

}  // namespace
}  // namespace fob::pkcs11
