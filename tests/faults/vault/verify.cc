// What an operation left.
#include <algorithm>
#include <filesystem>

#include "protocol/error.h"
#include "tests/daemon/temp_dir.h"
#include "tests/faults/vault/operations.h"

namespace fob::faults {
namespace {

/// "key key3" of a line.
std::string title(const std::string& line) { return line.substr(0, line.find(' ', line.find(' ') + 1)); }

std::string state_of(const Operation& operation, const std::string& path) {
  VaultFile file = open_vault(path);
  return compare(operation, contents_of(file));
}

std::string verify_made(const Operation& operation, const Places& places) {
  std::optional<VaultFile> file = VaultFile::open(places.vault, VaultFile::Create::no);
  if (!file) return "old";
  const Contents found = contents_of(*file);
  return found.empty() ? "old" : compare(operation, found);
}

/// What version 1 has, in the words of both.
std::vector<std::string> first_version_of(const std::string& path) {
  const sqlite::Database database = sqlite::Database::open(path);
  sqlite::Statement row(database,
                        "SELECT name, comment, public_key, key_handle, sk_flags, provider, token, created "
                        "FROM keys ORDER BY id");
  std::vector<std::string> out;
  while (row.step()) {
    Writer line;
    line.string(row.text(0)).string(row.text(1)).string(row.blob(2)).string(row.blob(3));
    line.u8(static_cast<std::uint8_t>(row.integer(4))).string(row.text(5)).string(row.text(6));
    line.u64(static_cast<std::uint64_t>(row.integer(7)));
    out.emplace_back(as_text(line.bytes()));
  }
  return out;
}

std::vector<std::string> first_version_of(const std::vector<StoredKey>& keys) {
  std::vector<std::string> out;
  for (const StoredKey& key : keys) {
    Writer line;
    line.string(key.name).string(key.comment).string(key.public_key.blob).string(key.key_handle).u8(key.sk_flags);
    line.string(key.provider).string(key.token).u64(key.created);
    out.emplace_back(as_text(line.bytes()));
  }
  return out;
}

/// Of a copy: opening the file itself is to roll back what must be, and to migrate.
std::int64_t version_at(const std::string& path) {
  const std::string copy = path + ".copy";
  const std::string journal = "-journal";
  std::filesystem::copy_file(path, copy, std::filesystem::copy_options::overwrite_existing);
  if (exists(path + journal)) std::filesystem::copy_file(path + journal, copy + journal);
  return sqlite::Database::open(copy).integer("PRAGMA user_version");
}

std::string verify_migrated(const Places& places) {
  const std::int64_t version = version_at(places.vault);
  VaultFile file = open_vault(places.vault);
  if (!file.slots().empty()) return "half: there are slots that nobody made";
  const std::vector<std::string> wanted = first_version_of(places.original);
  if (wanted.empty() || first_version_of(file.keys()) != wanted) return "lost: other keys than before";
  return version == 1 ? "old" : "new";
}

std::string verify_backup(const Operation& operation, const Places& places) {
  if (const std::string state = state_of(operation, places.vault); state != "new") return "lost: the vault: " + state;
  if (!exists(places.backup)) return operation.before.keys.empty() ? "old" : "lost: there is no backup any more";
  const std::string elsewhere = places.data + "/elsewhere/vault.db";
  VaultFile::restore(elsewhere, places.backup);
  return state_of(operation, elsewhere);
}

std::string verify_restored(const Operation& operation, const Places& places) {
  const std::string state = state_of(operation, places.vault);
  if (state != "new") return state;
  const std::string kept = state_of(operation, places.replaced);
  return kept == "old" ? "new" : "lost: what was replaced is " + kept;
}

std::string state_by_kind(const Operation& operation, const Places& places) {
  if (operation.name == "make") return verify_made(operation, places);
  if (operation.name == "migrate") return verify_migrated(places);
  if (operation.backs_up()) return verify_backup(operation, places);
  if (operation.name.starts_with("restore")) return verify_restored(operation, places);
  return state_of(operation, places.vault);
}

}  // namespace

std::string compare(const Operation& operation, const Contents& found) {
  const Contents before = operation.before.contents();
  const Contents after = operation.after.contents();
  if (found == before) return "old";
  if (found == after) return "new";
  for (const std::string& line : before) {
    if (after.contains(line) && !found.contains(line)) return "lost: " + title(line) + " is not as it was";
  }
  for (const std::string& line : found) {
    if (!before.contains(line) && !after.contains(line)) return "half: there is " + title(line);
  }
  return "half: " + std::to_string(found.size()) + " keys and slots";
}

std::string verify(const Operation& operation, const Places& places) {
  std::string state;
  try {
    state = state_by_kind(operation, places);
  } catch (const Error& error) {
    return std::string("lost: ") + error.what();
  }
  const std::string seen = read_file(places.seen);
  const bool may_go_on = seen.empty() || seen == "nothing" || seen == state;
  return may_go_on ? state : "half: the process that went on saw " + seen + ", the file is " + state;
}

}  // namespace fob::faults
