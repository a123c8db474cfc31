// The fixtures.
#include <filesystem>

#include "protocol/error.h"
#include "tests/daemon/temp_dir.h"
#include "tests/faults/vault/operations.h"

namespace fob::faults {
namespace {

constexpr auto overwrite = std::filesystem::copy_options::overwrite_existing;

/// All that `known` says, under `vault_key`.
void make_vault(const std::string& path, const Known& known, const VaultKey& vault_key) {
  VaultFile file = std::move(*VaultFile::open(path, VaultFile::Create::yes));
  std::vector<Keyslot> slots;
  for (const std::string& name : known.slots) slots.push_back(known_slot(name, vault_key));
  for (const int number : known.keys) {
    file.add(known_key(number, vault_key), slots);
    slots.clear();
  }
}

void save_slot(const Places& places) {
  for (const Keyslot& slot : open_vault(places.vault).slots()) {
    Writer out;
    out.string(slot.parameters).string(slot.wrapped);
    if (slot.name == "paper") write_file(places.slot, as_text(out.bytes()));
  }
}

void make_backup(const Places& places, const Known& known) {
  const std::string other = places.data + "/fob/other.db";
  make_vault(other, known, VaultKey::random());
  std::filesystem::rename(other, places.backup);
  std::filesystem::remove(other + "-journal");
}

/// As a kill in the middle of a change leaves it: pages of the change in the file, and what they were in the journal.
void leave_journal(const Places& places) {
  const std::string copy = places.vault + ".copy";
  const std::string before = read_file(places.vault);
  {
    sqlite::Database database = sqlite::Database::open(places.vault);
    database.run("PRAGMA journal_mode = TRUNCATE");
    database.run("PRAGMA cache_size = 5");
    database.run("BEGIN EXCLUSIVE");
    database.run("UPDATE keys SET comment = 'lost'");
    database.run("DELETE FROM keys WHERE id % 2 = 0");
    database.run("CREATE TABLE filling (b)");
    for (int i = 0; i < 100; ++i) database.run("INSERT INTO filling VALUES (randomblob(4000))");
    std::filesystem::copy_file(places.vault, copy);
    std::filesystem::copy_file(places.vault + "-journal", copy + "-journal");
    database.run("ROLLBACK");
  }
  std::filesystem::rename(copy, places.vault);
  std::filesystem::rename(copy + "-journal", places.vault + "-journal");
  if (read_file(places.vault) == before) throw Error(Errc::system, "nothing of the change is in " + places.vault);
}

}  // namespace

void prepare(const Operation& operation, const Places& places) {
  std::filesystem::create_directories(places.data + "/fob");
  for (const std::string& folder : {places.data, places.data + "/fob"}) {
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  }
  if (operation.name == "make") {
    std::filesystem::remove_all(places.data);
    return;
  }
  if (operation.name == "migrate") {
    std::filesystem::copy_file(FOB_TEST_DATA "/vault/version1.db", places.vault, overwrite);
    std::filesystem::permissions(places.vault,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    std::filesystem::copy_file(places.vault, places.original, overwrite);
    return;
  }
  make_vault(places.vault, operation.backs_up() ? operation.after : operation.before, VaultKey::random());
  save_slot(places);
  if (operation.name == "replace-backup") make_backup(places, operation.before);
  if (operation.name.starts_with("restore")) make_backup(places, operation.after);
  if (operation.name == "recover" || operation.name == "restore-beside-journal") leave_journal(places);
}

}  // namespace fob::faults
