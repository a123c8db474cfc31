#include <filesystem>
#include <fstream>

#include "protocol/verify.h"
#include "tests/unit/tokens/sealed.h"
#include "tests/unit/tokens/soft_hsm.h"
#include "tokens/pkcs11/public_key.h"

namespace fob {
namespace {

using test::HsmBench;
using test::Outcome;
using test::seal_for;
using test::Sealed;
using test::secret;
using test::SoftHsm;

const std::vector<KeyKind> curves{KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521};

Pkcs11Key opening_key(HsmBench& bench, KeyKind kind, const std::string& label) {
  Pkcs11NewKey wanted;
  wanted.token = "pkcs11:token=work";
  wanted.kind = kind;
  wanted.label = label;
  wanted.opens_secrets = true;
  return bench.host(host::GenerateKey{wanted, {secret(SoftHsm::pin), {}}}).as<host::KeyList>().keys.at(0);
}

Outcome open(HsmBench& bench, const Pkcs11Key& key, const Bytes& sealed, std::string_view pin = SoftHsm::pin) {
  return bench.host(host::OpenSecret{key.uri, key.public_key.blob, sealed, secret(pin)});
}

std::vector<Pkcs11Key> opening_keys(HsmBench& bench, const std::string& uri, std::string_view pin) {
  return bench.host(host::ListKeys{uri, secret(pin), false, true}).as<host::KeyList>().keys;
}

/// By another program, with these flags of the private half.
void make_pair(const HsmBench& bench, KeyKind kind, const std::string& label,
               const std::vector<std::pair<CK_ATTRIBUTE_TYPE, bool>>& flags) {
  bench.hsm.as_other_program("work", [&](const pkcs11::SessionRef& session) {
    const Bytes id = to_bytes(as_bytes(label));
    pkcs11::Template public_half = test::pair_template(false, label, id);
    pkcs11::Template private_half = test::pair_template(true, label, id);
    for (const auto& [type, value] : flags) private_half.flag(type, value);
    if (kind == KeyKind::rsa) {
      public_half.number(CKA_MODULUS_BITS, 2048);
    } else {
      public_half.bytes(CKA_EC_PARAMS, pkcs11::ec_parameters_of(kind));
    }
    CK_MECHANISM mechanism{kind == KeyKind::rsa ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, nullptr, 0};
    CK_OBJECT_HANDLE made[2];
    ASSERT_EQ(session.module->C_GenerateKeyPair(session.handle, &mechanism, public_half.data(), public_half.size(),
                                                private_half.data(), private_half.size(), &made[0], &made[1]),
              CKR_OK);
  });
}

/// What there is on the token that is neither half of a key pair.
std::size_t secret_objects(const HsmBench& bench) {
  std::size_t out = 0;
  bench.hsm.as_other_program("work", [&](const pkcs11::SessionRef& session) {
    pkcs11::Template wanted;
    wanted.number(CKA_CLASS, CKO_SECRET_KEY);
    out = find_objects(session, wanted, 9).size();
  });
  return out;
}

TEST(Pkcs11Secret, IsOpenedByKeysThatAreMadeForIt) {
  HsmBench bench;
  for (const KeyKind kind : curves) {
    const Pkcs11Key key = opening_key(bench, kind, std::string(traits(kind).name));
    EXPECT_EQ(key.public_key.kind, kind);
    Sealed sealed = seal_for(key.public_key);
    EXPECT_EQ(open(bench, key, sealed.sealed).secret(), sealed.secret);
    // A leading zero, which must not get lost.
    while (sealed.secret[0] != 0) sealed = seal_for(key.public_key);
    EXPECT_EQ(open(bench, key, sealed.sealed).secret(), sealed.secret);
  }
  EXPECT_EQ(secret_objects(bench), 0U);
}

TEST(Pkcs11Secret, IsOpenedByRsaKeys) {
  HsmBench bench;
  make_pair(bench, KeyKind::rsa, "rsa", {{CKA_DECRYPT, true}});
  const std::vector<Pkcs11Key> keys = opening_keys(bench, "pkcs11:object=rsa", SoftHsm::pin);
  ASSERT_EQ(keys.size(), 1U);
  const Sealed sealed = seal_for(keys[0].public_key);
  EXPECT_EQ(open(bench, keys[0], sealed.sealed).secret(), sealed.secret);
  Bytes changed = sealed.sealed;
  changed.back() ^= 1;
  EXPECT_EQ(open(bench, keys[0], changed).error(), Errc::system);
  EXPECT_EQ(open(bench, keys[0], sealed.sealed).secret(), sealed.secret);
}

TEST(Pkcs11Secret, IsOpenedAgainByTheSamePoint) {
  HsmBench bench;
  const Pkcs11Key key = opening_key(bench, KeyKind::ecdsa_p256, "vault");
  const Pkcs11Key other = opening_key(bench, KeyKind::ecdsa_p256, "other");
  const Sealed sealed = seal_for(key.public_key);
  EXPECT_EQ(open(bench, key, sealed.sealed).secret(), sealed.secret);
  EXPECT_EQ(open(bench, key, sealed.sealed).secret(), sealed.secret);
  EXPECT_NE(open(bench, other, sealed.sealed).secret(), sealed.secret);
  bench.host = SoftHsm::host();
  EXPECT_EQ(open(bench, key, sealed.sealed).secret(), sealed.secret);
}

TEST(Pkcs11Secret, WantsThePinEachTime) {
  HsmBench bench;
  const Pkcs11Key key = opening_key(bench, KeyKind::ecdsa_p256, "vault");
  const Sealed sealed = seal_for(key.public_key);
  EXPECT_EQ(open(bench, key, sealed.sealed, {}).error(), Errc::pin_required);
  EXPECT_EQ(open(bench, key, sealed.sealed, "9999").error(), Errc::wrong_pin);
  EXPECT_EQ(open(bench, key, sealed.sealed).secret(), sealed.secret);
  EXPECT_EQ(open(bench, key, sealed.sealed, {}).error(), Errc::pin_required) << "nobody stays logged in";
}

TEST(Pkcs11Secret, WantsThePinOnceMoreWhereTheKeyDoes) {
  HsmBench bench;
  make_pair(bench, KeyKind::rsa, "strict", {{CKA_DECRYPT, true}, {CKA_ALWAYS_AUTHENTICATE, true}});
  const Pkcs11Key key = opening_keys(bench, "pkcs11:object=strict", SoftHsm::pin).at(0);
  EXPECT_TRUE(key.always_authenticate);
  const Sealed sealed = seal_for(key.public_key);
  EXPECT_EQ(open(bench, key, sealed.sealed).secret(), sealed.secret);
  EXPECT_EQ(open(bench, key, sealed.sealed, "9999").error(), Errc::wrong_pin);
}

TEST(Pkcs11Secret, IsNotOpenedByKeysThatMayNot) {
  HsmBench bench;
  make_pair(bench, KeyKind::rsa, "rsa", {{CKA_DECRYPT, false}});
  make_pair(bench, KeyKind::ecdsa_p256, "ec", {{CKA_DECRYPT, false}, {CKA_DERIVE, false}});
  for (const Pkcs11Key& key : bench.keys("pkcs11:token=work", SoftHsm::pin)) {
    EXPECT_EQ(open(bench, key, seal_for(key.public_key).sealed).error(), Errc::unsupported);
  }
  EXPECT_TRUE(opening_keys(bench, "pkcs11:token=work", SoftHsm::pin).empty());
  // One that does not say it: the token does.
  const Pkcs11Key plain = bench.new_key(KeyKind::ecdsa_p256, "plain");
  EXPECT_EQ(open(bench, plain, seal_for(plain.public_key).sealed).error(), Errc::unsupported);
  const Pkcs11Key ed25519 = bench.new_key(KeyKind::ed25519, "ed25519");
  EXPECT_EQ(open(bench, ed25519, Bytes(32, 9)).error(), Errc::unsupported);
}

TEST(Pkcs11Secret, IsNotOpenedByAnotherKeyThanTheUriNames) {
  HsmBench bench;
  const Pkcs11Key key = opening_key(bench, KeyKind::ecdsa_p256, "vault");
  Pkcs11Key mixed = opening_key(bench, KeyKind::ecdsa_p256, "other");
  mixed.uri = key.uri;
  const Sealed sealed = seal_for(key.public_key);
  EXPECT_EQ(open(bench, mixed, sealed.sealed).error(), Errc::refused);
  EXPECT_EQ(open(bench, key, sealed.sealed).secret(), sealed.secret);
  EXPECT_EQ(open(bench, mixed, sealed.sealed).error(), Errc::refused) << "nor by what is remembered";
  Pkcs11Key gone = key;
  gone.uri = "pkcs11:token=work;object=gone";
  EXPECT_EQ(open(bench, gone, sealed.sealed).error(), Errc::not_found);
}

TEST(Pkcs11Secret, IsNoPointOffTheCurve) {
  HsmBench bench;
  const Pkcs11Key key = opening_key(bench, KeyKind::ecdsa_p256, "vault");
  Bytes off = seal_for(key.public_key).sealed;
  off.back() ^= 1;
  EXPECT_EQ(open(bench, key, off).error(), Errc::malformed);
  Bytes shorter = seal_for(key.public_key).sealed;
  shorter.pop_back();
  EXPECT_EQ(open(bench, key, shorter).error(), Errc::malformed);
  EXPECT_EQ(open(bench, key, Bytes{0}).error(), Errc::malformed) << "infinity";
  EXPECT_EQ(open(bench, key, {}).error(), Errc::malformed);
  const Pkcs11Key larger = opening_key(bench, KeyKind::ecdsa_p384, "larger");
  EXPECT_EQ(open(bench, key, seal_for(larger.public_key).sealed).error(), Errc::malformed);
  make_pair(bench, KeyKind::rsa, "rsa", {{CKA_DECRYPT, true}});
  const Pkcs11Key rsa = opening_keys(bench, "pkcs11:object=rsa", SoftHsm::pin).at(0);
  EXPECT_EQ(open(bench, rsa, Bytes(255, 1)).error(), Errc::malformed);
  EXPECT_EQ(open(bench, rsa, Bytes(257, 1)).error(), Errc::malformed);
}

TEST(Pkcs11Secret, HasKeysThatAreNotOfferedToSsh) {
  HsmBench bench;
  const Pkcs11Key key = opening_key(bench, KeyKind::ecdsa_p256, "vault");
  const Pkcs11Key signing = bench.new_key(KeyKind::ed25519, "ssh");
  for (const std::string_view pin : {"", SoftHsm::pin}) {
    const std::vector<Pkcs11Key> keys = bench.keys("pkcs11:token=work", pin);
    ASSERT_EQ(keys.size(), 1U) << pin;
    EXPECT_TRUE(equal(keys[0].public_key.blob, signing.public_key.blob));
    const std::vector<Pkcs11Key> opening = opening_keys(bench, "pkcs11:token=work", pin);
    ASSERT_EQ(opening.size(), 1U) << pin;
    EXPECT_EQ(opening[0].uri, key.uri);
  }
  EXPECT_EQ(bench.sign(key, "data").error(), Errc::unsupported);
}

TEST(Pkcs11Secret, HasKeysThatStayOnTheToken) {
  HsmBench bench;
  opening_key(bench, KeyKind::ecdsa_p256, "vault");
  bench.hsm.as_other_program("work", [](const pkcs11::SessionRef& session) {
    pkcs11::Template wanted;
    wanted.number(CKA_CLASS, CKO_PRIVATE_KEY);
    const auto found = find_objects(session, wanted, 9);
    ASSERT_EQ(found.size(), 1U);
    const pkcs11::Attributes values(session, found[0],
                                    {{CKA_SENSITIVE, 1}, {CKA_EXTRACTABLE, 1}, {CKA_DERIVE, 1}, {CKA_SIGN, 1}});
    EXPECT_EQ(values.flag(CKA_SENSITIVE), true);
    EXPECT_EQ(values.flag(CKA_EXTRACTABLE), false);
    EXPECT_EQ(values.flag(CKA_DERIVE), true);
    EXPECT_EQ(values.flag(CKA_SIGN), false);
  });
}

TEST(Pkcs11Secret, HasKeysOnCurvesOnly) {
  HsmBench bench;
  for (const KeyKind kind : {KeyKind::rsa, KeyKind::ed25519}) {
    Pkcs11NewKey wanted;
    wanted.token = "pkcs11:token=work";
    wanted.kind = kind;
    wanted.rsa_bits = 2048;
    wanted.label = "vault";
    wanted.opens_secrets = true;
    EXPECT_EQ(bench.host(host::GenerateKey{wanted, {secret(SoftHsm::pin), {}}}).error(), Errc::unsupported);
  }
  EXPECT_TRUE(bench.keys("pkcs11:token=work", SoftHsm::pin).empty());
}

TEST(Pkcs11Secret, IsRemovedWithItsKey) {
  HsmBench bench;
  const Pkcs11Key key = opening_key(bench, KeyKind::ecdsa_p256, "vault");
  bench.host(host::DeleteKey{key.uri, key.public_key.blob, {secret(SoftHsm::pin), {}}}).as<host::Done>();
  EXPECT_EQ(open(bench, key, seal_for(key.public_key).sealed).error(), Errc::not_found);
}

/// SoftHSM2's module, which answers otherwise where it is told so.
class FaultyBench {
 public:
  FaultyBench() {
    setenv("FOB_FAULTY_CONTROL", (bench.hsm.folder() + "/control").c_str(), 1);
    setenv("FOB_FAULTY_LOG", (bench.hsm.folder() + "/log").c_str(), 1);
    bench.host = test::HostProcess::pkcs11(FOB_FAULTY_PKCS11);
    key = opening_key(bench, KeyKind::ecdsa_p256, "vault");
    sealed = seal_for(key.public_key);
  }
  ~FaultyBench() {
    unsetenv("FOB_FAULTY_CONTROL");
    unsetenv("FOB_FAULTY_LOG");
  }

