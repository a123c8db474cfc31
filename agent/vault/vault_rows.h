#pragma once

#include "agent/vault/keyslot.h"
#include "agent/vault/stored_key.h"
#include "agent/vault/vault_schema.h"

/// The rows of the vault's file (docs/vault.md): each with a digest, and believed only where everything in it fits.
///
/// Errors of what reads: malformed, the file is damaged.
namespace fob::vault_rows {

using vault_schema::Digest;
using vault_schema::Tally;

/// Throws malformed where the fields do not fit each other, as a private key in the vault with a key handle of a
/// token; too_large.
void check(const StoredKey& key);
void check(const Keyslot& slot);

/// All rows, added to `tally` as they are found.
std::vector<StoredKey> read_keys(const sqlite::Database& database, Tally& tally);
std::vector<Keyslot> read_slots(const sqlite::Database& database, Tally& tally);
/// The digest of one row. Throws not_found.
Digest find_slot(const sqlite::Database& database, std::uint32_t id);

/// What was checked; returns the row's digest. Ids of keys are given by SQLite, of slots they are there.
Digest insert(const sqlite::Database& database, const StoredKey& key);
Digest insert(const sqlite::Database& database, const Keyslot& slot);
/// The key `name`, and the digest of its row. Throws not_found.
StoredKey read_key(const sqlite::Database& database, const std::string& name, Digest& digest);
/// Writes name, comment, policy and services of what was checked into the row of the key `name`, of which all else is
/// the same; returns the row's digest.
Digest update(const sqlite::Database& database, const std::string& name, const StoredKey& key);

}  // namespace fob::vault_rows
