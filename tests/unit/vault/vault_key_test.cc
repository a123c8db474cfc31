#include "agent/vault/vault_key.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "agent/vault/aead.h"
#include "agent/vault/vault_rows.h"
#include "tests/unit/agent/support.h"
#include "tests/unit/vault/support.h"

namespace fob {
namespace {

Bytes hex(std::string_view digits) {
  Bytes out;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(std::stoul(std::string(digits.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

/// NIST CAVP, gcmDecrypt256.rsp: Keylen 256, IVlen 96, PTlen 128, AADlen 128, Taglen 128, count 0.
TEST(Aead, OpensWhatOthersSealed) {
  const SecretBytes key(hex("92e11dcdaa866f5ce790fd24501f92509aacf4cb8b1339d50c9c1240935dd08b"));
  const Bytes associated = hex("1e0889016f67601c8ebea4943bc23ad6");
  const Bytes sealed =
      hex("ac93a1a6145299bde902f21a"
          "8995ae2e6df3dbf96fac7b7137bae67f"
          "eca5aa77d51d4a0a14d9c51e1da474ab");
  const std::optional<SecretBytes> opened = aead_open(key, sealed, associated);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(*opened, SecretBytes(hex("2d71bcfa914e4ac045b2aa60955fad24")));
}

TEST(Aead, OpensNothingThatWasChanged) {
  SecretBytes key(aead_key_bytes);
  const SecretBytes secret(as_bytes("a secret"));
  const Bytes associated = to_bytes(as_bytes("where it is"));
  const Bytes sealed = aead_seal(key, secret.view(), associated);
  EXPECT_EQ(sealed.size(), secret.size() + aead_overhead_bytes);
  EXPECT_EQ(aead_open(key, sealed, associated), secret);
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes changed = sealed;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    EXPECT_FALSE(aead_open(key, changed, associated).has_value()) << bit;
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_FALSE(aead_open(key, ByteView(sealed).first(size), associated).has_value()) << size;
  }
  EXPECT_FALSE(aead_open(key, sealed, {}).has_value());
  key.data()[31] ^= 1;
  EXPECT_FALSE(aead_open(key, sealed, associated).has_value());
}

TEST(Aead, SealsTheEmptyAndNeverTwiceTheSame) {
  const SecretBytes key(aead_key_bytes);
  const Bytes first = aead_seal(key, {}, {});
  EXPECT_EQ(first.size(), aead_overhead_bytes);
  EXPECT_FALSE(equal(first, aead_seal(key, {}, {})));
  const std::optional<SecretBytes> opened = aead_open(key, first, {});
  ASSERT_TRUE(opened.has_value());
  EXPECT_TRUE(opened->empty());
}

/// RFC 5869 appendix A.3: no salt, no info.
TEST(Hkdf, IsThatOfTheRfc) {
  EXPECT_EQ(hkdf(Bytes(22, 0x0b), {}),
            SecretBytes(hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d")));
}

TEST(Hkdf, GivesAnotherKeyForEachPurpose) {
  const Bytes secret(22, 0x0b);
  EXPECT_FALSE(hkdf(secret, as_bytes("a")) == hkdf(secret, as_bytes("b")));
  EXPECT_FALSE(hkdf(secret, as_bytes("a")) == hkdf(Bytes(22, 0x0c), as_bytes("a")));
  EXPECT_EQ(hkdf(secret, as_bytes("a")), hkdf(secret, as_bytes("a")));
}

TEST(VaultKey, OpensWhatItSealed) {
  const VaultKey key = VaultKey::random();
  EXPECT_EQ(key.open(sealed_key(1, key)), secret_of(1));
  EXPECT_EQ(error_of([&] { VaultKey::random().open(sealed_key(1, key)); }), Errc::malformed);
  EXPECT_EQ(error_of([&] { key.open(stored_key(1)); }), Errc::malformed) << "nothing is sealed there";
}

TEST(VaultKey, OpensNoPrivateKeyInAnothersPlace) {
  const VaultKey key = VaultKey::random();
  const StoredKey one = sealed_key(1, key);
  const StoredKey two = sealed_key(2, key);
  StoredKey swapped = one;
  swapped.sealed = two.sealed;
  EXPECT_EQ(error_of([&] { key.open(swapped); }), Errc::malformed);
  StoredKey other_identity = one;
  other_identity.identity = two.identity;
  EXPECT_EQ(error_of([&] { key.open(other_identity); }), Errc::malformed);
  StoredKey other_public_key = one;
  other_public_key.public_key = two.public_key;
  EXPECT_EQ(error_of([&] { key.open(other_public_key); }), Errc::malformed);
  StoredKey renamed = one;
  renamed.name = "another";
  renamed.comment = "another";
  EXPECT_EQ(key.open(renamed), secret_of(1)) << "names may change";
}

TEST(VaultKey, SaysNothingOfTheSecretWhereItDoesNotOpen) {
  const VaultKey key = VaultKey::random();
  try {
    VaultKey::random().open(sealed_key(1, key));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string_view(error.what()).find(as_text(secret_of(1).view().first(4))), std::string_view::npos);
    EXPECT_NE(std::string_view(error.what()).find("key1"), std::string_view::npos) << error.what();
  }
}

TEST(VaultKey, IsWrappedForEachSlotKey) {
  const VaultKey key = VaultKey::random();
  const StoredKey sealed = sealed_key(1, key);
  for (int number = 1; number < 3; ++number) {
    const Keyslot slot = recovery_slot(key, recovery_secret(number));
    EXPECT_EQ(slot.id, 0U);
    EXPECT_EQ(slot.name, "a code");
    EXPECT_EQ(slot.wrapped.size(), 32 + aead_overhead_bytes);
    const RecoveryParameters parameters = RecoveryParameters::read(slot.parameters);
    const std::optional<VaultKey> opened = VaultKey::unwrap(slot, parameters.key(recovery_secret(number)));
    ASSERT_TRUE(opened.has_value());
    EXPECT_EQ(opened->open(sealed), secret_of(1));
    EXPECT_FALSE(VaultKey::unwrap(slot, parameters.key(recovery_secret(number + 1))).has_value());
  }
}

TEST(VaultKey, IsNotUnwrappedFromAChangedSlot) {
  const VaultKey key = VaultKey::random();
  const Keyslot slot = recovery_slot(key, recovery_secret(1));
  const SecretBytes slot_key = RecoveryParameters::read(slot.parameters).key(recovery_secret(1));
  ASSERT_TRUE(VaultKey::unwrap(slot, slot_key).has_value());
  for (const KeyslotKind kind : {KeyslotKind::passphrase, KeyslotKind::fido, KeyslotKind::pkcs11}) {
    Keyslot changed = slot;
    changed.kind = kind;
    EXPECT_FALSE(VaultKey::unwrap(changed, slot_key).has_value());
  }
  for (std::size_t bit = 0; bit < slot.parameters.size() * 8; ++bit) {
    Keyslot changed = slot;
    changed.parameters[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    EXPECT_FALSE(VaultKey::unwrap(changed, slot_key).has_value()) << bit;
  }
  for (std::size_t size = 0; size < slot.wrapped.size(); ++size) {
    Keyslot changed = slot;
    changed.wrapped.resize(size);
    EXPECT_FALSE(VaultKey::unwrap(changed, slot_key).has_value()) << size;
  }
  Keyslot short_key = slot;
  short_key.wrapped = aead_seal(slot_key, as_bytes("not a vault key"), {});
  EXPECT_FALSE(VaultKey::unwrap(short_key, slot_key).has_value());
}

class RowsOfAVault : public VaultFixture {
 protected:
  /// Somebody who can write the file makes all sums right again.
  void repair() const {
    sqlite::Database file = sqlite::Database::open(path_);
    sqlite::Transaction transaction(file);
    vault_schema::Contents contents;
    for (const StoredKey& key : keys_) contents.keys.add(vault_rows::insert(file, key));
    contents.slots = vault_schema::Contents::read(file).slots;
    contents.write(file);
    transaction.commit();
  }

  std::vector<StoredKey> keys_ = {sealed_key(1, key_), sealed_key(2, key_)};
};

TEST_F(RowsOfAVault, ThatWereSwappedDoNotOpen) {
  {
    VaultFile vault = open();
    vault.add(keys_[0], {recovery_slot(key_, recovery_secret(1))});
    vault.add(keys_[1]);
  }
  std::swap(keys_[0].sealed, keys_[1].sealed);
  run_sql("DELETE FROM keys");
  repair();
  for (const StoredKey& key : open().keys()) EXPECT_EQ(error_of([&] { key_.open(key); }), Errc::malformed) << key.name;
  std::swap(keys_[0].sealed, keys_[1].sealed);
  run_sql("DELETE FROM keys");
  repair();
  EXPECT_EQ(key_.open(open().keys().at(1)), secret_of(2)) << "it was the swap";
}

}  // namespace
}  // namespace fob
