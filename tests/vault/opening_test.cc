// What opens the vault, and what does not.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "agent/vault/recovery_code.h"
#include "agent/vault/vault_file.h"
#include "agent/vault/vault_key.h"
#include "protocol/fingerprint.h"
#include "tests/vault/vault_rig.h"

namespace fob {
namespace {

constexpr char stays_locked[] = "the vault stays locked";

TEST(VaultOpening, TakesThePassphraseAlone) {
  VaultRig rig;
  const PublicKey key = rig.make_key("kept");
  rig.lock();
  EXPECT_EQ(rig.unlock_with({std::string(vault_passphrase)}), "");
  EXPECT_FALSE(rig.is_locked());
  EXPECT_TRUE(rig.signs(key));
}

TEST(VaultOpening, TakesTheRecoveryCodeAlone) {
  VaultRig rig;
  const PublicKey key = rig.make_key("kept");
  rig.lock();
  EXPECT_EQ(rig.unlock_with({rig.recovery_code()}, KeyslotKind::recovery), "");
  EXPECT_TRUE(rig.signs(key));
  rig.lock();
  std::string careless = rig.recovery_code();
  for (char& letter : careless) letter = letter == '-' ? ' ' : static_cast<char>(std::tolower(letter));
  EXPECT_EQ(rig.unlock_with({careless}), "") << "also in place of the passphrase, as people copy it";
}

TEST(VaultOpening, RefusesWhatIsWrongWithoutSayingWhatWasWrong) {
  VaultRig rig;
  rig.make_key("kept");
  rig.lock();
  const std::string wrong = rig.unlock_with({"wrong", "wrong again", "and again", std::string(vault_passphrase)});
  EXPECT_NE(wrong.find(stays_locked), std::string::npos);
  EXPECT_TRUE(rig.is_locked()) << "three tries at a time";
  std::string code = rig.recovery_code();
  code[0] = code[0] == 'A' ? 'B' : 'A';
  EXPECT_EQ(rig.unlock_with({code, code, code}, KeyslotKind::recovery), wrong) << "one letter, and the same words";
  VaultRig other;
  other.make_key("another");
  EXPECT_EQ(rig.unlock_with({other.recovery_code(), other.recovery_code(), other.recovery_code()}), wrong);
  EXPECT_EQ(rig.unlock_with({"wrong", std::string(vault_passphrase)}), "") << "the second try counts";
}

TEST(VaultOpening, IsAskedForAtTheFirstUse) {
  VaultRig rig;
  const PublicKey key = rig.make_key("kept");
  rig.lock();
  rig.decline_dialogs();
  EXPECT_FALSE(rig.signs(key));
  EXPECT_TRUE(rig.is_locked());
  rig.answer_dialogs_with(vault_passphrase);
  EXPECT_TRUE(rig.signs(key));
  EXPECT_NE(rig.dialogs().find("kept comment"), std::string::npos) << "the dialog says for which key";
  EXPECT_NE(rig.dialogs().find(fingerprint(key)), std::string::npos);
}

TEST(VaultOpening, OfAKeyThatIsNotInTheVaultIsNotAskedFor) {
  VaultRig rig;
  rig.make_key("kept");
  rig.lock();
  const TestKey& other = TestKey::any(KeyKind::ed25519);
  Client client = rig.client();
  ASSERT_TRUE(client.add(other));
  EXPECT_TRUE(rig.signs(other.public_key()));
  EXPECT_EQ(rig.dialog_count(), 0U);
}

TEST(VaultOpening, IsAskedOnceForAllThatWait) {
  VaultRig rig;
  const PublicKey key = rig.make_key("kept");
  rig.lock();
  rig.set_askpass("sleep 1; echo '" + std::string(vault_passphrase) + "'");
  std::atomic<int> signed_count = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) clients.emplace_back([&] { signed_count += rig.signs(key) ? 1 : 0; });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(signed_count, 8);
  EXPECT_EQ(rig.dialog_count(), 1U);
}

TEST(VaultOpening, SaidNoToIsNoForAllThatWait) {
  VaultRig rig;
  const PublicKey key = rig.make_key("kept");
  rig.lock();
  rig.set_askpass("sleep 3; exit 1");
  std::atomic<int> signed_count = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back([&] { signed_count += rig.signs(key) ? 1 : 0; });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(signed_count, 0);
  EXPECT_EQ(rig.dialog_count(), 1U);
  rig.answer_dialogs_with(vault_passphrase);
  EXPECT_TRUE(rig.signs(key)) << "who comes later is asked anew";
}

TEST(VaultOpening, ByFobEndsTheDialogOfWhoWaits) {
  VaultRig rig;
  const PublicKey key = rig.make_key("kept");
  rig.lock();
  rig.set_askpass("exec sleep 60");
  bool has_signed = false;
  std::thread client([&] { has_signed = rig.signs(key); });
  ASSERT_TRUE(eventually([&] { return rig.dialog_count() == 1; }));
  EXPECT_EQ(rig.unlock_with({std::string(vault_passphrase)}), "");
  client.join();
  EXPECT_TRUE(has_signed);
}

TEST(VaultOpening, IsTakenBackWhenTheClientLeaves) {
  VaultRig rig;
  const PublicKey key = rig.make_key("kept");
  rig.lock();
  rig.set_askpass("echo $$ > \"$DIR/pid\"; exec sleep 60");
  {
    Client client = rig.client();
    client.send(SignRequest{key.blob, as_bytes("data"), 0});
    ASSERT_TRUE(eventually([&] { return !read_file(rig.directory().file("pid")).empty(); }));
  }
  const pid_t dialog = std::stoi(read_file(rig.directory().file("pid")));
  ASSERT_GT(dialog, 1);
  EXPECT_TRUE(eventually([&] { return status_field(dialog, "State").empty(); }));
  EXPECT_TRUE(rig.is_locked());
  rig.answer_dialogs_with(vault_passphrase);
  EXPECT_TRUE(rig.signs(key));
}

TEST(VaultOpening, DoesNotCountWhereItWasLockedMeanwhile) {
  VaultRig rig;
  const PublicKey key = rig.make_key("kept");
  rig.lock();
  rig.set_askpass("touch \"$DIR/asked\"; sleep 3; echo '" + std::string(vault_passphrase) + "'");
  bool has_signed = false;
  std::thread client([&] { has_signed = rig.signs(key); });
  ASSERT_TRUE(eventually([&] { return exists(rig.directory().file("asked")); }));
  rig.lock();
  client.join();
  EXPECT_FALSE(has_signed);
  EXPECT_TRUE(rig.is_locked());
}

TEST(VaultOpening, NeedsAVault) {
  VaultRig rig;
  EXPECT_NE(rig.unlock_with({"anything"}).find("no vault yet"), std::string::npos);
  EXPECT_NE(rig.person().failure(control::LockVault()).find("no vault yet"), std::string::npos);
  EXPECT_TRUE(rig.person().questions.empty());
}

TEST(VaultOpening, NeedsASlotOfTheKindThatWasAskedFor) {
  VaultRig rig;
  rig.make_key("kept");
  rig.lock();
  EXPECT_NE(rig.unlock_with({}, KeyslotKind::fido).find("no keyslot of the kind fido"), std::string::npos);
}

TEST(VaultOpening, IsNotDoneWithAForeignVaultKey) {
  const TempDir data;
  std::string file;
  {
    VaultRig rig(TokenRig::Options{.sticks = 0, .data_home = data.path()});
    rig.make_key("kept");
    file = rig.slots().path;
  }
  // Somebody who can write the file lets the vault open with a key that they know.
  const SecretBytes secret = new_recovery_secret();
  {
    const RecoveryParameters parameters = RecoveryParameters::random();
    std::vector<Keyslot> slots{
        VaultKey::random().wrap(KeyslotKind::recovery, "", parameters.write(), parameters.key(secret))};
    VaultFile::open(file, VaultFile::Create::no).value().add_slots(slots);
  }
  VaultRig rig(TokenRig::Options{.sticks = 0, .data_home = data.path()});
  const SecretBytes code = recovery_code_of(secret);
  EXPECT_NE(rig.unlock_with({std::string(as_text(code.view()))}), "");
  EXPECT_TRUE(rig.is_locked());
  EXPECT_EQ(rig.unlock_with({std::string(vault_passphrase)}), "");
}

TEST(VaultOpening, DelaysNobodyElse) {
  VaultRig rig;
  const PublicKey key = rig.make_key("kept");
  const TestKey& other = TestKey::any(KeyKind::ed25519);
  Client client = rig.client();
  ASSERT_TRUE(client.add(other));
  rig.lock();
  rig.set_askpass("exec sleep 60");
  Client waiting = rig.client();
  waiting.send(SignRequest{key.blob, as_bytes("data"), 0});
  ASSERT_TRUE(eventually([&] { return rig.dialog_count() == 1; }));
  EXPECT_TRUE(rig.signs(other.public_key()));
  EXPECT_EQ(client.comments().size(), 2U);
  EXPECT_FALSE(waiting.has_input(std::chrono::milliseconds(0)));
}

}  // namespace
}  // namespace fob
