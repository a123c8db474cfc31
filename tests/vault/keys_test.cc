// Keys in the vault: made, imported, used, and there again when the agent is.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "tests/vault/vault_rig.h"

namespace fob {
namespace {

constexpr KeyKind vault_kinds[] = {KeyKind::ed25519, KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521};

TEST(VaultKeys, AreMadeAndSign) {
  VaultRig rig;
  for (const KeyKind kind : vault_kinds) {
    const PublicKey key = rig.make_key("key-" + std::string(traits(kind).curve) + "x", kind);
    EXPECT_EQ(key.kind, kind);
    EXPECT_TRUE(rig.signs(key)) << key.display_type();
  }
  EXPECT_EQ(rig.client().comments().size(), std::size(vault_kinds));
}

TEST(VaultKeys, OfRsaHaveTheSizeThatWasAskedFor) {
  VaultRig rig;
  EXPECT_EQ(rig.make_key("small", KeyKind::rsa, 2048).rsa_n.size(), 2048U / 8);
  const PublicKey usual = rig.make_key("usual", KeyKind::rsa);
  EXPECT_EQ(usual.rsa_n.size(), 3072U / 8);
  EXPECT_TRUE(rig.signs(usual));
  const auto is_progress = [](const std::string& notice) { return notice.find("RSA") != std::string::npos; };
  EXPECT_TRUE(std::any_of(rig.person().notices.begin(), rig.person().notices.end(), is_progress));
  control::NewKey odd;
  odd.name = "odd";
  odd.on = "vault";
  odd.kind = KeyKind::rsa;
  odd.rsa_bits = 1024;
  EXPECT_NE(rig.person().failure(odd).find("2048, 3072 or 4096"), std::string::npos);
}

TEST(VaultKeys, GoToTheVaultWhereThereIsNoToken) {
  VaultRig rig;
  control::NewKey wish;
  wish.name = "first";
  rig.person().will_type(std::string(vault_passphrase));
  const auto kept = rig.person().expect<control::Kept>(wish);
  EXPECT_EQ(kept.key.where, "vault");
  EXPECT_EQ(kept.key.public_key.kind, KeyKind::ed25519);
  EXPECT_TRUE(rig.signs(kept.key.public_key));
}

TEST(VaultKeys, GoToTheTokenThatIsPluggedIn) {
  VaultRig rig(TokenRig::Options{.sticks = 1});
  control::NewKey wish;
  wish.name = "first";
  wish.application = "ssh:";
  const auto kept = rig.person().expect<control::Kept>(wish);
  EXPECT_EQ(kept.key.where, "fido");
  wish.name = "second";
  wish.kind = KeyKind::ed25519;
  rig.person().will_type(std::string(vault_passphrase));
  EXPECT_EQ(rig.person().expect<control::Kept>(wish).key.where, "vault") << "no FIDO2 token holds this type";
}

TEST(VaultKeys, TheFirstSetsTheVaultUp) {
  VaultRig rig;
  EXPECT_FALSE(rig.slots().exists);
  rig.make_key("first");
  ASSERT_EQ(rig.person().questions.size(), 1U);
  EXPECT_EQ(rig.person().questions[0].kind, control::Question::Kind::new_passphrase);
  EXPECT_EQ(rig.recovery_code().size(), 44U);
  const std::string code = rig.recovery_code();
  rig.make_key("second");
  EXPECT_EQ(rig.recovery_code(), code) << "no other is made";
  EXPECT_EQ(rig.person().questions.size(), 1U) << "the vault is open";
  const control::Slots slots = rig.slots();
  EXPECT_TRUE(slots.exists);
  EXPECT_FALSE(slots.locked);
  ASSERT_EQ(slots.slots.size(), 2U);
  EXPECT_EQ(slots.slots[0].kind, KeyslotKind::passphrase);
  EXPECT_EQ(slots.slots[1].kind, KeyslotKind::recovery);
  struct stat status {};
  ASSERT_EQ(stat(slots.path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST(VaultKeys, AreNotMadeWithAShortPassphraseOrNone) {
  VaultRig rig;
  control::NewKey wish;
  wish.name = "first";
  wish.on = "vault";
  EXPECT_NE(rig.person().failure(wish), "") << "the person declined";
  rig.person().will_type("seven 7");
  EXPECT_NE(rig.person().failure(wish).find("at least 8"), std::string::npos);
  EXPECT_FALSE(rig.slots().exists);
  EXPECT_TRUE(rig.client().comments().empty());
}

TEST(VaultKeys, AreThereAgainAfterARestart) {
  const TempDir data;
  PublicKey made;
  {
    VaultRig rig(TokenRig::Options{.sticks = 0, .data_home = data.path()});
    made = rig.make_key("work");
  }
  VaultRig rig(TokenRig::Options{.sticks = 0, .data_home = data.path()});
  EXPECT_EQ(rig.client().comments(), std::vector<std::string>{"work comment"}) << "listed though locked";
  EXPECT_TRUE(rig.is_locked());
  rig.answer_dialogs_with(vault_passphrase);
  EXPECT_TRUE(rig.signs(made));
  EXPECT_EQ(rig.dialog_count(), 1U);
  EXPECT_TRUE(rig.signs(made));
  EXPECT_EQ(rig.dialog_count(), 1U) << "it stays open";
}

class VaultImport : public testing::TestWithParam<KeyKind> {};

TEST_P(VaultImport, KeepsWhatAnotherToolMade) {
  const TestKey& key = TestKey::any(GetParam());
  VaultRig rig;
  rig.import("imported", key);
  EXPECT_TRUE(rig.signs(key.public_key()));
  rig.lock();
  EXPECT_FALSE(rig.signs(key.public_key()));
  rig.answer_dialogs_with(vault_passphrase);
  EXPECT_TRUE(rig.signs(key.public_key()));
}

INSTANTIATE_TEST_SUITE_P(Kinds, VaultImport, testing::ValuesIn(software_kinds));

TEST(VaultKeys, TwiceAreRefused) {
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  VaultRig rig;
  rig.import("one", key);
  control::ImportKey again;
  again.name = "two";
  again.key = key.private_key();
  EXPECT_NE(rig.person().failure(std::move(again)).find("already, as one"), std::string::npos);
  control::NewKey same_name;
  same_name.name = "one";
  same_name.on = "vault";
  EXPECT_NE(rig.person().failure(same_name).find("already"), std::string::npos);
}

TEST(VaultKeys, ReplaceWhatSshAddBrought) {
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  VaultRig rig;
  ASSERT_TRUE(rig.client().add(key, "from a file"));
  rig.import("kept", key);
  EXPECT_EQ(rig.client().comments(), std::vector<std::string>{"kept comment"});
}

TEST(VaultKeys, AreExportedOnlyToWhoOpensTheVaultAnew) {
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  VaultRig rig;
  rig.import("kept", key);
  ASSERT_FALSE(rig.is_locked());
  EXPECT_NE(rig.person().failure(control::ExportKey{"kept"}), "") << "an open vault is not enough";
  rig.person().will_type(std::string(vault_passphrase));
  const auto exported = rig.person().expect<control::Exported>(control::ExportKey{"kept"});
  EXPECT_TRUE(exported.key.secret == key.private_key().secret);
  EXPECT_EQ(exported.comment, "kept comment");
}

TEST(VaultKeys, AreRemovedByTheirName) {
  VaultRig rig;
  const PublicKey key = rig.make_key("kept");
  rig.person().will_type("another");
  EXPECT_NE(rig.person().failure(control::RemoveKey{"kept"}).find("nothing was deleted"), std::string::npos);
  EXPECT_TRUE(rig.signs(key));
  rig.person().will_type("kept");
  rig.person().expect<control::Done>(control::RemoveKey{"kept"});
  EXPECT_TRUE(rig.client().comments().empty());
  rig.make_key("again");
  rig.person().expect<control::Done>(control::RemoveKey{"again", false, true});
  EXPECT_TRUE(rig.client().comments().empty());
}

TEST(VaultKeys, AreConfirmedWhereTheirPolicySaysSo) {
  const TempDir data;
  PublicKey key;
  {
    VaultRig rig(TokenRig::Options{.sticks = 0, .data_home = data.path()});
    control::NewKey wish;
    wish.name = "careful";
    wish.on = "vault";
    wish.confirm = true;
    wish.services = {"github", "host.example"};
    rig.person().will_type(std::string(vault_passphrase));
    key = rig.person().expect<control::Kept>(wish).key.public_key;
    rig.decline_dialogs();
    EXPECT_FALSE(rig.signs(key));
    rig.set_askpass("exit 0");
    EXPECT_TRUE(rig.signs(key));
  }
  VaultRig rig(TokenRig::Options{.sticks = 0, .data_home = data.path()});
  const auto keys = rig.person().expect<control::Keys>(control::ListKeys());
  ASSERT_EQ(keys.keys.size(), 1U);
  EXPECT_TRUE(keys.keys[0].confirm);
  EXPECT_TRUE(keys.vault_locked);
  EXPECT_EQ(keys.keys[0].services, (std::vector<std::string>{"github", "host.example"}));
  ASSERT_EQ(rig.unlock_with({std::string(vault_passphrase)}), "");
  rig.decline_dialogs();
  EXPECT_FALSE(rig.signs(key));
}

TEST(VaultKeys, TakenAwayComeBackWithUnlock) {
  VaultRig rig;
  const PublicKey key = rig.make_key("kept");
  ASSERT_TRUE(rig.client().remove(key.blob));
  EXPECT_TRUE(rig.client().comments().empty());
  EXPECT_EQ(rig.unlock_with({}), "");
  EXPECT_TRUE(rig.signs(key));
  ASSERT_TRUE(rig.client().remove_all());
  EXPECT_EQ(rig.unlock_with({}), "");
  EXPECT_TRUE(rig.signs(key));
}

TEST(VaultKeys, OfAForeignCertificateAreNotTaken) {
  VaultRig rig;
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  control::ImportKey request;
  request.name = "certificate";
  request.key = key.with_certificate(certify(TestKey::any(KeyKind::rsa), key)).private_key();
  EXPECT_THROW(rig.person().expect<control::Kept>(std::move(request)), std::runtime_error);
}

}  // namespace
}  // namespace fob
