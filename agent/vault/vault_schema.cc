#include "agent/vault/vault_schema.h"

#include <sodium.h>
#include <sqlite3.h>

#include <algorithm>

#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob::vault_schema {
namespace {

static_assert(std::tuple_size_v<Digest> == crypto_hash_sha256_BYTES);

/// "fob\0": tells SQLite files apart (file(1)).
constexpr std::int64_t application_id = 0x666f6200;

constexpr char create_contents[] =
    "CREATE TABLE contents (\n"
    "  id INTEGER PRIMARY KEY CHECK (id = 1),\n"
    "  key_count INTEGER NOT NULL,\n"
    "  key_digest BLOB NOT NULL,\n"
    "  slot_count INTEGER NOT NULL,\n"
    "  slot_digest BLOB NOT NULL\n"
    ") STRICT";
constexpr char create_keys[] =
    "CREATE TABLE keys (\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  identity BLOB NOT NULL UNIQUE,\n"
    "  name TEXT NOT NULL UNIQUE,\n"
    "  comment TEXT NOT NULL,\n"
    "  public_key BLOB NOT NULL UNIQUE,\n"
    "  holder INTEGER NOT NULL,\n"
    "  key_handle BLOB NOT NULL,\n"
    "  sealed BLOB NOT NULL,\n"
    "  sk_flags INTEGER NOT NULL,\n"
    "  provider TEXT NOT NULL,\n"
    "  token TEXT NOT NULL,\n"
    "  created INTEGER NOT NULL,\n"
    "  confirm INTEGER NOT NULL,\n"
    "  services BLOB NOT NULL,\n"
    "  digest BLOB NOT NULL\n"
    ") STRICT";
constexpr char create_keyslots[] =
    "CREATE TABLE keyslots (\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  kind INTEGER NOT NULL,\n"
    "  name TEXT NOT NULL,\n"
    "  created INTEGER NOT NULL,\n"
    "  parameters BLOB NOT NULL,\n"
    "  wrapped BLOB NOT NULL,\n"
    "  digest BLOB NOT NULL\n"
    ") STRICT";

/// The tables of version 1, which held references to keys on tokens only.
constexpr char create_contents_1[] =
    "CREATE TABLE contents (\n"
    "  id INTEGER PRIMARY KEY CHECK (id = 1),\n"
    "  key_count INTEGER NOT NULL,\n"
    "  digest BLOB NOT NULL\n"
    ") STRICT";
constexpr char create_keys_1[] =
    "CREATE TABLE keys (\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  name TEXT NOT NULL UNIQUE,\n"
    "  comment TEXT NOT NULL,\n"
    "  public_key BLOB NOT NULL UNIQUE,\n"
    "  key_handle BLOB NOT NULL,\n"
    "  sk_flags INTEGER NOT NULL,\n"
    "  provider TEXT NOT NULL,\n"
    "  token TEXT NOT NULL,\n"
    "  created INTEGER NOT NULL,\n"
    "  digest BLOB NOT NULL\n"
    ") STRICT";

/// The tables' SQL in the order of their names.
std::string schema_of(std::int64_t wanted_version) {
  std::string out = wanted_version == 1 ? create_contents_1 : create_contents;
  out.append(";").append(wanted_version == 1 ? create_keys_1 : create_keys);
  if (wanted_version > 1) out.append(";").append(create_keyslots);
  return out;
}

std::int64_t check_version(sqlite::Database& database, const std::string& path) {
  const std::int64_t id = database.integer("PRAGMA application_id");
  const std::int64_t found = database.integer("PRAGMA user_version");
  if (id != application_id) throw Error(Errc::malformed, path + " is not a vault of fob's; name another");
  if (found > version) {
    throw Error(Errc::refused, path + " was written by a newer fob (version " + std::to_string(found) +
                                   ", this one knows " + std::to_string(version) + "): use that one");
  }
  if (found < 1) database.fail_damaged("its version is " + std::to_string(found));
  return found;
}

}  // namespace

Digest digest_of(ByteView fields) {
  Digest out{};
  crypto_hash_sha256(out.data(), fields.data(), fields.size());
  return out;
}

