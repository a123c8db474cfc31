// What forged files do to a vault: no private key and no keyslot opens that is not as it was sealed.
#include <gtest/gtest.h>

#include <functional>

#include "tests/daemon/temp_dir.h"
#include "tests/unit/agent/support.h"
#include "tests/unit/vault/damaged_vault.h"
#include "tests/unit/vault/support.h"

namespace fob {
namespace {

/// What somebody can do who writes to the file and sets its digests right, as VaultFile does for the test.
class ForgedVault : public DamagedVault {
 protected:
  /// The same vault with `forged` in the place of the key of its name; its digests are right.
  StoredKey kept_instead(const StoredKey& forged) {
    vault_.remove(forged.name);
    vault_.add(forged);
    const std::vector<StoredKey> keys = vault_.keys();
    EXPECT_EQ(description(keys.back()), description(forged));
    return keys.back();
  }
  std::vector<StoredKey> software_keys() {
    std::vector<StoredKey> out = vault_.keys();
    std::erase_if(out, [](const StoredKey& key) { return !key.in_vault(); });
    return out;
  }
  bool opens(const StoredKey& key) const {
    return error_of([&] { key_.open(key); }) != Errc::malformed;
  }
  /// Each byte of `bytes` in turn with one bit flipped, then without its last byte, and with one more.
  void each_forgery(Bytes& bytes, const std::function<void()>& use) {
    const Bytes sound = bytes;
    for (std::size_t at = 0; at < sound.size(); ++at) {
      bytes = sound;
      bytes[at] ^= static_cast<std::uint8_t>(1U << below(8));
      use();
    }
    bytes = Bytes(sound.begin(), sound.end() - 1);
    use();
    bytes = sound;
    bytes.push_back(0);
    use();
    bytes = sound;
  }

  VaultFile vault_ = open_vault(path_, VaultFile::Create::no);
};

TEST_F(ForgedVault, OpensNoPrivateKeyOfWhichAByteWasChanged) {
  std::size_t forgeries = 0;
  for (StoredKey key : software_keys()) {
    ASSERT_TRUE(opens(key));
    each_forgery(key.sealed, [&] {
      ASSERT_FALSE(opens(kept_instead(key))) << key.name;
      ++forgeries;
    });
    for (std::uint8_t& byte : key.identity) {
      const std::uint8_t sound = byte;
      byte = static_cast<std::uint8_t>(~sound);
      ASSERT_FALSE(opens(kept_instead(key))) << key.name;
      byte = sound;
    }
  }
  EXPECT_GT(forgeries, 1'000U);
}

TEST_F(ForgedVault, OpensNoPrivateKeyInAnothersPlace) {
  const std::vector<StoredKey> keys = software_keys();
  for (const StoredKey& to : keys) {
    for (const StoredKey& from : keys) {
      StoredKey forged = to;
      forged.sealed = from.sealed;
      ASSERT_EQ(opens(kept_instead(forged)), to.name == from.name) << from.name << " as " << to.name;
    }
  }
}

TEST_F(ForgedVault, IsOpenedByNoKeyslotOfWhichAByteWasChanged) {
  const std::vector<Keyslot> slots = vault_.slots();
  const auto kept = [&](const Keyslot& forged) {
    std::vector<Keyslot> added{forged};
    vault_.add_slots(added);
    const Keyslot out = vault_.slots().back();
    vault_.remove_slot(out.id);
    return out;
  };
  const auto opens = [&](const Keyslot& forged) {
    try {
      const Keyslot slot = kept(forged);
      return VaultKey::unwrap(slot, slot_key_of(slot)).has_value();
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == Errc::malformed || error.code() == Errc::too_large) << error.what();
      return false;
    }
  };
  for (Keyslot slot : slots) {
    ASSERT_TRUE(opens(slot));
    each_forgery(slot.wrapped, [&] { ASSERT_FALSE(opens(slot)); });
    each_forgery(slot.parameters, [&] { ASSERT_FALSE(opens(slot)); });
  }
}

}  // namespace
}  // namespace fob
