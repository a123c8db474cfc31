#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "agent/vault/vault_file.h"
#include "agent/vault/vault_key.h"
#include "protocol/error.h"
#include "tests/daemon/temp_dir.h"

namespace fob {

/// A key on a FIDO2 token; each number gives another.
StoredKey stored_key(int number);
/// An Ed25519 key in the vault, sealed under `vault_key`; each number gives another.
StoredKey sealed_key(int number, const VaultKey& vault_key);
/// What sealed_key(number) holds: PrivateKey::secret.
SecretBytes secret_of(int number);

/// A keyslot that `code`, 20 bytes, opens at once: no Argon2.
Keyslot recovery_slot(const VaultKey& vault_key, const SecretBytes& code);
/// Any 20 bytes; each number gives others.
SecretBytes recovery_secret(int number);

/// What can be compared and printed of a key or slot: every field.
std::string description(const StoredKey& key);
std::string description(const Keyslot& slot);
std::vector<std::string> descriptions(const std::vector<StoredKey>& keys);
std::vector<std::string> descriptions(const std::vector<Keyslot>& slots);

/// Opens a vault that must be there, or be made.
VaultFile open_vault(const std::string& path, VaultFile::Create create = VaultFile::Create::yes);
std::vector<std::string> keys_in(const std::string& path);
std::vector<std::string> slots_in(const std::string& path);

/// A vault's file that is not there yet, and a vault key for it.
class VaultFixture : public testing::Test {
 protected:
  using Create = VaultFile::Create;

  VaultFile open(Create create = Create::yes) const { return open_vault(path_, create); }
  /// The Error of opening and reading it all, as `coded` has it; empty: none.
  std::string refusal(Create create = Create::yes) const;
  static std::string coded(Errc code, const std::string& text);
  /// Runs SQL in the file, as somebody with another tool would.
  void run_sql(const std::string& sql) const;

  const TempDir directory_;
  const std::string path_ = directory_.file("data/fob/vault.db");
  const VaultKey key_ = VaultKey::random();
};

}  // namespace fob
