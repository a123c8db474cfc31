// Vaults of which is known what they hold, private keys included.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "agent/vault/vault_file.h"
#include "agent/vault/vault_key.h"

namespace fob::faults {

/// Key `number`, always the same: by turns in the vault (Ed25519), on a FIDO2 token and on a PKCS#11 token. From
/// `changed` on: key `number - changed` under another name, with other notes.
inline constexpr int changed = 100;
StoredKey known_key(int number, const VaultKey& vault_key);

/// The slots that can be known: "paper", "spare" (recovery codes), "token" (FIDO2), "word" (a passphrase, cheap to
/// try).
Keyslot known_slot(const std::string& name, const VaultKey& vault_key);
/// Nothing where it does not open as it should.
std::optional<VaultKey> open_known_slot(const Keyslot& slot);

/// A line for each key and each slot, with everything that a person would miss: the private key too.
using Contents = std::set<std::string>;

Contents known_contents(const std::vector<int>& keys, const std::vector<std::string>& slots);
/// What the file holds; every slot is opened, and by it every key. A line about what does not open says so.
/// Throws what VaultFile throws.
Contents contents_of(VaultFile& file);

}  // namespace fob::faults
