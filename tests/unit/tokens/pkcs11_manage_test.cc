#include <filesystem>

#include "protocol/verify.h"
#include "tests/unit/protocol/vectors.h"
#include "tests/unit/tokens/soft_hsm.h"

namespace fob {
namespace {

using test::HsmBench;
using test::Outcome;
using test::secret;
using test::SoftHsm;

void expect_signed(const Pkcs11Key& key, const Outcome& outcome, std::string_view data) {
  EXPECT_NO_THROW(verify_signature(key.public_key, outcome.as<host::Signed>().signature, as_bytes(data)));
}

/// The private key of a recorded ADD_IDENTITY.
PrivateKey private_key(const std::string& name) {
  const Bytes message = test::message("add_" + name + ".request");
  Reader in(message);
  in.u8();
  return PrivateKey::read(in);
}

Outcome store(const HsmBench& bench, const std::string& name) {
  host::StoreKey request;
  request.private_key = private_key(name);
  request.key.token = "pkcs11:token=work";
  request.key.kind = request.private_key.public_key.kind;
  request.key.label = name;
  request.secrets.pin = secret(SoftHsm::pin);
  return bench.host(std::move(request));
}

std::size_t objects(const HsmBench& bench) {
  std::size_t out = 0;
  bench.hsm.as_other_program("work", [&](const pkcs11::SessionRef& session) {
    pkcs11::Template any;
    out = find_objects(session, any, 100).size();
  });
  return out;
}

TEST(Pkcs11Manage, MakesKeysThatStayOnTheToken) {
  HsmBench bench;
  const Pkcs11Key key = bench.new_key(KeyKind::ecdsa_p256, "key");
  bench.hsm.as_other_program("work", [&](const pkcs11::SessionRef& session) {
    pkcs11::Template wanted;
    wanted.number(CKA_CLASS, CKO_PRIVATE_KEY).text(CKA_LABEL, "key").bytes(CKA_ID, *pkcs11::Uri(key.uri).id());
    const auto found = find_objects(session, wanted, 2);
    ASSERT_EQ(found.size(), 1U);
    const pkcs11::Attributes values(
        session, found[0],
        {{CKA_SENSITIVE, 1}, {CKA_EXTRACTABLE, 1}, {CKA_LOCAL, 1}, {CKA_PRIVATE, 1}, {CKA_VALUE, 99}});
    EXPECT_EQ(values.flag(CKA_SENSITIVE), true);
    EXPECT_EQ(values.flag(CKA_EXTRACTABLE), false);
    EXPECT_EQ(values.flag(CKA_LOCAL), true);
    EXPECT_EQ(values.flag(CKA_PRIVATE), true);
    EXPECT_FALSE(values.bytes(CKA_VALUE));
  });
}

TEST(Pkcs11Manage, RefusesALabelTwice) {
  HsmBench bench;
  bench.new_key(KeyKind::ecdsa_p256, "key");
  EXPECT_EQ(bench.generate(KeyKind::ed25519, "key").error(), Errc::refused);
  EXPECT_EQ(bench.generate(KeyKind::ed25519, "").error(), Errc::refused);
  EXPECT_EQ(bench.keys().size(), 1U);
}

TEST(Pkcs11Manage, RefusesWhatOnlyPivCardsHave) {
  HsmBench bench;
  Pkcs11NewKey wanted;
  wanted.token = "pkcs11:token=work";
  wanted.label = "key";
  wanted.slot = "9a";
  EXPECT_EQ(bench.host(host::GenerateKey{wanted, {secret(SoftHsm::pin), {}}}).error(), Errc::unsupported);
  const Pkcs11Key key = bench.new_key(KeyKind::ecdsa_p256, "key");
  EXPECT_EQ(bench.host(host::AttestKey{key.uri, key.public_key.blob}).error(), Errc::unsupported);
}

TEST(Pkcs11Manage, RefusesRsaSizesOutOfRange) {
  HsmBench bench;
  for (const unsigned bits : {0U, 1023U, 16385U}) {
    EXPECT_EQ(bench.generate(KeyKind::rsa, "key", bits).error(), Errc::refused) << bits;
  }
  const auto made = bench.generate(KeyKind::rsa, "key", 3072).as<host::KeyList>().keys;
  EXPECT_EQ(made.at(0).public_key.bits(), 3072U);
}

TEST(Pkcs11Manage, PutsExistingKeysOnTheToken) {
  HsmBench bench;
  for (const std::string name : {"rsa", "ecdsa_p256", "ecdsa_p384", "ecdsa_p521", "ed25519"}) {
    const auto stored = store(bench, name).as<host::KeyList>().keys;
    ASSERT_EQ(stored.size(), 1U) << name;
    EXPECT_TRUE(equal(stored[0].public_key.blob, private_key(name).public_key.blob));
    expect_signed(stored[0], bench.sign(stored[0], "data"), "data");
    EXPECT_EQ(store(bench, name).error(), Errc::refused) << "twice";
  }
  EXPECT_EQ(bench.keys().size(), 5U);
}

TEST(Pkcs11Manage, LeavesNothingOfAKeyThatDoesNotWork) {
  HsmBench bench;
  host::StoreKey request;
  request.private_key = private_key("ecdsa_p256");
  request.private_key.secret.data()[10] ^= 1;
  request.key.token = "pkcs11:token=work";
  request.key.label = "broken";
  request.secrets.pin = secret(SoftHsm::pin);
  EXPECT_EQ(bench.host(std::move(request)).error(), Errc::bad_signature);
  EXPECT_EQ(objects(bench), 0U);
}

TEST(Pkcs11Manage, RemovesAKeyWithAllThatBelongsToIt) {
  HsmBench bench;
  const Pkcs11Key key = bench.new_key(KeyKind::ecdsa_p256, "key");
  const Pkcs11Key other = bench.new_key(KeyKind::ecdsa_p256, "other");
  EXPECT_EQ(bench.host(host::DeleteKey{key.token_uri, key.public_key.blob, {secret(SoftHsm::pin), {}}}).error(),
            Errc::refused);
  EXPECT_EQ(objects(bench), 4U);
  bench.host(host::DeleteKey{key.uri, key.public_key.blob, {secret(SoftHsm::pin), {}}}).as<host::Done>();
  EXPECT_EQ(objects(bench), 2U);
  EXPECT_EQ(bench.sign(key, "data").error(), Errc::not_found);
  EXPECT_EQ(bench.host(host::DeleteKey{key.uri, key.public_key.blob, {secret(SoftHsm::pin), {}}}).error(),
            Errc::not_found);
  expect_signed(other, bench.sign(other, "data"), "data");
}

TEST(Pkcs11Manage, NoticesThatAnotherProgramRemovedAKey) {
  HsmBench bench;
  const Pkcs11Key key = bench.new_key(KeyKind::ecdsa_p256, "key");
  expect_signed(key, bench.sign(key, "data"), "data");
  bench.hsm.as_other_program("work", [](const pkcs11::SessionRef& session) {
    pkcs11::Template any;
    for (const CK_OBJECT_HANDLE object : find_objects(session, any, 9)) {
      session.module->C_DestroyObject(session.handle, object);
    }
  });
  const auto gone = bench.sign(key, "data", {});
  EXPECT_TRUE(gone.error() == Errc::not_found || gone.error() == Errc::pin_required) << gone.text();
  EXPECT_EQ(bench.sign(key, "data").error(), Errc::not_found);
}

TEST(Pkcs11Manage, SeesTokensThatCameLater) {
  HsmBench bench;
  const Pkcs11Key key = bench.new_key(KeyKind::ecdsa_p256, "key");
  EXPECT_FALSE(bench.sign(key, "data", SoftHsm::pin, false).error());
  bench.hsm.add_token("late");
  EXPECT_EQ(bench.host(host::ListTokens{"pkcs11:token=late"}).as<host::TokenList>().tokens.size(), 1U);
  bench.hsm.add_token("later");
  Pkcs11NewKey wanted;
  wanted.token = "pkcs11:token=later";
  wanted.label = "key";
  const auto made = bench.host(host::GenerateKey{wanted, {secret(SoftHsm::pin), {}}}).as<host::KeyList>().keys;
  expect_signed(made.at(0), bench.sign(made.at(0), "data"), "data");
}

TEST(Pkcs11Manage, NoticesThatATokenIsGone) {
  HsmBench bench;
  const Pkcs11Key key = bench.new_key(KeyKind::ecdsa_p256, "key");
  expect_signed(key, bench.sign(key, "data"), "data");
  std::filesystem::remove_all(bench.hsm.folder() + "/tokens");
  std::filesystem::create_directory(bench.hsm.folder() + "/tokens");
  const auto gone = bench.sign(key, "data", {});
  EXPECT_EQ(gone.error(), Errc::not_found) << gone.text();
  bench.hsm.add_token("work");
  const Pkcs11Key anew = bench.new_key(KeyKind::ecdsa_p256, "key");
  expect_signed(anew, bench.sign(anew, "data"), "data");
}

}  // namespace
}  // namespace fob
