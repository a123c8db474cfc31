// Keyslots: each opens the vault alone, none other does, and the last one stays.

#include <gtest/gtest.h>

#include "tests/pkcs11/soft_hsm.h"
#include "tests/vault/vault_rig.h"

namespace fob {
namespace {

using Pin = control::AddSlot::Pin;

control::AddSlot fido_slot(Pin pin, const std::string& on = "fido") {
  control::AddSlot out;
  out.kind = KeyslotKind::fido;
  out.on = on;
  out.pin = pin;
  return out;
}

control::AddSlot slot_of(KeyslotKind kind, const std::string& on = "") {
  control::AddSlot out;
  out.kind = kind;
  out.on = on;
  return out;
}

/// Adds a slot to a vault that its passphrase opens; what else is asked for comes before that.
control::SlotAdded add(VaultRig& rig, const control::AddSlot& wish, std::vector<std::string> typed = {}) {
  for (std::string& text : typed) rig.person().will_type(std::move(text));
  rig.person().will_type(std::string(vault_passphrase));
  auto out = rig.person().expect<control::SlotAdded>(wish);
  rig.person().forget_typing();
  return out;
}

TEST(Keyslots, OfATokenOpenByTouchAlone) {
  VaultRig rig(TokenRig::Options{.sticks = 1});
  const PublicKey key = rig.make_key("kept");
  const control::SlotAdded added = add(rig, fido_slot(Pin::if_set));
  EXPECT_EQ(added.slot.kind, KeyslotKind::fido);
  EXPECT_FALSE(added.slot.pin);
  EXPECT_TRUE(added.recovery_code.empty());
  rig.lock();
  const unsigned touches = rig.stick().status().touch_requests;
  EXPECT_EQ(rig.unlock_with({}), "") << "nothing is typed";
  EXPECT_EQ(rig.stick().status().touch_requests, touches + 1);
  EXPECT_TRUE(rig.signs(key));
}

TEST(Keyslots, OfATokenOpenAtTheFirstUse) {
  VaultRig rig(TokenRig::Options{.sticks = 1});
  const PublicKey key = rig.make_key("kept");
  add(rig, fido_slot(Pin::if_set));
  rig.lock();
  rig.stick().token().set_touch(virt::TouchPolicy::manual());
  Client client = rig.client();
  client.send(SignRequest{key.blob, as_bytes("data"), 0});
  ASSERT_TRUE(rig.stick().waits_for_touch());
  const auto is_announced = [&] {
    return rig.dialogs().find("none: Confirm user presence for fob's vault") != std::string::npos;
  };
  EXPECT_TRUE(eventually(is_announced));
  EXPECT_NE(rig.dialogs().find("kept comment"), std::string::npos) << "it says for which key";
  EXPECT_TRUE(rig.stick().token().touch());
  EXPECT_TRUE(std::holds_alternative<SignResponse>(client.reply()));
}

TEST(Keyslots, OfATokenWithPinWantIt) {
  VaultRig rig(TokenRig::Options{.sticks = 1});
  rig.set_pin("123456");
  const PublicKey key = rig.make_key("kept");
  EXPECT_TRUE(add(rig, fido_slot(Pin::if_set), {"123456", "123456", "123456"}).slot.pin);
  rig.lock();
  EXPECT_NE(rig.unlock_with({}), "") << "nobody typed the PIN";
  EXPECT_NE(rig.unlock_with({"654321"}), "");
  EXPECT_EQ(rig.stick().status().pin_retries, 7) << "one try, and no more";
  EXPECT_EQ(rig.unlock_with({"123456"}), "");
  EXPECT_TRUE(rig.signs(key));
}

TEST(Keyslots, OfATokenWithPinOpenByTouchWhereThatWasAskedFor) {
  VaultRig rig(TokenRig::Options{.sticks = 1});
  rig.set_pin("123456");
  rig.make_key("kept");
  EXPECT_FALSE(add(rig, fido_slot(Pin::never), {"123456", "123456"}).slot.pin);
  rig.lock();
  EXPECT_EQ(rig.unlock_with({}), "");
}

TEST(Keyslots, OfAnotherTokenDoNotOpen) {
  VaultRig rig(TokenRig::Options{.sticks = 2});
  rig.make_key("kept");
  add(rig, fido_slot(Pin::if_set, "fido:0"));
  rig.lock();
  rig.stick(0).unplug();
  ASSERT_TRUE(rig.has_tokens(1));
  EXPECT_NE(rig.unlock_with({}, KeyslotKind::fido).find("plug in"), std::string::npos);
  EXPECT_EQ(rig.unlock_with({std::string(vault_passphrase)}), "") << "losing a token loses nothing";
  rig.lock();
  rig.stick(0).plug_in();
  ASSERT_TRUE(rig.has_tokens(2));
  EXPECT_EQ(rig.unlock_with({}), "");
}

TEST(Keyslots, OfATokenThatWasResetDoNotOpen) {
  VaultRig rig(TokenRig::Options{.sticks = 1});
  rig.make_key("kept");
  add(rig, fido_slot(Pin::if_set));
  rig.lock();
  rig.stick().unplug();
  rig.stick().plug_in();
  ASSERT_TRUE(rig.has_tokens(1));
  rig.person().will_type("fido:0");
  rig.person().expect<control::Done>(control::ResetToken{"fido"});
  EXPECT_NE(rig.unlock_with({}, KeyslotKind::fido), "");
  EXPECT_EQ(rig.unlock_with({std::string(vault_passphrase)}), "");
}

TEST(Keyslots, OfATokenMakeTheVault) {
  const TempDir data;
  PublicKey key;
  std::string code;
  {
    VaultRig rig(TokenRig::Options{.sticks = 1, .data_home = data.path()});
    const auto added = rig.person().expect<control::SlotAdded>(fido_slot(Pin::if_set));
    code = std::string(as_text(added.recovery_code.view()));
    EXPECT_EQ(code.size(), 44U);
    EXPECT_EQ(rig.slots().slots.size(), 2U);
    key = rig.make_key("kept");
    EXPECT_TRUE(rig.signs(key));
    rig.lock();
    EXPECT_EQ(rig.unlock_with({}), "");
  }
  VaultRig rig(TokenRig::Options{.sticks = 0, .data_home = data.path()});
  EXPECT_EQ(rig.unlock_with({code}), "") << "with the code, the token is not needed";
  EXPECT_TRUE(rig.signs(key));
}

TEST(Keyslots, OfATokenWithoutHmacSecretAreRefused) {
  virt::Personality plain;
  plain.hmac_secret = false;
  VaultRig rig(TokenRig::Options{.sticks = 1, .personalities = {plain}});
  EXPECT_NE(rig.person().failure(fido_slot(Pin::if_set)).find("hmac-secret"), std::string::npos);
  EXPECT_FALSE(rig.slots().exists);
}

/// SoftHSM2 under a token host of its own.
struct HsmRig {
  explicit HsmRig(SoftHsm& hsm)
      : rig(TokenRig::Options{.sticks = 0,
                              .config = "[[pkcs11.module]]\npath = \"" + SoftHsm::library() + "\"\nenvironment = [\"" +
                                        hsm.environment() + "\"]\n"}) {}
  VaultRig rig;
};

TEST(Keyslots, OfAPkcs11TokenOpenWithItsPin) {
  SoftHsm hsm;
  hsm.add_token("fob");
  HsmRig with_hsm(hsm);
  VaultRig& rig = with_hsm.rig;
  const PublicKey key = rig.make_key("kept");
  const auto added = add(rig, slot_of(KeyslotKind::pkcs11, "pkcs11:token=fob"), {"1234", "1234", "1234"});
  EXPECT_EQ(added.slot.kind, KeyslotKind::pkcs11);
  EXPECT_NE(added.slot.uri.find("pkcs11:"), std::string::npos);
  rig.lock();
  EXPECT_NE(rig.unlock_with({}), "");
  EXPECT_NE(rig.unlock_with({"4321"}), "");
  EXPECT_EQ(rig.unlock_with({"1234"}), "");
  EXPECT_TRUE(rig.signs(key));
  hsm.remove_objects("fob");
  rig.lock();
  EXPECT_NE(rig.unlock_with({"1234"}, KeyslotKind::pkcs11), "");
  EXPECT_EQ(rig.unlock_with({std::string(vault_passphrase)}, KeyslotKind::passphrase), "");
}

TEST(Keyslots, OfAPkcs11TokenWantThePinThoughItIsHeldForKeys) {
  SoftHsm hsm;
  hsm.add_token("fob");
  hsm.generate("fob", {});
  HsmRig with_hsm(hsm);
  VaultRig& rig = with_hsm.rig;
  rig.make_key("kept");
  add(rig, slot_of(KeyslotKind::pkcs11, "pkcs11:token=fob"), {"1234", "1234", "1234"});
  AddSmartcardKey with_pin;
  with_pin.provider = SoftHsm::library();
  with_pin.pin = as_bytes("1234");
  ASSERT_TRUE(rig.client().succeeds(with_pin));
  EXPECT_NE(rig.person().failure(control::ExportKey{"kept"}), "") << "nobody typed anything";
  rig.lock();
  EXPECT_NE(rig.unlock_with({}), "");
  EXPECT_EQ(rig.unlock_with({"1234"}), "");
}

TEST(Keyslots, ThatDoNotWorkLeaveTheOthers) {
  SoftHsm hsm;
  hsm.add_token("fob");
  HsmRig with_hsm(hsm);
  VaultRig& rig = with_hsm.rig;
  const PublicKey key = rig.make_key("kept");
  const auto added = add(rig, slot_of(KeyslotKind::pkcs11, "pkcs11:token=fob"), {"1234", "1234", "1234"});
  hsm.remove_objects("fob");
  rig.person().will_type("1234");
  rig.person().will_type(std::string(vault_passphrase));
  rig.person().will_type(std::string(vault_passphrase));
  EXPECT_EQ(rig.person().failure(control::RemoveSlot{added.slot.id}), "") << "the dead slot can be removed";
  rig.person().forget_typing();
  rig.lock();
  EXPECT_EQ(rig.unlock_with({std::string(vault_passphrase)}), "");
  EXPECT_TRUE(rig.signs(key));
}

TEST(Keyslots, OfAnOldTokenAreNotBoundToItsPin) {
  virt::Personality old;
  old.ctap21 = false;
  old.preview = false;
  VaultRig rig(TokenRig::Options{.sticks = 1, .personalities = {old}});
  rig.set_pin("123456");
  EXPECT_NE(rig.person().failure(fido_slot(Pin::if_set)).find("--no-pin"), std::string::npos);
  rig.person().will_type("123456");
  rig.person().will_type("123456");
  EXPECT_EQ(rig.person().failure(fido_slot(Pin::never)), "");
}

TEST(Keyslots, AreAddedAndRemovedOnlyByWhoOpensTheVaultAnew) {
  VaultRig rig;
  rig.make_key("kept");
  ASSERT_FALSE(rig.is_locked());
  EXPECT_NE(rig.person().failure(slot_of(KeyslotKind::passphrase)), "");
  EXPECT_NE(rig.person().failure(slot_of(KeyslotKind::recovery)), "");
  EXPECT_NE(rig.person().failure(control::RemoveSlot{1}), "");
  EXPECT_EQ(rig.slots().slots.size(), 2U);
}

TEST(Keyslots, OfASecondPassphraseOpenToo) {
  VaultRig rig;
  rig.make_key("kept");
  add(rig, slot_of(KeyslotKind::passphrase), {"another passphrase"});
  rig.lock();
  EXPECT_EQ(rig.unlock_with({"another passphrase"}), "");
  rig.lock();
  EXPECT_EQ(rig.unlock_with({std::string(vault_passphrase)}), "");
}

TEST(Keyslots, RemovedDoNotOpenAnyMore) {
  VaultRig rig;
  rig.make_key("kept");
  const control::SlotAdded code = add(rig, slot_of(KeyslotKind::recovery));
  const std::string new_code(as_text(code.recovery_code.view()));
  ASSERT_NE(new_code, rig.recovery_code());
  rig.person().will_type(new_code);
  rig.person().expect<control::Done>(control::RemoveSlot{2});
  rig.lock();
  EXPECT_NE(rig.unlock_with({rig.recovery_code()}), "");
  EXPECT_EQ(rig.unlock_with({new_code}), "");
}

TEST(Keyslots, KeepTheLastOne) {
  VaultRig rig;
  const PublicKey key = rig.make_key("kept");
  rig.person().will_type(std::string(vault_passphrase));
  rig.person().expect<control::Done>(control::RemoveSlot{2});
  rig.person().will_type(std::string(vault_passphrase));
  EXPECT_NE(rig.person().failure(control::RemoveSlot{1}).find("last"), std::string::npos);
  rig.person().forget_typing();
  EXPECT_NE(rig.person().failure(control::RemoveSlot{7}).find("no keyslot 7"), std::string::npos);
  rig.lock();
  EXPECT_EQ(rig.unlock_with({std::string(vault_passphrase)}), "");
  EXPECT_TRUE(rig.signs(key));
}

TEST(Keyslots, AreNoMoreThanTheLimit) {
  VaultRig rig;
  rig.make_key("kept");
  const std::string passphrase(vault_passphrase);
  const std::size_t most = 32;
  std::string failure;
  for (std::size_t i = rig.slots().slots.size(); i <= most; ++i) {
    rig.person().will_type(rig.recovery_code());  // takes no KDF
    failure = rig.person().failure(slot_of(KeyslotKind::recovery));
  }
  EXPECT_NE(failure.find("32"), std::string::npos) << failure;
  EXPECT_EQ(rig.slots().slots.size(), most);
}

}  // namespace
}  // namespace fob
