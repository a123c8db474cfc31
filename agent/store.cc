#include "agent/store.h"

#include <sodium.h>
#include <sqlite3.h>

#include <array>
#include <limits>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/wire.h"

namespace fob {
namespace {

/// "fob\0": tells SQLite files apart (file(1)).
constexpr std::int64_t application_id = 0x666f6200;
constexpr std::int64_t schema_version = 1;

/// All variable parts of one key together; a key handle has some 64 to 300 bytes, at most 1,024.
constexpr std::size_t key_bytes = 64 * 1024;
/// Any one value that SQLite handles, so that a damaged length does not make it allocate a gigabyte.
constexpr int value_bytes = 256 * 1024;

constexpr char create_contents[] =
    "CREATE TABLE contents (\n"
    "  id INTEGER PRIMARY KEY CHECK (id = 1),\n"
    "  key_count INTEGER NOT NULL,\n"
    "  digest BLOB NOT NULL\n"
    ") STRICT";
constexpr char create_keys[] =
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
constexpr char key_columns[] = "name, comment, public_key, key_handle, sk_flags, provider, token, created, digest";

using Digest = std::array<std::uint8_t, crypto_hash_sha256_BYTES>;

/// Over every field, so that no damaged key is taken for a sound one.
Digest digest_of(const StoredKey& key, ByteView public_key) {
  Writer fields;
  fields.string("fob stored key 1").string(key.name).string(key.comment).string(public_key).string(key.key_handle);
  fields.u8(key.sk_flags).string(key.provider).string(key.token).u64(key.created);
  Digest out{};
  crypto_hash_sha256(out.data(), fields.bytes().data(), fields.bytes().size());
  return out;
}

/// How many keys there should be, and the XOR of their digests: so that none can be missing unnoticed.
struct Contents {
  std::int64_t key_count = 0;
  Digest digest{};

  void count(const Digest& key, std::int64_t change) {
    key_count += change;
    for (std::size_t i = 0; i < digest.size(); ++i) digest[i] ^= key[i];
  }
  bool operator==(const Contents&) const = default;

