#include "protocol/verify.h"
#include "tests/unit/tokens/soft_hsm.h"

namespace fob {
namespace {

using test::HsmBench;
using test::Outcome;
using test::SoftHsm;

const std::vector<KeyKind> every_kind{KeyKind::rsa, KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521,
                                      KeyKind::ed25519};

void expect_signed(const Pkcs11Key& key, const Outcome& outcome, std::string_view data) {
  EXPECT_NO_THROW(verify_signature(key.public_key, outcome.as<host::Signed>().signature, as_bytes(data)));
}

TEST(Pkcs11Use, SignsWithEveryKindOfKey) {
  HsmBench bench;
  for (const KeyKind kind : every_kind) {
    const Pkcs11Key key = bench.new_key(kind, std::string(traits(kind).name));
    EXPECT_EQ(key.public_key.kind, kind);
    expect_signed(key, bench.sign(key, "data"), "data");
    expect_signed(key, bench.sign(key, "", {}), "");
    expect_signed(key, bench.sign(key, std::string(200'000, 'x'), {}), std::string(200'000, 'x'));
  }
}

TEST(Pkcs11Use, SignsRsaWithTheDigestThatIsAskedFor) {
  HsmBench bench;
  const Pkcs11Key key = bench.new_key(KeyKind::rsa, "rsa");
  const auto algorithm = [&](std::uint32_t flags) {
    const Bytes signature = bench.sign(key, "data", SoftHsm::pin, false, flags).as<host::Signed>().signature;
    verify_signature(key.public_key, signature, as_bytes("data"));
    return std::string(Reader(signature).text());
  };
  EXPECT_EQ(algorithm(2), "rsa-sha2-256");
  EXPECT_EQ(algorithm(4), "rsa-sha2-512");
  EXPECT_EQ(algorithm(6), "rsa-sha2-256");
  EXPECT_EQ(algorithm(0), "ssh-rsa");
}

TEST(Pkcs11Use, ListsTheSameKeysWithAndWithoutPin) {
  HsmBench bench;
  for (const KeyKind kind : every_kind) bench.new_key(kind, std::string(traits(kind).name));
  const std::vector<Pkcs11Key> without = bench.keys();
  const std::vector<Pkcs11Key> with = bench.keys("pkcs11:token=work", SoftHsm::pin);
  ASSERT_EQ(without.size(), every_kind.size());
  ASSERT_EQ(with.size(), without.size());
  for (std::size_t i = 0; i < with.size(); ++i) {
    EXPECT_EQ(with[i].uri, without[i].uri);
    EXPECT_TRUE(equal(with[i].public_key.blob, without[i].public_key.blob));
    EXPECT_FALSE(with[i].always_authenticate);
  }
}

TEST(Pkcs11Use, NamesAKeyAsOtherProgramsFindIt) {
  HsmBench bench;
  const Pkcs11Key key = bench.new_key(KeyKind::ecdsa_p256, "my key");
  EXPECT_NE(key.uri.find("token=work"), std::string::npos) << key.uri;
  EXPECT_NE(key.uri.find("object=my%20key"), std::string::npos) << key.uri;
  EXPECT_NE(key.uri.find("type=private"), std::string::npos) << key.uri;
  EXPECT_NE(key.uri.find("id=%"), std::string::npos) << key.uri;
  EXPECT_EQ(key.label, "my key");
  EXPECT_EQ(key.token_uri, bench.token_info().uri);
  ASSERT_EQ(bench.keys("pkcs11:object=my%20key").size(), 1U);
  EXPECT_EQ(bench.keys("pkcs11:object=another").size(), 0U);
  EXPECT_EQ(bench.keys(key.uri)[0].uri, key.uri);
}

TEST(Pkcs11Use, DescribesTheToken) {
  HsmBench bench;
  const Pkcs11TokenInfo info = bench.token_info();
  EXPECT_EQ(info.label, "work");
  EXPECT_EQ(info.manufacturer, "SoftHSM project");
  EXPECT_EQ(info.model, "SoftHSM v2");
  EXPECT_EQ(info.serial.size(), 16U);
  EXPECT_EQ(info.key_kinds, every_kind);
  EXPECT_LE(info.rsa_min_bits, 2048U);
  EXPECT_GE(info.rsa_max_bits, 4096U);
  EXPECT_TRUE(info.initialized && info.login_required && info.pin_set);
  EXPECT_FALSE(info.removable || info.pin_pad || info.pin_locked || info.write_protected || info.is_piv);
}

TEST(Pkcs11Use, TellsTokensOfOneLabelApartBySerial) {
  HsmBench bench;
  bench.hsm.add_token("work");
  const auto tokens = bench.host(host::ListTokens{"pkcs11:token=work"}).as<host::TokenList>().tokens;
  ASSERT_EQ(tokens.size(), 2U);
  EXPECT_EQ(bench.generate(KeyKind::ed25519, "key").error(), Errc::refused);
  std::vector<Pkcs11Key> made;
  for (const Pkcs11TokenInfo& token : tokens) {
    Pkcs11NewKey wanted;
    wanted.token = token.uri;
    wanted.kind = KeyKind::ed25519;
    wanted.label = "key";
    const auto reply = bench.host(host::GenerateKey{wanted, {test::secret(SoftHsm::pin), {}}});
    made.push_back(reply.as<host::KeyList>().keys.at(0));
  }
  EXPECT_NE(made[0].uri, made[1].uri);
  for (const Pkcs11Key& key : made) expect_signed(key, bench.sign(key, "data"), "data");
  EXPECT_EQ(bench.list("pkcs11:token=work", SoftHsm::pin).error(), Errc::refused);
  EXPECT_EQ(bench.keys("pkcs11:token=work").size(), 2U);
}

TEST(Pkcs11Use, WantsThePinForAHiddenKey) {
  HsmBench bench;
  const Pkcs11Key key = bench.new_key(KeyKind::ecdsa_p256, "key");
  EXPECT_EQ(bench.sign(key, "data", {}).error(), Errc::pin_required);
  expect_signed(key, bench.sign(key, "data", SoftHsm::pin, false), "data");
  EXPECT_EQ(bench.sign(key, "data", {}).error(), Errc::pin_required) << "logged out after the signature";
  expect_signed(key, bench.sign(key, "data", SoftHsm::pin, true), "data");
  expect_signed(key, bench.sign(key, "data", {}, true), "data");
}

TEST(Pkcs11Use, TellsOnceThatItHasOpened) {
  HsmBench bench;
  const Pkcs11Key key = bench.new_key(KeyKind::ecdsa_p256, "key");
  bench.host = SoftHsm::host();
  EXPECT_EQ(bench.sign(key, "data").openings, 1U);
  EXPECT_EQ(bench.sign(key, "data", {}).openings, 0U);
}

TEST(Pkcs11Use, RefusesAnotherKeyThanTheUriNames) {
  HsmBench bench;
  const Pkcs11Key key = bench.new_key(KeyKind::ecdsa_p256, "key");
  Pkcs11Key mixed = bench.new_key(KeyKind::ecdsa_p256, "other");
  mixed.uri = key.uri;
  EXPECT_EQ(bench.sign(mixed, "data").error(), Errc::refused);
  expect_signed(key, bench.sign(key, "data"), "data");
  EXPECT_EQ(bench.sign(mixed, "data").error(), Errc::refused) << "nor from what is remembered";
}

TEST(Pkcs11Use, AsksForThePinForEachUseWhereTheKeyWantsIt) {
  HsmBench bench;
  bench.hsm.as_other_program("work", [](const pkcs11::SessionRef& session) {
    const Bytes id{7};
    pkcs11::Template public_half = test::pair_template(false, "strict", id);
    public_half.bytes(CKA_EC_PARAMS, Bytes{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07});
    pkcs11::Template private_half = test::pair_template(true, "strict", id);
    private_half.flag(CKA_ALWAYS_AUTHENTICATE, true);
    CK_MECHANISM mechanism{CKM_EC_KEY_PAIR_GEN, nullptr, 0};
    CK_OBJECT_HANDLE made[2];
    ASSERT_EQ(session.module->C_GenerateKeyPair(session.handle, &mechanism, public_half.data(), public_half.size(),
                                                private_half.data(), private_half.size(), &made[0], &made[1]),
              CKR_OK);
  });
  bench.host = SoftHsm::host();
  const std::vector<Pkcs11Key> keys = bench.keys("pkcs11:object=strict", SoftHsm::pin);
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_TRUE(keys[0].always_authenticate);
  expect_signed(keys[0], bench.sign(keys[0], "data", SoftHsm::pin, true), "data");
  EXPECT_EQ(bench.sign(keys[0], "data", {}, true).error(), Errc::pin_required);
  EXPECT_EQ(bench.sign(keys[0], "data", "9999", true).error(), Errc::wrong_pin);
  expect_signed(keys[0], bench.sign(keys[0], "data", SoftHsm::pin, true), "data");
}

TEST(Pkcs11Use, AnswersRequestsInOrderThatCameTogether) {
  HsmBench bench;
  const Pkcs11Key key = bench.new_key(KeyKind::ecdsa_p256, "key");
  ASSERT_FALSE(bench.sign(key, "first").error());
  Bytes together;
  for (unsigned i = 0; i < 500; ++i) {
    const std::string data = "data " + std::to_string(i);
    const Bytes frame =
        host::frame_request(host::SignWithKey{key.uri, key.public_key.blob, 0, as_bytes(data), {}, true});
    together.insert(together.end(), frame.begin(), frame.end());
  }
  std::thread sender([&] { bench.host.send_raw(together); });
  for (unsigned i = 0; i < 500; ++i) expect_signed(key, bench.host.outcome(), "data " + std::to_string(i));
  sender.join();
}

TEST(Pkcs11Use, RefusesRequestsOfOtherHosts) {
  HsmBench bench;
  EXPECT_EQ(bench.host(host::Describe{}).error(), Errc::unsupported);
  EXPECT_EQ(bench.host(host::ListModules{}).error(), Errc::unsupported);
  test::Bench fido;
  EXPECT_EQ(fido.host(host::ListTokens{"pkcs11:"}).error(), Errc::unsupported);
}

}  // namespace
}  // namespace fob