  /// Opens it, after the module was told `command`.
  Outcome open_after(const std::string& command) {
    std::filesystem::remove(bench.hsm.folder() + "/log");
    std::ofstream(bench.hsm.folder() + "/control.new") << command << '\n';
    std::filesystem::rename(bench.hsm.folder() + "/control.new", bench.hsm.folder() + "/control");
    return open(bench, key, sealed.sealed);
  }
  std::size_t calls(const std::string& function) const {
    std::ifstream log(bench.hsm.folder() + "/log");
    std::size_t out = 0;
    for (std::string line; std::getline(log, line);) out += line.starts_with(function + " ") ? 1U : 0U;
    return out;
  }

  HsmBench bench;
  Pkcs11Key key;
  Sealed sealed;
};

TEST(Pkcs11Secret, IsAskedForInTheFormThatTheTokenTakes) {
  FaultyBench faulty;
  EXPECT_EQ(faulty.open_after("").secret(), faulty.sealed.secret);
  EXPECT_EQ(faulty.calls("C_DeriveKey"), 1U);
  // CKR_MECHANISM_PARAM_INVALID, CKR_ARGUMENTS_BAD: of the point; CKR_TEMPLATE_INCONSISTENT: of CKA_VALUE_LEN.
  for (const char* refusal : {"0x71", "0x07", "0xd1"}) {
    const Outcome opened = faulty.open_after("C_DeriveKey return " + std::string(refusal) + " once");
    EXPECT_EQ(opened.secret(), faulty.sealed.secret) << refusal;
    EXPECT_EQ(faulty.calls("C_DeriveKey"), 2U) << refusal;
  }
  EXPECT_EQ(faulty.open_after("C_DeriveKey return 0x71").error(), Errc::unsupported);
  EXPECT_EQ(faulty.calls("C_DeriveKey"), 2U);
}

TEST(Pkcs11Secret, LeavesNothingBehind) {
  FaultyBench faulty;
  EXPECT_EQ(faulty.open_after("").secret(), faulty.sealed.secret);
  EXPECT_EQ(faulty.calls("C_DestroyObject"), 1U);
  EXPECT_EQ(faulty.calls("C_Logout"), 1U);
  // CKR_GENERAL_ERROR
  EXPECT_EQ(faulty.open_after("C_GetAttributeValue return 5").error(), Errc::system);
  EXPECT_EQ(faulty.open_after("C_DeriveKey return 5").error(), Errc::system);
  EXPECT_EQ(faulty.calls("C_DeriveKey"), 1U) << "what failed is not asked for again";
  EXPECT_EQ(faulty.calls("C_Logout"), 1U);
  EXPECT_EQ(faulty.open_after("").secret(), faulty.sealed.secret);
}

}  // namespace
}  // namespace fob
