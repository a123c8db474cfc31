#pragma once

#include <functional>
#include <optional>
#include <string>

#include "protocol/bytes.h"

namespace fob {

/// Where the store lies, and that nobody but its user can have put anything there.

/// $XDG_DATA_HOME/fob/vault.db, else HOME/.local/share/fob/vault.db. Throws where there is no home.
std::string default_store_path();

/// The store's file at `path` with symbolic links in the names of its folders resolved, checked: a regular file of
/// mode 0600 or less, its folder writable by nobody else, both owned by this process's user. Nothing if it is missing.
/// Throws refused or system.
std::optional<std::string> find_store_file(const std::string& path);

/// The same; a file that is missing is made from `contents`, wholly or not at all, and its folders with mode 0700.
std::string find_or_make_store_file(const std::string& path, const std::function<Bytes()>& contents);

}  // namespace fob
