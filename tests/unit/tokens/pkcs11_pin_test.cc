#include "protocol/verify.h"
#include "tests/unit/tokens/soft_hsm.h"

namespace fob {
namespace {

using test::HsmBench;
using test::secret;
using test::SoftHsm;

TEST(Pkcs11Pin, WrongOneIsSentOnce) {
  HsmBench bench;
  const Pkcs11Key key = bench.new_key(KeyKind::ecdsa_p256, "key");
  EXPECT_EQ(bench.sign(key, "data", "9999").error(), Errc::wrong_pin);
  EXPECT_TRUE(bench.token_info().pin_count_low);
  EXPECT_FALSE(bench.sign(key, "data").error());
  EXPECT_FALSE(bench.token_info().pin_count_low) << "the right one resets the count";
  EXPECT_EQ(bench.list("pkcs11:token=work", "9999").error(), Errc::wrong_pin);
  EXPECT_EQ(bench.host(host::DeleteKey{key.uri, key.public_key.blob, {secret("9999"), {}}}).error(), Errc::wrong_pin);
  EXPECT_FALSE(bench.sign(key, "data").error());
}

TEST(Pkcs11Pin, NewOneOfAWrongLengthIsRefusedWithTheLengths) {
  HsmBench bench;
  const Pkcs11Key key = bench.new_key(KeyKind::ecdsa_p256, "key");
  const auto changed = bench.host(host::ChangeTokenPin{key.token_uri, secret(SoftHsm::pin), secret("1")});
  EXPECT_EQ(changed.error(), Errc::refused);
  EXPECT_NE(changed.text().find("4 to 255 bytes"), std::string::npos) << changed.text();
  EXPECT_FALSE(bench.sign(key, "data").error());
}

TEST(Pkcs11Pin, IsChanged) {
  HsmBench bench;
  const Pkcs11Key key = bench.new_key(KeyKind::ecdsa_p256, "key");
  EXPECT_EQ(bench.host(host::ChangeTokenPin{key.token_uri, secret("9999"), secret("5678")}).error(), Errc::wrong_pin);
  bench.host(host::ChangeTokenPin{key.token_uri, secret(SoftHsm::pin), secret("5678")}).as<host::Done>();
  EXPECT_EQ(bench.sign(key, "data", SoftHsm::pin).error(), Errc::wrong_pin);
  EXPECT_FALSE(bench.sign(key, "data", "5678").error());
}

TEST(Pkcs11Pin, IsSetAnewByTheOfficer) {
  HsmBench bench;
  const Pkcs11Key key = bench.new_key(KeyKind::ecdsa_p256, "key");
  EXPECT_FALSE(bench.sign(key, "data").error());  // somebody is logged in
  const auto wrong = bench.host(host::ResetTokenPin{key.token_uri, secret("00000000"), secret("5678")});
  EXPECT_EQ(wrong.error(), Errc::wrong_pin);
  EXPECT_EQ(wrong.text(), "wrong SO PIN");
  bench.host(host::ResetTokenPin{key.token_uri, secret(SoftHsm::officer_pin), secret("5678")}).as<host::Done>();
  EXPECT_EQ(bench.sign(key, "data", SoftHsm::pin).error(), Errc::wrong_pin);
  EXPECT_FALSE(bench.sign(key, "data", "5678").error());
}

TEST(Pkcs11Pin, IsNeededForWhatChangesTheToken) {
  HsmBench bench;
  const Pkcs11Key key = bench.new_key(KeyKind::ecdsa_p256, "key");
  EXPECT_EQ(bench.host(host::DeleteKey{key.uri, key.public_key.blob, {}}).error(), Errc::pin_required);
  EXPECT_EQ(bench.host(host::ChangeTokenPin{key.token_uri, {}, secret("5678")}).error(), Errc::pin_required);
  EXPECT_EQ(bench.host(host::ResetTokenPin{key.token_uri, {}, secret("5678")}).error(), Errc::pin_required);
}

TEST(Pkcs11Pin, IsNotInAnError) {
  HsmBench bench;
  const Pkcs11Key key = bench.new_key(KeyKind::ecdsa_p256, "key");
  const auto wrong = bench.sign(key, "data", "secret-4711");
  EXPECT_EQ(wrong.error(), Errc::wrong_pin);
  EXPECT_EQ(wrong.text().find("4711"), std::string::npos);
}

}  // namespace
}  // namespace fob
