#include "agent/vault/vault_file.h"

#include <sqlite3.h>

#include <limits>

#include "agent/vault/vault_rows.h"
#include "agent/vault/vault_schema.h"
#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {
namespace {

using vault_schema::Contents;
using vault_schema::Digest;
using vault_schema::Tally;

void check_tally(const sqlite::Database& database, const char* what, const Tally& found, const Tally& wanted) {
  if (found == wanted) return;
  database.fail_damaged("it holds " + std::to_string(found.count) + " " + what + ", wanted " +
                        std::to_string(wanted.count) + ", or others than were added");
}

void check_name_is_free(const sqlite::Database& database, const std::string& name) {
  if (!sqlite::Statement(database, "SELECT 1 FROM keys WHERE name = ?").bind(name).step()) return;
  throw Error(Errc::refused, "there is a key named " + name + " already: choose another name, or remove it");
}

void check_is_new(const sqlite::Database& database, const StoredKey& key) {
  check_name_is_free(database, key.name);
  sqlite::Statement same(database, "SELECT name FROM keys WHERE public_key = ? OR identity = ?");
  if (same.bind(ByteView(key.public_key.blob)).bind(ByteView(key.identity)).step()) {
    throw Error(Errc::refused, "this key is kept already, under the name " + same.text(0));
  }
}

/// A backup must be able to hold it.
void check_file_size(sqlite::Database& database) {
  const std::int64_t size = database.integer("PRAGMA page_count") * database.integer("PRAGMA page_size");
  if (size <= static_cast<std::int64_t>(limits::vault_file_bytes)) return;
  throw Error(Errc::too_large, "the vault's file would have " + std::to_string(size) + " bytes, at most " +
                                   std::to_string(limits::vault_file_bytes) + " are allowed: remove keys");
}

/// One more than the largest.
std::uint32_t next_slot_id(sqlite::Database& database) {
  const std::int64_t last = database.integer("SELECT ifnull(max(id), 0) FROM keyslots");
  if (last < std::numeric_limits<std::uint32_t>::max()) return static_cast<std::uint32_t>(last) + 1;
  throw Error(Errc::too_large, "there are no more numbers for keyslots: remove the last one");
}

void insert_slots(sqlite::Database& database, std::vector<Keyslot>& slots, Contents& contents) {
  if (slots.size() + static_cast<std::size_t>(contents.slots.count) > limits::keyslots) {
    throw Error(Errc::too_large,
                "a vault has at most " + std::to_string(limits::keyslots) + " keyslots: remove one first");
  }
  for (Keyslot& slot : slots) {
    slot.id = next_slot_id(database);
    vault_rows::check(slot);
    contents.slots.add(vault_rows::insert(database, slot));
  }
}

void check_first_slots(const Contents& contents, const StoredKey& key, const std::vector<Keyslot>& first_slots) {
  if (!first_slots.empty() && contents.slots.count != 0) {
    throw Error(Errc::refused, "the vault has keyslots already: open it with one of them");
  }
  if (key.in_vault() && first_slots.empty() && contents.slots.count == 0) {
    throw Error(Errc::refused, "the vault has no keyslot: nothing would open the key " + key.name);
  }
}

/// What is written to a file that has lost its name is lost with it, and SQLite does not look each time.
void commit(const sqlite::Database& database, sqlite::Transaction& transaction) {
  if (!database.in_place()) {
    throw Error(Errc::system,
                "the vault's file was moved or replaced while it was in use; nothing was changed, try again");
  }
  transaction.commit();
}

}  // namespace

std::optional<VaultFile> VaultFile::open(const std::string& path, Create create) {
  const std::optional<std::string> file =
      create == Create::yes ? find_or_make_vault_file(path, vault_schema::new_file) : find_vault_file(path);
  if (!file) return std::nullopt;
  VaultFile out(sqlite::Database::open(*file));
  vault_schema::set_up(out.database_);
  // The lock that this takes is kept: see locking_mode.
  sqlite::Transaction opening(out.database_);
  // restore() may have come in between.
  if (!out.database_.in_place()) throw Error(Errc::refused, *file + " was replaced while it was opened; try again");
  if (vault_schema::check(out.database_, *file) == 1) vault_schema::migrate_from_1(out.database_);
  opening.commit();
  return out;
}

std::vector<StoredKey> VaultFile::keys() {
  Tally found;
  std::vector<StoredKey> out = vault_rows::read_keys(database_, found);
  check_tally(database_, "keys", found, Contents::read(database_).keys);
  return out;
}

std::vector<Keyslot> VaultFile::slots() {
  Tally found;
  std::vector<Keyslot> out = vault_rows::read_slots(database_, found);
  check_tally(database_, "keyslots", found, Contents::read(database_).slots);
  return out;
}

void VaultFile::add(const StoredKey& key, const std::vector<Keyslot>& first_slots) {
  vault_rows::check(key);
  sqlite::Transaction transaction(database_);
  check_is_new(database_, key);
  Contents contents = Contents::read(database_);
  if (contents.keys.count >= static_cast<std::int64_t>(limits::keys)) {
    throw Error(Errc::too_large, "the vault is full: at most " + std::to_string(limits::keys) + " keys are kept");
  }
  check_first_slots(contents, key, first_slots);
  contents.keys.add(vault_rows::insert(database_, key));
  std::vector<Keyslot> slots = first_slots;
  insert_slots(database_, slots, contents);
  contents.write(database_);
  check_file_size(database_);
  commit(database_, transaction);
}

void VaultFile::remove(const std::string& name) {
  sqlite::Transaction transaction(database_);
  Contents contents = Contents::read(database_);
  Digest digest{};
  vault_rows::read_key(database_, name, digest);
  contents.keys.remove(digest);
  sqlite::Statement(database_, "DELETE FROM keys WHERE name = ?").bind(name).step();
  if (sqlite3_changes(database_.handle()) != 1) database_.fail_damaged("a key could not be removed");
  contents.write(database_);
  commit(database_, transaction);
}

void VaultFile::change(const std::string& name, const StoredKey& said) {
  sqlite::Transaction transaction(database_);
  Contents contents = Contents::read(database_);
  Digest digest{};
  StoredKey key = vault_rows::read_key(database_, name, digest);
  contents.keys.remove(digest);
  key.name = said.name;
  key.comment = said.comment;
  key.confirm = said.confirm;
  key.services = said.services;
  vault_rows::check(key);
  if (key.name != name) check_name_is_free(database_, key.name);
  contents.keys.add(vault_rows::update(database_, name, key));
  contents.write(database_);
  check_file_size(database_);
  commit(database_, transaction);
}

void VaultFile::add_slots(std::vector<Keyslot>& slots) {
  sqlite::Transaction transaction(database_);
  Contents contents = Contents::read(database_);
  insert_slots(database_, slots, contents);
  contents.write(database_);
  check_file_size(database_);
  commit(database_, transaction);
}

void VaultFile::remove_slot(std::uint32_t id) {
  sqlite::Transaction transaction(database_);
  Contents contents = Contents::read(database_);
  contents.slots.remove(vault_rows::find_slot(database_, id));
  if (contents.slots.count < 1) {
    throw Error(Errc::refused, "this is the last keyslot: without it nothing would open the vault; add another first");
  }
  sqlite::Statement(database_, "DELETE FROM keyslots WHERE id = ?").bind(std::int64_t{id}).step();
  if (sqlite3_changes(database_.handle()) != 1) database_.fail_damaged("a keyslot could not be removed");
  contents.write(database_);
  commit(database_, transaction);
}

Bytes VaultFile::image() {
  check_file_size(database_);
  return database_.image();
}

}  // namespace fob
