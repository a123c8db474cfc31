// Version 1 of the vault's file: references to keys on tokens, no vault key. Its format is in docs/vault.md.
#include "agent/vault/vault_rows.h"
#include "agent/vault/vault_schema.h"
#include "protocol/error.h"

namespace fob::vault_schema {
namespace {

Digest digest_1_of(const StoredKey& key, ByteView public_key) {
  Writer fields;
  fields.string("fob stored key 1").string(key.name).string(key.comment).string(public_key).string(key.key_handle);
  fields.u8(key.sk_flags).string(key.provider).string(key.token).u64(key.created);
  return digest_of(fields.bytes());
}

/// The current row of the SELECT in keys_of_version_1.
StoredKey read_key_1(const sqlite::Statement& row, Tally& tally) {
  StoredKey out;
  out.identity = StoredKey::new_identity();
  out.name = row.text(0);
  out.comment = row.text(1);
  const Bytes public_key = row.blob(2);
  out.key_handle = row.blob(3);
  out.sk_flags = static_cast<std::uint8_t>(row.integer(4));
  out.provider = row.text(5);
  out.token = row.text(6);
  out.created = static_cast<std::uint64_t>(row.integer(7));
  const Digest digest = digest_1_of(out, public_key);
  // Also of the integers as they are, not as they were cut to size.
  if (row.integer(4) != out.sk_flags || !equal(row.blob(8), digest)) {
    throw Error(Errc::malformed, "a key does not fit its digest");
  }
  out.public_key = PublicKey::parse(public_key);
  out.holder = is_sk(out.public_key.kind) ? StoredKey::Holder::fido : StoredKey::Holder::pkcs11;
  vault_rows::check(out);
  tally.add(digest);
  return out;
}

/// The same; what cannot be believed means that the file is damaged.
StoredKey believed(const sqlite::Database& database, const sqlite::Statement& row, Tally& tally) {
  std::string fault;
  try {
    return read_key_1(row, tally);
  } catch (const Error& error) {
    fault = error.what();
  }
  database.fail_damaged(fault);
}

std::vector<StoredKey> keys_of_version_1(const sqlite::Database& database) {
  std::vector<StoredKey> out;
  Tally found;
  sqlite::Statement select(database,
                           "SELECT name, comment, public_key, key_handle, sk_flags, provider, token, created, digest "
                           "FROM keys ORDER BY id");
  while (select.step()) out.push_back(believed(database, select, found));
  sqlite::Statement contents(database, "SELECT key_count, digest FROM contents");
  if (!contents.step()) database.fail_damaged("its table of contents is empty");
  if (found != Tally::read(database, contents, 0)) database.fail_damaged("it holds other keys than were added");
  return out;
}

}  // namespace

void migrate_from_1(sqlite::Database& database) {
  const std::vector<StoredKey> keys = keys_of_version_1(database);
  database.run("DROP TABLE keys");
  database.run("DROP TABLE contents");
  create(database);
  Contents contents;
  for (const StoredKey& key : keys) contents.keys.add(vault_rows::insert(database, key));
  contents.write(database);
}

}  // namespace fob::vault_schema
