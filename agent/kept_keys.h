#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/async.h"
#include "agent/gate.h"
#include "agent/store.h"

namespace fob {

/// The keys that last across restarts: what the store holds, known in memory, written by a worker.
///
/// Threads: the main one only; the store itself is used by one worker at a time.
class KeptKeys {
 public:
  /// `path` of the store; empty: there is none (no home directory).
  KeptKeys(Workers& workers, std::string path) : workers_(workers), path_(std::move(path)) {}

  /// Reads the store, if there is one. A store that cannot be read is logged and left alone; add and remove then throw
  /// the reason.
  void load();

  const std::vector<StoredKey>& all() const { return keys_; }
  /// Nullptr if there is none.
  const StoredKey* find(std::string_view name) const;
  const StoredKey* find_blob(ByteView key_blob) const;
  /// Makes sure that a key of this name could be added now, and keeps the name until what is returned dies: before a
  /// person is asked for a touch. Throws what add() would.
  Awaitable<std::shared_ptr<void>> reserve(std::string name);
  /// Returns when the key is safely on disk.
  Awaitable<void> add(StoredKey key);
  Awaitable<void> remove(std::string name);

 private:
  Awaitable<void> open_for_writing();
  void refuse_if_taken(std::string_view name) const;

  Workers& workers_;
  std::string path_;
  std::string fault_;
  Gate gate_;
  std::shared_ptr<Store> store_;
  std::vector<StoredKey> keys_;
  std::set<std::string> reserved_;
};

}  // namespace fob
