// Keyslots in the vault's file.
#include <gtest/gtest.h>

#include <filesystem>

#include "protocol/limits.h"
#include "tests/unit/agent/support.h"
#include "tests/unit/vault/support.h"

namespace fob {
namespace {

class VaultSlots : public VaultFixture {
 protected:
  Keyslot slot(int number) const { return recovery_slot(key_, recovery_secret(number)); }
  std::vector<Keyslot> slots(int count) const {
    std::vector<Keyslot> out;
    for (int i = 0; i < count; ++i) out.push_back(slot(i));
    return out;
  }
  static std::vector<std::uint32_t> ids(const std::vector<Keyslot>& slots) {
    std::vector<std::uint32_t> out;
    for (const Keyslot& slot : slots) out.push_back(slot.id);
    return out;
  }
  using Ids = std::vector<std::uint32_t>;
};

TEST_F(VaultSlots, ComeWithTheFirstKeyOrNotAtAll) {
  std::vector<Keyslot> wanted = slots(2);
  wanted[0].name = "the \xf0\x9f\x94\x91 of \"Alice\"";
  wanted[0].created = 0x7fffffffffffffff;
  const StoredKey key = sealed_key(1, key_);
  {
    VaultFile vault = open();
    vault.add(stored_key(2));
    StoredKey taken = key;
    taken.name = "key2";
    EXPECT_EQ(error_of([&] { vault.add(taken, wanted); }), Errc::refused);
    EXPECT_TRUE(vault.slots().empty()) << "no slot without its key";
    std::vector<Keyslot> bad = wanted;
    bad[1].wrapped.clear();
    EXPECT_EQ(error_of([&] { vault.add(key, bad); }), Errc::malformed);
    EXPECT_EQ(vault.keys().size(), 1U) << "no key without its slots";
    EXPECT_TRUE(vault.slots().empty());
    vault.add(key, wanted);
    EXPECT_EQ(ids(vault.slots()), (Ids{1, 2}));
  }
  wanted[0].id = 1;
  wanted[1].id = 2;
  EXPECT_EQ(slots_in(path_), descriptions(wanted));
  EXPECT_EQ(keys_in(path_).back(), description(key));
}

TEST_F(VaultSlots, AreNotGivenForAnotherVaultKey) {
  VaultFile vault = open();
  vault.add(sealed_key(1, key_), slots(1));
  EXPECT_EQ(error_of([&] { vault.add(sealed_key(2, key_), slots(1)); }), Errc::refused);
  EXPECT_EQ(vault.keys().size(), 1U);
  vault.add(sealed_key(2, key_));
  EXPECT_EQ(vault.slots().size(), 1U);
}

TEST_F(VaultSlots, AreThereBeforeAnythingIsSealed) {
  VaultFile vault = open();
  EXPECT_EQ(error_of([&] { vault.add(sealed_key(1, key_)); }), Errc::refused) << "nothing would open it";
  std::vector<Keyslot> first = slots(1);
  vault.add_slots(first);
  vault.add(sealed_key(1, key_));
  EXPECT_EQ(vault.keys().size(), 1U);
}

TEST_F(VaultSlots, HaveNumbersThatAreNotGivenAgain) {
  VaultFile vault = open();
  std::vector<Keyslot> added = slots(3);
  vault.add_slots(added);
  EXPECT_EQ(ids(added), (Ids{1, 2, 3}));
  vault.remove_slot(2);
  added = slots(2);
  added[0].id = 2;
  vault.add_slots(added);
  EXPECT_EQ(ids(added), (Ids{4, 5})) << "whatever they say";
  vault.remove_slot(1);
  EXPECT_EQ(ids(vault.slots()), (Ids{3, 4, 5}));
}

TEST_F(VaultSlots, AreRemovedByNumber) {
  {
    VaultFile vault = open();
    std::vector<Keyslot> added = slots(3);
    vault.add_slots(added);
    for (const std::uint32_t id : {0U, 4U, 0xffffffffU}) {
      EXPECT_EQ(error_of([&] { vault.remove_slot(id); }), Errc::not_found) << id;
    }
    vault.remove_slot(1);
    EXPECT_EQ(error_of([&] { vault.remove_slot(1); }), Errc::not_found);
    vault.remove_slot(3);
  }
  VaultFile vault = open();
  EXPECT_EQ(ids(vault.slots()), (Ids{2}));
}

TEST_F(VaultSlots, NeverLoseTheLastOne) {
  VaultFile vault = open();
  std::vector<Keyslot> added = slots(1);
  vault.add_slots(added);
  EXPECT_EQ(error_of([&] { vault.remove_slot(1); }), Errc::refused);
  EXPECT_EQ(ids(vault.slots()), (Ids{1}));
  added = slots(1);
  vault.add_slots(added);
  vault.remove_slot(1);
  EXPECT_EQ(error_of([&] { vault.remove_slot(2); }), Errc::refused);
  EXPECT_TRUE(VaultKey::unwrap(vault.slots().at(0),
                               RecoveryParameters::read(vault.slots().at(0).parameters).key(recovery_secret(0)))
                  .has_value());
}

TEST_F(VaultSlots, AreLimited) {
  VaultFile vault = open();
  std::vector<Keyslot> many = slots(static_cast<int>(limits::keyslots) + 1);
  EXPECT_EQ(error_of([&] { vault.add_slots(many); }), Errc::too_large);
  EXPECT_TRUE(vault.slots().empty()) << "all or none";
  many.pop_back();
  vault.add_slots(many);
  std::vector<Keyslot> one = slots(1);
  EXPECT_EQ(error_of([&] { vault.add_slots(one); }), Errc::too_large);
  vault.remove_slot(1);
  one[0].name = std::string(limits::name_bytes + 1, 'x');
  EXPECT_EQ(error_of([&] { vault.add_slots(one); }), Errc::too_large);
  one[0].name.pop_back();
  one[0].created = 0x8000000000000000;
  EXPECT_EQ(error_of([&] { vault.add_slots(one); }), Errc::too_large);
  one[0].created = 0;
  one[0].parameters = Bytes(limits::stored_keyslot_bytes);
  EXPECT_EQ(error_of([&] { vault.add_slots(one); }), Errc::too_large);
  one[0].parameters.clear();
  EXPECT_EQ(error_of([&] { vault.add_slots(one); }), Errc::malformed);
  EXPECT_EQ(vault.slots().size(), limits::keyslots - 1);
}

TEST_F(VaultSlots, LeaveNothingInTheFileWhenRemoved) {
  VaultFile vault = open();
  std::vector<Keyslot> added = slots(2);
  added[1].wrapped = to_bytes(as_bytes("the wrapped key that is to vanish"));
  vault.add_slots(added);
  EXPECT_NE(read_file(path_).find("to vanish"), std::string::npos);
  vault.remove_slot(2);
  for (const std::string& path : {path_, path_ + "-journal"}) {
    EXPECT_EQ(read_file(path).find("to vanish"), std::string::npos) << path;
  }
}

}  // namespace
}  // namespace fob
