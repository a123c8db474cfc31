// The writes of the vault, each with a fixture that it starts from and the contents that it should end with.
#pragma once

#include <string>
#include <vector>

#include "tests/faults/vault/known_vault.h"

namespace fob::faults {

/// Where things lie in the folder that an operation works in.
struct Places {
  explicit Places(const std::string& folder)
      : data(folder + "/data"),
        vault(folder + "/data/fob/vault.db"),
        replaced(vault + ".replaced"),
        backup(folder + "/backup.db"),
        slot(folder + "/slot"),
        original(folder + "/original.db"),
        seen(folder + "/seen") {}

  std::string data;  ///< XDG_DATA_HOME
  std::string vault;
  std::string replaced;  ///< what restoring keeps of the vault
  std::string backup;
  std::string slot;      ///< a copy of the slot "paper", so that the vault key can be had without opening the file
  std::string original;  ///< what is to be migrated
  std::string seen;      ///< what a process that goes on after an error finds in its VaultFile: "old", "new", "nothing"
};

/// What a vault holds.
struct Known {
  std::vector<int> keys;
  std::vector<std::string> slots;

  Contents contents() const { return known_contents(keys, slots); }
};

struct Operation {
  std::string name;
  Known before;
  Known after;

  /// Then the two are about the backup; the vault is what `after` says, and stays it.
  bool backs_up() const { return name.ends_with("backup"); }
};

const std::vector<Operation>& operations();
/// Throws not_found.
const Operation& find_operation(const std::string& name);

/// Makes the fixture in a folder that is empty.
void prepare(const Operation& operation, const Places& places);

/// Does it between `begin` and `end`: opens the file, changes it, closes it. An Error is passed on, once what the same
/// VaultFile then finds was written to Places::seen.
void carry_out(const Operation& operation, const Places& places, void (*begin)(), void (*end)());

/// "old", "new", "half …" or "lost …".
std::string verify(const Operation& operation, const Places& places);

/// The vault at `path`, which must be there.
VaultFile open_vault(const std::string& path);
/// "old" or "new"; else what is wrong with `found`.
std::string compare(const Operation& operation, const Contents& found);

}  // namespace fob::faults
