#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/vault/keyslot.h"
#include "agent/vault/sqlite.h"
#include "agent/vault/stored_key.h"
#include "agent/vault/vault_path.h"

namespace fob {

/// The vault on disk: keys and keyslots in one SQLite file (docs/vault.md).
///
/// One process at a time: from open() on nobody else can read or write it. What a call changed is on the disk when it
/// returns. Where it throws, nothing was changed, but for one case: after Errc::system the change may have been made,
/// for all that failed may be to make sure that it lasts. Discard the object then, and read anew what there is.
/// Each call blocks for as long as the disk takes.
/// Threads: any, one at a time. Fork: a child must not use it, nor the parent one from before.
/// Errors: malformed (damaged: no key of a damaged vault is ever returned), refused (in use, not ours, of a newer
/// fob), system.
class VaultFile {
 public:
  enum class Create { no, yes };

  /// Nothing where there is no file, and Create::no. A file of an older fob is brought up to date, wholly or not at
  /// all.
  static std::optional<VaultFile> open(const std::string& path, Create create);

  /// All keys, in the order in which they were added.
  std::vector<StoredKey> keys();
  /// By id.
  std::vector<Keyslot> slots();

  /// Adds a key, and with it the first slots of a vault. Throws refused where name, identity or public key is there
  /// already, where `first_slots` are not the first, or where no slot would open a key of Holder::vault; malformed
  /// where its fields do not fit its holder; too_large.
  void add(const StoredKey& key, const std::vector<Keyslot>& first_slots = {});
  /// Throws not_found.
  void remove(const std::string& name);
  /// Gives the key `name` the name, comment, policy and services of `said`; all else of it stays. Throws not_found;
  /// refused where another key has the new name; malformed, too_large as add().
  void change(const std::string& name, const StoredKey& said);
  /// All or none; gives them their ids. Throws too_large over limits::keyslots.
  void add_slots(std::vector<Keyslot>& slots);
  /// Throws not_found; refused for the last one.
  void remove_slot(std::uint32_t id);

  /// The file as it is: a backup. Throws too_large over limits::vault_file_bytes.
  Bytes image();

  /// Puts the file at `backup` in the place of the one at `path`, where none is open, and keeps that one as
  /// PATH.replaced. Nothing is replaced unless the backup is a sound vault; at every moment one of the two is there.
  /// Returns how many keys the backup holds.
  static std::size_t restore(const std::string& path, const std::string& backup);

 private:
  explicit VaultFile(sqlite::Database database) : database_(std::move(database)) {}

  sqlite::Database database_;
};

}  // namespace fob
