#include "tests/faults/vault/operations.h"

#include <algorithm>
#include <cstdlib>

#include "cli/file.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "tests/daemon/temp_dir.h"

namespace fob::faults {
namespace {

Known some_vault() {
  Known out{{}, {"paper", "token"}};
  for (int number = 0; number < 21; ++number) out.keys.push_back(number);
  return out;
}

Known with(Known known, const std::vector<int>& keys, const std::vector<std::string>& slots) {
  known.keys.insert(known.keys.end(), keys.begin(), keys.end());
  known.slots.insert(known.slots.end(), slots.begin(), slots.end());
  return known;
}

Known without(Known known, int key, const std::string& slot) {
  std::erase(known.keys, key);
  std::erase(known.slots, slot);
  return known;
}

VaultKey read_vault_key(const Places& places) {
  const Bytes saved = cli::read_file(places.slot, limits::vault_file_bytes);
  Reader in(saved);
  Keyslot slot;
  slot.name = "paper";
  slot.kind = KeyslotKind::recovery;
  slot.parameters = to_bytes(in.string(limits::message_bytes));
  slot.wrapped = to_bytes(in.string(limits::message_bytes));
  std::optional<VaultKey> out = open_known_slot(slot);
  if (!out) throw Error(Errc::malformed, "the slot in " + places.slot + " does not open");
  return std::move(*out);
}

std::vector<Keyslot> known_slots(const std::vector<std::string>& names, const VaultKey& vault_key) {
  std::vector<Keyslot> out;
  for (const std::string& name : names) out.push_back(known_slot(name, vault_key));
  return out;
}

std::uint32_t id_of(VaultFile& file, const std::string& name) {
  for (const Keyslot& slot : file.slots()) {
    if (slot.name == name) return slot.id;
  }
  throw Error(Errc::not_found, "no slot " + name);
}

/// The one change that is made to a VaultFile, with what it needs.
struct Change {
  std::string name;
  StoredKey key;
  std::vector<Keyslot> slots;
  std::string backup;

  void make(VaultFile& file) {
    if (name == "make") file.add(key, slots);
    if (name == "add" || name == "add-again" || name == "recover") file.add(key);
    if (name == "remove") file.remove("key9");
    if (name == "change") file.change("key9", key);
    if (name == "add-slots") file.add_slots(slots);
    if (name == "remove-slot") file.remove_slot(id_of(file, "token"));
    if (name == "backup") cli::put_file(backup, file.image(), false);
    if (name == "replace-backup") cli::put_file(backup, file.image(), true);
  }
};

Change change_of(const Operation& operation, const Places& places) {
  const bool makes = operation.name == "make";
  Change out{operation.name, {}, {}, places.backup};
  if (operation.name == "migrate") return out;
  const VaultKey vault_key = makes ? VaultKey::random() : read_vault_key(places);
  if (!operation.after.keys.empty()) out.key = known_key(operation.after.keys.back(), vault_key);
  if (makes) out.slots = known_slots(operation.after.slots, vault_key);
  if (operation.name == "add-slots") out.slots = known_slots({"spare", "word"}, vault_key);
  return out;
}

std::string found_in(const Operation& operation, VaultFile& file) {
  try {
    const Contents found = contents_of(file);
    const bool nothing_yet = operation.before.slots.empty() && found.empty();
    return nothing_yet ? "old" : compare(operation, found);
  } catch (const Error&) {
    return "nothing";
  }
}

VaultFile open_as(const Operation& operation, const Places& places) {
  if (operation.name != "make") return open_vault(places.vault);
  return std::move(*VaultFile::open(places.vault, VaultFile::Create::yes));
}

/// After an error the disk is well again: a process that opens the file anew can go on. Anything else is a bug.
void try_again(const Operation& operation, const Places& places, Change& change) {
  try {
    VaultFile file = open_vault(places.vault);
    if (found_in(operation, file) == "old") change.make(file);
    if (found_in(operation, file) == "new") return;
    fprintf(stderr, "the second attempt came to nothing\n");
  } catch (const Error& error) {
    fprintf(stderr, "the second attempt: %s\n", error.what());
  }
  abort();
}

void restore(const Places& places, void (*begin)(), void (*end)()) {
  begin();
  try {
    VaultFile::restore(places.vault, places.backup);
  } catch (const Error&) {
    end();
    throw;
  }
  end();
}

}  // namespace

const std::vector<Operation>& operations() {
  static const std::vector<Operation> all = [] {
    const Known some = some_vault();
    const Known other{{0, 30, 33}, {"paper", "spare"}};
    return std::vector<Operation>{
        {"make", {}, {{0}, {"paper", "token"}}},
        {"add", some, with(some, {21}, {})},
        {"add-again", some, with(some, {21}, {})},
        {"remove", some, without(some, 9, "")},
        {"change", some, with(without(some, 9, ""), {changed + 9}, {})},
        {"add-slots", some, with(some, {}, {"spare", "word"})},
        {"remove-slot", some, without(some, -1, "token")},
        {"recover", some, with(some, {22}, {})},
        {"migrate", {}, {}},
        {"backup", {}, some},
        {"replace-backup", other, some},
        {"restore", some, other},
        {"restore-beside-journal", some, other},
    };
  }();
  return all;
}

const Operation& find_operation(const std::string& name) {
  const auto& all = operations();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Operation& one) { return one.name == name; });
  if (found == all.end()) throw Error(Errc::not_found, "no operation is named " + name);
  return *found;
}

VaultFile open_vault(const std::string& path) {
  std::optional<VaultFile> out = VaultFile::open(path, VaultFile::Create::no);
  if (!out) throw Error(Errc::not_found, "there is no " + path);
  return std::move(*out);
}

void carry_out(const Operation& operation, const Places& places, void (*begin)(), void (*end)()) {
  if (operation.name.starts_with("restore")) return restore(places, begin, end);
  Change change = change_of(operation, places);
  std::optional<VaultFile> file;
  begin();
  try {
    file.emplace(open_as(operation, places));
    change.make(*file);
    file.reset();
    end();
  } catch (const Error&) {
    end();
    if (operation.name == "add-again") {
      file.reset();
      return try_again(operation, places, change);
    }
    if (file && !operation.backs_up()) write_file(places.seen, found_in(operation, *file));
    throw;
  }
}

}  // namespace fob::faults
