#include "agent/vault/vault_file.h"
#include "agent/vault/vault_schema.h"
#include "protocol/error.h"

namespace fob {
namespace {

/// The vault at `path` for this process alone, as long as what is returned lives. Nothing where there is none, or
/// where it does not open: a damaged one can be replaced. Throws refused where another process has it.
std::optional<sqlite::Database> lock_out_others(const std::string& path) {
  const std::optional<std::string> file = find_vault_file(path);
  if (!file) return std::nullopt;
  try {
    sqlite::Database out = sqlite::Database::open(*file);
    vault_schema::set_up(out);
    // Rolled back, for a commit would make a database of an empty file; the lock is kept: see locking_mode.
    std::make_optional<sqlite::Transaction>(out).reset();
    return out;
  } catch (const Error& error) {
    // SQLite looks for locks before it looks at contents.
    if (error.code() == Errc::malformed) return std::nullopt;
    if (error.code() != Errc::system) throw;
    throw Error(Errc::system, std::string(error.what()) + "; if that stays so, move the file away, then restore");
  }
}

/// Opens the copy of a backup, which brings it up to date, and reads all of it. Returns how many keys there are.
std::size_t inspect(const std::string& copy, const std::string& backup) {
  try {
    VaultFile file = VaultFile::open(copy, VaultFile::Create::no).value();
    file.slots();
    return file.keys().size();
  } catch (const Error& error) {
    if (error.code() == Errc::malformed) {
      throw Error(Errc::malformed, backup + " is damaged, or not a vault; nothing was replaced");
    }
    throw Error(error.code(), "cannot restore " + backup + ": " + error.what());
  }
}

}  // namespace

std::size_t VaultFile::restore(const std::string& path, const std::string& backup) {
  const Bytes contents = read_backup(backup, path);
  const std::optional<sqlite::Database> replaced = lock_out_others(path);
  std::size_t key_count = 0;
  replace_vault_file(path, contents, [&](const std::string& copy) { key_count = inspect(copy, backup); });
  return key_count;
}

}  // namespace fob
