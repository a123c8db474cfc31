#pragma once

#include <functional>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/async.h"
#include "agent/gate.h"
#include "agent/vault/vault_file.h"

namespace fob {

/// The vault as the main thread has it: keys and keyslots known in memory, the file written by a worker. Whether it is
/// open is VaultLock's business: nothing here is secret.
///
/// Threads: the main one only; the file itself is used by one worker at a time. Every write returns when it is safely
/// on disk. Where it throws, nothing was changed; after Errc::system, when that cannot be known, what the file holds is
/// read again. Errors: those of VaultFile.
class Vault {
 public:
  using Kept = std::shared_ptr<const StoredKey>;

  /// `path` of the file; empty: there is none (no home directory).
  Vault(Workers& workers, std::string path) : workers_(workers), path_(std::move(path)) {}

  /// Called when the file was read anew, and may be another one: with the keys that were known before.
  std::function<void(const std::list<Kept>& before)> on_read;

  /// Reads the file, if there is one. One that cannot be read is logged and left alone; what needs it then throws the
  /// reason.
  void load();
  /// The same, where that failed before.
  Awaitable<void> try_again();
  /// Throws refused with the reason why the file could not be read, if it could not.
  void check() const;

  const std::string& path() const { return path_; }
  const std::list<Kept>& keys() const { return keys_; }
  /// Nullptr if there is none.
  Kept find(std::string_view name) const;
  Kept find_blob(ByteView key_blob) const;
  const std::vector<Keyslot>& slots() const { return slots_; }
  /// Whether there is a vault key; without one there are references to keys on tokens at most.
  bool has_key() const { return !slots_.empty(); }

  /// While what is returned lives, no backup takes this vault's place: what is sealed under its key would be lost.
  /// Throws what the file's fault is.
  Awaitable<std::shared_ptr<void>> hold();
  /// The same, and the name is kept, too: before a person is asked for a touch. Throws what add() would.
  Awaitable<std::shared_ptr<void>> reserve(std::string name);
  /// With the slots of a vault key that was made for it; refused where there is one by now.
  Awaitable<Kept> add(StoredKey key, std::vector<Keyslot> first_slots = {});
  /// Throws refused where it is not there any more.
  Awaitable<void> remove(Kept key);
  /// Puts `changed`, the same key under another name or with other notes, in the place of `key`. Throws as remove();
  /// refused where another key has the name.
  Awaitable<Kept> change(Kept key, StoredKey changed);
  /// Returns the first one with its id. `first`: as with add().
  Awaitable<Keyslot> add_slots(std::vector<Keyslot> slots, bool first);
  Awaitable<void> remove_slot(std::uint32_t id);
  Awaitable<Bytes> image();
  /// Puts the backup in this one's place. Refused while somebody holds this one, and where it has keys, or may have
  /// some that cannot be read, unless `replace`.
  Awaitable<void> restore(std::string backup, bool replace);

 private:
  /// What coroutines still use that end after this object.
  struct State {
    Gate gate;
    std::set<std::string> reserved;
    std::size_t holders = 0;
  };

  Awaitable<void> open_for_writing();
  void read_again();
  void read(VaultFile& file);
  void refuse_if_taken(std::string_view name) const;
  std::list<Kept>::iterator place_of(const Kept& key);
  void refuse_if_made_meanwhile(bool first) const;
  void put(Kept key);
  template <class Result>
  Awaitable<Result> write(std::function<Result(VaultFile&)> change);

  Workers& workers_;
  std::string path_;
  std::string fault_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
  std::shared_ptr<VaultFile> file_;
  std::list<Kept> keys_;
  std::unordered_map<std::string_view, std::list<Kept>::iterator> by_name_;  // views into keys_
  std::unordered_map<std::string_view, std::list<Kept>::iterator> by_blob_;
  std::vector<Keyslot> slots_;
};

}  // namespace fob
