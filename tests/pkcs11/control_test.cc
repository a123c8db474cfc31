// What `fob` does with PKCS#11 tokens, over the control socket: new keys, keys that are there, PINs.

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/pkcs11/rig.h"

namespace fob {
namespace {

constexpr char config[] = "[[pkcs11.module]]\nname = \"wrapped\"\npath = \"";

/// An agent whose configuration names the wrapping module.
struct ControlRig : Pkcs11Rig {
  explicit ControlRig(Options options = {}) : Pkcs11Rig(configured(std::move(options))) {
    hsm().add_token("one");
    start();
  }
  static Options configured(Options options) {
    options.config = "[pkcs11]\nregistered = false\n" + std::string(config) + SoftHsm::library() + "\"\n";
    return options;
  }
  control::NewKey wish(const std::string& name, KeyKind kind = KeyKind::ecdsa_p256) const {
    control::NewKey out;
    out.name = name;
    out.comment = name + " comment";
    out.on = "pkcs11:token=one";
    out.kind = kind;
    return out;
  }
  void restart() {
    stop();
    start();
  }
};

TEST(Pkcs11Control, ListsTokens) {
  ControlRig rig;
  rig.hsm().add_token("two", "");
  ControlClient fob(rig.daemon());
  const auto reply = fob.expect<control::Tokens>(control::ListTokens());
  ASSERT_EQ(reply.tokens.size(), 2U) << "what is not initialised is left out";
  for (const control::Token& token : reply.tokens) {
    ASSERT_TRUE(token.pkcs11);
    EXPECT_EQ(token.pkcs11->pin_set, token.pkcs11->label == "one") << token.pkcs11->label;
    EXPECT_TRUE(token.id.starts_with("pkcs11:")) << token.id;
    EXPECT_EQ(token.path, std::filesystem::canonical(SoftHsm::library()));
  }
}

TEST(Pkcs11Control, MakesKeysOfEveryKindThatSignAndAreKept) {
  ControlRig rig;
  for (const KeyKind kind : {KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521, KeyKind::ed25519}) {
    ControlClient fob(rig.daemon());
    fob.will_type("1234");
    const std::string name = "key-" + std::string(traits(kind).name);
    const auto kept = fob.expect<control::Kept>(rig.wish(name, kind));
    EXPECT_EQ(kept.key.where, "pkcs11");
    EXPECT_EQ(kept.key.public_key.kind, kind);
    EXPECT_TRUE(kept.key.uri.starts_with("pkcs11:"));
  }
  control::NewKey rsa = rig.wish("key-rsa", KeyKind::rsa);
  rsa.rsa_bits = 3072;
  ControlClient fob(rig.daemon());
  fob.will_type("1234");
  EXPECT_EQ(fob.expect<control::Kept>(rsa).key.public_key.bits(), 3072U);
  rig.restart();
  rig.set_askpass("echo 1234");
  for (const auto& identity : rig.list()) {
    EXPECT_TRUE(rig.signs(identity.comment, SignRequest::flag_rsa_sha2_512)) << identity.comment << rig.daemon().log();
  }
  EXPECT_EQ(rig.list().size(), 5U);
}

TEST(Pkcs11Control, NewKeyWithAWrongPinLeavesNothingAndSpendsOneTry) {
  ControlRig rig;
  const std::size_t before = rig.hsm().objects("one");
  ControlClient fob(rig.daemon());
  fob.will_type("999999");
  EXPECT_NE(fob.failure(rig.wish("key")).find("PIN"), std::string::npos);
  EXPECT_EQ(fob.questions.size(), 1U) << "no second try";
  EXPECT_EQ(rig.hsm().objects("one"), before);
}

TEST(Pkcs11Control, NameThatIsTakenCostsNoPin) {
  ControlRig rig;
  ControlClient fob(rig.daemon());
  fob.will_type("1234");
  fob.expect<control::Kept>(rig.wish("key"));
  ControlClient again(rig.daemon());
  EXPECT_NE(again.failure(rig.wish("key")).find("key"), std::string::npos);
  EXPECT_TRUE(again.questions.empty());
}

TEST(Pkcs11Control, AdoptsAKeyThatIsThere) {
  ControlRig rig;
  rig.hsm().generate("one", {KeyKind::ecdsa_p256, "of another tool", 9});
  rig.hsm().generate("one", {KeyKind::ecdsa_p256, "second", 10});
  ControlClient fob(rig.daemon());
  control::AdoptKey adopt;
  adopt.name = "mine";
  adopt.uri = "pkcs11:token=one;object=of%20another%20tool";
  EXPECT_EQ(fob.expect<control::Kept>(adopt).key.comment, "of another tool");
  adopt.name = "again";
  EXPECT_EQ(fob.failure(adopt), "this key is kept already, as mine");
  adopt.name = "any";
  adopt.uri = "pkcs11:token=one";
  EXPECT_NE(fob.failure(adopt).find("several keys"), std::string::npos);
  adopt.uri = "pkcs11:token=one;object=none";
  EXPECT_FALSE(fob.failure(adopt).empty());
  adopt.uri = "pkcs11:token=nowhere";
  EXPECT_NE(fob.failure(adopt).find("no token"), std::string::npos);
  rig.restart();
  rig.set_askpass("echo 1234");
  EXPECT_TRUE(rig.signs("of another tool")) << rig.daemon().log();
}

TEST(Pkcs11Control, PutsASoftwareKeyOnAToken) {
  ControlRig rig;
  rig.set_askpass("echo 1234");
  for (const KeyKind kind : {KeyKind::rsa, KeyKind::ecdsa_p256, KeyKind::ecdsa_p521, KeyKind::ed25519}) {
    const TestKey& key = TestKey::any(kind);
    control::ImportKey import;
    import.name = "imported-" + std::string(traits(kind).name);
    import.comment = import.name;
    import.key = key.private_key();
    import.on = "pkcs11:token=one";
    ControlClient fob(rig.daemon());
    fob.will_type("1234");
    EXPECT_TRUE(equal(fob.expect<control::Kept>(std::move(import)).key.public_key.blob, key.blob()));
    EXPECT_TRUE(rig.signs("imported-" + std::string(traits(kind).name), SignRequest::flag_rsa_sha2_256))
        << rig.daemon().log();
  }
}

TEST(Pkcs11Control, DoesNotGiveThePrivateKeyOut) {
  ControlRig rig;
  ControlClient fob(rig.daemon());
  fob.will_type("1234");
  fob.expect<control::Kept>(rig.wish("key"));
  EXPECT_NE(fob.failure(control::ExportKey{"key"}).find("does not leave"), std::string::npos);
  EXPECT_FALSE(fob.failure(control::AttestKey{"key"}).empty()) << "SoftHSM2 attests nothing";
}

TEST(Pkcs11Control, RemovesAKeyFromItsTokenWhereThatIsAsked) {
  ControlRig rig;
  const std::size_t before = rig.hsm().objects("one");
  for (const bool from_token : {false, true}) {
    ControlClient fob(rig.daemon());
    fob.will_type("1234");
    fob.expect<control::Kept>(rig.wish("key"));
    ControlClient remover(rig.daemon());
    remover.will_type("1234");
    remover.expect<control::Done>(control::RemoveKey{"key", from_token});
    EXPECT_TRUE(rig.list().empty());
    EXPECT_EQ(rig.hsm().objects("one"), from_token ? before : before + 2);
    rig.hsm().remove_objects("one");
  }
}

TEST(Pkcs11Control, ListsTheKeysOnAToken) {
  ControlRig rig;
  rig.hsm().generate("one", {KeyKind::ecdsa_p256, "there", 9});
  ControlClient fob(rig.daemon());
  fob.will_type("1234");
  const auto reply = fob.expect<control::Residents>(control::ListResident{"pkcs11:token=one"});
  ASSERT_EQ(reply.keys.size(), 1U);
  EXPECT_EQ(reply.keys[0].user, "there");
  EXPECT_NE(as_text(reply.keys[0].key_handle).find("object=there"), std::string_view::npos);
}

TEST(Pkcs11Control, ChangesAndResetsThePin) {
  ControlRig rig;
  ControlClient fob(rig.daemon());
  for (const char* typed : {"1234", "5678"}) fob.will_type(typed);
  fob.expect<control::Done>(control::ChangePin{"pkcs11:token=one"});
  fob.will_type("1234");
  EXPECT_FALSE(fob.failure(rig.wish("key")).empty()) << "the old PIN";
  for (const char* typed : {"87654321", "2468"}) fob.will_type(typed);
  fob.expect<control::Done>(control::UnblockPin{"pkcs11:token=one"});
  fob.will_type("2468");
  fob.expect<control::Kept>(rig.wish("key"));
  EXPECT_NE(fob.failure(control::SetPin{"pkcs11:token=one"}).find("has a PIN already"), std::string::npos);
}

TEST(Pkcs11Control, SetsTheFirstPin) {
  ControlRig rig;
  rig.hsm().add_token("fresh", "");
  ControlClient fob(rig.daemon());
  control::NewKey wish = rig.wish("key");
  wish.on = "pkcs11:token=fresh";
  EXPECT_NE(fob.failure(wish).find("fob pin set"), std::string::npos);
  for (const char* typed : {"87654321", "2468"}) fob.will_type(typed);
  fob.expect<control::Done>(control::SetPin{"pkcs11:token=fresh"});
  fob.will_type("2468");
  fob.expect<control::Kept>(wish);
}

TEST(Pkcs11Control, RefusesWhatIsForOtherTokens) {
  ControlRig rig;
  ControlClient fob(rig.daemon());
  EXPECT_FALSE(fob.failure(rig.wish("key", KeyKind::sk_ecdsa_p256)).empty());
  control::NewKey in_slot = rig.wish("key");
  in_slot.piv.slot = "9a";
  EXPECT_NE(fob.failure(in_slot).find("PIV"), std::string::npos);
  EXPECT_FALSE(fob.failure(control::ResetToken{"pkcs11:token=one"}).empty());
  EXPECT_FALSE(fob.failure(control::RenameResident{"pkcs11:token=one", {}, "name"}).empty());
  for (const char* bad : {"pkcs11:token=one?module-path=/tmp/evil.so", "pkcs11:token=%zz", "pkcs11:nonsense"}) {
    control::NewKey wish = rig.wish("key");
    wish.on = bad;
    EXPECT_FALSE(fob.failure(wish).empty()) << bad;
  }
  EXPECT_TRUE(fob.questions.empty()) << "no PIN was asked for";
  for (const char* secret : {"pkcs11:token=one?pin-value=1234", "pkcs11:token=one?pin-source=/etc/passwd"}) {
    control::NewKey wish = rig.wish("key");
    wish.on = secret;
    ControlClient other(rig.daemon());
    EXPECT_ANY_THROW(other.failure(wish)) << "it is no message of fob's";
    EXPECT_EQ(rig.daemon().log().find("1234"), std::string::npos);
  }
}

/// The store may come from a backup or from another machine: it names no library that could not be added.
TEST(KeptModule, ThatIsNotAllowedAnyMoreIsNotLoaded) {
  const TempDir data;
  Pkcs11Rig::Options options;
  options.data_home = data.path();
  options.config = "[pkcs11]\nregistered = false\n";
  // The key is kept by an agent that has the module in its configuration, and used by one that has not.
  Pkcs11Rig rig(options);
  rig.hsm().add_token("one");
  rig.hsm().generate("one", {KeyKind::ecdsa_p256, "key", 1});
  rig.configure("[pkcs11]\nregistered = false\n[[pkcs11.module]]\npath = \"" + rig.module() + "\"\n");
  rig.forbid_module();
  rig.start();
  control::AdoptKey adopt;
  adopt.name = "kept";
  adopt.uri = "pkcs11:token=one;object=key";
  ControlClient(rig.daemon()).expect<control::Kept>(adopt);
  rig.set_askpass("echo 1234");
  EXPECT_TRUE(rig.signs("key")) << rig.daemon().log();
  rig.stop();
  rig.configure("[pkcs11]\nregistered = false\n");
  std::filesystem::remove(rig.directory().file("telltale"));
  rig.start();
  EXPECT_FALSE(rig.signs("key"));
  EXPECT_EQ(read_file(rig.directory().file("telltale")), "");
  EXPECT_TRUE(rig.daemon().logs("neither configured nor registered")) << rig.daemon().log();
}

}  // namespace
}  // namespace fob
