#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "agent/vault/vault_file.h"
#include "agent/vault/vault_key.h"
#include "tests/unit/vault/quick_dir.h"

namespace fob {

/// A vault of every sort of key, with a passphrase's slot and a recovery code's, and what becomes of copies of it.
class DamagedVault : public testing::Test {
 protected:
  DamagedVault();

  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }
  void flip(std::string& contents, std::size_t at) { contents[at] ^= static_cast<char>(1U << below(8)); }

  /// Opens the file, reads all of it, opens what is sealed and makes a change. Empty where there was an Error with the
  /// file's name, or no effect; else what was wrong.
  std::string verdict();
  /// The same with these contents, beside no journal.
  std::string verdict_on(const std::string& contents);

  /// The slot key of either slot. Throws what reading its parameters does.
  static SecretBytes slot_key_of(const Keyslot& slot);

  const unsigned seed_ = std::random_device()();
  std::mt19937 random_{seed_};
  const QuickDir directory_;
  const std::string path_ = directory_.file("fob/vault.db");
  const VaultKey key_ = VaultKey::random();
  std::size_t harmless_ = 0;  ///< verdicts that found all that there should be

 private:
  std::string verdict_on_secrets(const std::vector<StoredKey>& keys, const std::vector<Keyslot>& slots) const;
  std::string verdict_on_a_change(VaultFile& vault, const std::vector<StoredKey>& keys);

  std::vector<std::string> keys_;
  std::vector<std::string> slots_;
  std::vector<SecretBytes> secrets_;
};

}  // namespace fob