  static Contents read(const sqlite::Database& database) {
    sqlite::Statement select(database, "SELECT key_count, digest FROM contents");
    if (!select.step()) database.fail_damaged("its table of contents is empty");
    Contents out{select.integer(0), {}};
    const Bytes digest = select.blob(1);
    if (digest.size() != out.digest.size()) database.fail_damaged("its table of contents has no digest");
    std::copy(digest.begin(), digest.end(), out.digest.begin());
    return out;
  }
  void write(const sqlite::Database& database) const {
    sqlite::Statement update(database, "UPDATE contents SET key_count = ?, digest = ?");
    update.bind(key_count).bind(ByteView(digest)).step();
    if (sqlite3_changes(database.handle()) != 1) database.fail_damaged("its table of contents is empty");
  }
};

Bytes new_store() {
  sqlite::Database database = sqlite::Database::in_memory();
  database.run("PRAGMA page_size = 4096");
  database.run("PRAGMA application_id = " + std::to_string(application_id));
  database.run("PRAGMA user_version = " + std::to_string(schema_version));
  database.run(create_contents);
  database.run(create_keys);
  sqlite::Statement insert(database, "INSERT INTO contents VALUES (1, 0, ?)");
  const Digest none{};
  insert.bind(ByteView(none)).step();
  return database.image();
}

/// Nothing that is in the file can make SQLite run more than fob's own statements.
void distrust_contents(const sqlite::Database& database) {
  for (const int feature : {SQLITE_DBCONFIG_TRUSTED_SCHEMA, SQLITE_DBCONFIG_ENABLE_TRIGGER, SQLITE_DBCONFIG_ENABLE_VIEW,
                            SQLITE_DBCONFIG_WRITABLE_SCHEMA}) {
    sqlite3_db_config(database.handle(), feature, 0, nullptr);
  }
  sqlite3_db_config(database.handle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_limit(database.handle(), SQLITE_LIMIT_LENGTH, value_bytes);
}

void set_up(sqlite::Database& database) {
  distrust_contents(database);
  database.run("PRAGMA cell_size_check = ON");
  // A mapped file that somebody truncates would end the agent by SIGBUS.
  database.run("PRAGMA mmap_size = 0");
  database.run("PRAGMA temp_store = MEMORY");
  // What is removed is overwritten with zeros, in the file and, by truncating it, in the journal.
  database.run("PRAGMA secure_delete = ON");
  database.run("PRAGMA locking_mode = EXCLUSIVE");
  database.run("PRAGMA journal_mode = TRUNCATE");
  database.run("PRAGMA synchronous = FULL");
}

void check_version(sqlite::Database& database, const std::string& path) {
  const std::int64_t id = database.integer("PRAGMA application_id");
  const std::int64_t version = database.integer("PRAGMA user_version");
  if (id != application_id) throw Error(Errc::malformed, path + " is not a store of fob's; name another");
  if (version > schema_version) {
    throw Error(Errc::refused, path + " was written by a newer fob (version " + std::to_string(version) +
                                   ", this one knows " + std::to_string(schema_version) + "): use that one");
  }
  if (version != schema_version) database.fail_damaged("its version is " + std::to_string(version));
}

void check_form(sqlite::Database& database) {
  std::string wanted = create_contents;
  wanted += ';';
  wanted += create_keys;
  const std::string schema = "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema ORDER BY name)";
  if (database.text(schema) != wanted) database.fail_damaged("its tables are not fob's");
  const std::string fault = database.text("PRAGMA quick_check(1)");
  if (fault != "ok") database.fail_damaged(fault);
}

bool exists(const sqlite::Database& database, std::string_view query, std::string_view value) {
  return sqlite::Statement(database, query).bind(value).step();
}

/// The current row of a SELECT of key_columns, and its digest if it is right.
StoredKey read_key(const sqlite::Database& database, const sqlite::Statement& row, Digest& digest) {
  StoredKey out;
  out.name = row.text(0);
  out.comment = row.text(1);
  const Bytes public_key = row.blob(2);
  out.key_handle = row.blob(3);
  out.sk_flags = static_cast<std::uint8_t>(row.integer(4));
  out.provider = row.text(5);
  out.token = row.text(6);
  out.created = static_cast<std::uint64_t>(row.integer(7));
  digest = digest_of(out, public_key);
  // Also of the integers as they are, not as they were cut to size.
  if (row.integer(4) != out.sk_flags || !equal(row.blob(8), digest))
    database.fail_damaged("a key does not fit its digest");
  out.public_key = PublicKey::parse(public_key);
  return out;
}

void check_size(const StoredKey& key) {
  const std::size_t size = key.name.size() + key.comment.size() + key.public_key.blob.size() + key.key_handle.size() +
                           key.provider.size() + key.token.size();
  if (size > key_bytes) {
    throw Error(Errc::too_large, "a key of " + std::to_string(size) + " bytes is too large to keep, at most " +
                                     std::to_string(key_bytes) + " are allowed");
  }
  if (key.created > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    throw Error(Errc::too_large, "a key's time of creation is out of range");
  }
}

void check_is_new(const sqlite::Database& database, const StoredKey& key) {
  if (exists(database, "SELECT 1 FROM keys WHERE name = ?", key.name)) {
    throw Error(Errc::refused, "there is a key named " + key.name + " already: choose another name, or remove it");
  }
  sqlite::Statement same(database, "SELECT name FROM keys WHERE public_key = ?");
  if (same.bind(ByteView(key.public_key.blob)).step()) {
    throw Error(Errc::refused, "this key is kept already, under the name " + same.text(0));
  }
}

}  // namespace

std::optional<Store> Store::open(const std::string& path, Create create) {
  const std::optional<std::string> file =
      create == Create::yes ? find_or_make_store_file(path, new_store) : find_store_file(path);
  if (!file) return std::nullopt;
  Store out(sqlite::Database::open(*file));
  set_up(out.database_);
  // The lock that this takes is kept: see locking_mode.
  sqlite::Transaction reading(out.database_);
  check_version(out.database_, *file);
  check_form(out.database_);
  reading.commit();
  return out;
}

std::vector<StoredKey> Store::keys() {
  std::vector<StoredKey> out;
  Contents found;
  sqlite::Statement select(database_, "SELECT " + std::string(key_columns) + " FROM keys ORDER BY id");
  while (select.step()) {
    Digest digest{};
    out.push_back(read_key(database_, select, digest));
    found.count(digest, 1);
  }
  const Contents wanted = Contents::read(database_);
  if (found != wanted) {
    database_.fail_damaged("it holds " + std::to_string(found.key_count) + " keys, wanted " +
                           std::to_string(wanted.key_count) + ", or others than were added");
  }
  return out;
}

void Store::add(const StoredKey& key) {
  check_size(key);
  sqlite::Transaction transaction(database_);
  check_is_new(database_, key);
  Contents contents = Contents::read(database_);
  if (contents.key_count >= static_cast<std::int64_t>(limits::keys)) {
    throw Error(Errc::too_large, "the store is full: at most " + std::to_string(limits::keys) + " keys are kept");
  }
  const Digest digest = digest_of(key, key.public_key.blob);
  sqlite::Statement insert(database_,
                           "INSERT INTO keys (" + std::string(key_columns) + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  insert.bind(key.name).bind(key.comment).bind(ByteView(key.public_key.blob)).bind(ByteView(key.key_handle));
  insert.bind(std::int64_t{key.sk_flags}).bind(key.provider).bind(key.token);
  insert.bind(static_cast<std::int64_t>(key.created)).bind(ByteView(digest)).step();
  contents.count(digest, 1);
  contents.write(database_);
  transaction.commit();
}

void Store::remove(const std::string& name) {
  sqlite::Transaction transaction(database_);
  Digest digest{};
  {
    sqlite::Statement select(database_, "SELECT " + std::string(key_columns) + " FROM keys WHERE name = ?");
    if (!select.bind(name).step()) throw Error(Errc::not_found, "no kept key is named " + name);
    read_key(database_, select, digest);
  }
  sqlite::Statement(database_, "DELETE FROM keys WHERE name = ?").bind(name).step();
  if (sqlite3_changes(database_.handle()) != 1) database_.fail_damaged("a key could not be removed");
  Contents contents = Contents::read(database_);
  contents.count(digest, -1);
  contents.write(database_);
  transaction.commit();
}

}  // namespace fob