Tally Tally::read(const sqlite::Database& database, const sqlite::Statement& row, int first_column) {
  Tally out;
  out.count = row.integer(first_column);
  const Bytes digest = row.blob(first_column + 1);
  if (out.count < 0) database.fail_damaged("its table of contents counts " + std::to_string(out.count));
  if (digest.size() != out.digest.size()) database.fail_damaged("its table of contents has no digest");
  std::copy(digest.begin(), digest.end(), out.digest.begin());
  return out;
}

void Tally::change(const Digest& row, std::int64_t by) {
  count += by;
  for (std::size_t i = 0; i < digest.size(); ++i) digest[i] ^= row[i];
}

Contents Contents::read(const sqlite::Database& database) {
  sqlite::Statement select(database, "SELECT key_count, key_digest, slot_count, slot_digest FROM contents");
  if (!select.step()) database.fail_damaged("its table of contents is empty");
  return {Tally::read(database, select, 0), Tally::read(database, select, 2)};
}

void Contents::write(const sqlite::Database& database) const {
  sqlite::Statement update(database,
                           "UPDATE contents SET key_count = ?, key_digest = ?, slot_count = ?, slot_digest = ?");
  update.bind(keys.count).bind(ByteView(keys.digest)).bind(slots.count).bind(ByteView(slots.digest)).step();
  if (sqlite3_changes(database.handle()) != 1) database.fail_damaged("its table of contents is empty");
}

Bytes new_file() {
  sqlite::Database database = sqlite::Database::in_memory();
  database.run("PRAGMA page_size = 4096");
  database.run("PRAGMA application_id = " + std::to_string(application_id));
  create(database);
  return database.image();
}

void create(sqlite::Database& database) {
  database.run("PRAGMA user_version = " + std::to_string(version));
  for (const char* table : {create_contents, create_keys, create_keyslots}) database.run(table);
  sqlite::Statement insert(database, "INSERT INTO contents VALUES (1, 0, ?, 0, ?)");
  const Digest none{};
  insert.bind(ByteView(none)).bind(ByteView(none)).step();
}

void set_up(sqlite::Database& database) {
  for (const int feature : {SQLITE_DBCONFIG_TRUSTED_SCHEMA, SQLITE_DBCONFIG_ENABLE_TRIGGER, SQLITE_DBCONFIG_ENABLE_VIEW,
                            SQLITE_DBCONFIG_WRITABLE_SCHEMA}) {
    sqlite3_db_config(database.handle(), feature, 0, nullptr);
  }
  sqlite3_db_config(database.handle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_limit(database.handle(), SQLITE_LIMIT_LENGTH, limits::stored_value_bytes);
  database.run("PRAGMA cell_size_check = ON");
  // Not fob's; setting another mode would change it.
  if (database.text("PRAGMA journal_mode") == "wal") database.fail_damaged("it has a write-ahead log");
  // A mapped file that somebody truncates would end the agent by SIGBUS.
  database.run("PRAGMA mmap_size = 0");
  database.run("PRAGMA temp_store = MEMORY");
  // What is removed is overwritten with zeros, in the file and, by truncating it, in the journal.
  database.run("PRAGMA secure_delete = ON");
  // Before the other: an exclusive lock would have the journal of a crash, which this rolls back, stay with its
  // contents.
  database.run("PRAGMA journal_mode = TRUNCATE");
  database.run("PRAGMA locking_mode = EXCLUSIVE");
  database.run("PRAGMA synchronous = FULL");
}

std::int64_t check(sqlite::Database& database, const std::string& path) {
  const std::int64_t found = check_version(database, path);
  const std::string schema = "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema ORDER BY name)";
  if (database.text(schema) != schema_of(found)) database.fail_damaged("its tables are not fob's");
  if (sqlite3_db_readonly(database.handle(), "main") != 0) database.fail_damaged("its head forbids writing");
  // Not quick_check, which does not look whether an index is one of its table: by it keys are found.
  const std::string fault = database.text("PRAGMA integrity_check(1)");
  if (fault != "ok") database.fail_damaged(fault);
  return found;
}

}  // namespace fob::vault_schema
