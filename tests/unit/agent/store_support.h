#pragma once

#include <string>
#include <vector>

#include "agent/store.h"

namespace fob {

/// A key to keep; each number gives another.
StoredKey stored_key(int number);

/// What can be compared and printed of a key: every field.
std::string description(const StoredKey& key);
std::vector<std::string> descriptions(const std::vector<StoredKey>& keys);

/// Opens a store that must be there, or be made.
Store open_store(const std::string& path, Store::Create create = Store::Create::yes);
std::vector<std::string> keys_in(const std::string& path);

}  // namespace fob
