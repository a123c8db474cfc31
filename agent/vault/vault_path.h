#pragma once

#include <functional>
#include <optional>
#include <string>

#include "protocol/bytes.h"

namespace fob {

/// Where the vault lies, and that nobody but its user can have put anything there.

/// $XDG_DATA_HOME/fob/vault.db, else HOME/.local/share/fob/vault.db. Throws where there is no home.
std::string default_vault_path();

/// The file at `path` with symbolic links in the names of its folders resolved, checked: a regular file of
/// mode 0600 or less, its folder writable by nobody else, both owned by this process's user. Nothing if it is missing.
/// Throws refused or system.
std::optional<std::string> find_vault_file(const std::string& path);

/// The same; a file that is missing is made from `contents`, wholly or not at all, and its folders with mode 0700.
std::string find_or_make_vault_file(const std::string& path, const std::function<Bytes()>& contents);

/// The contents of a backup for the file `vault`: a regular file of this process's user or of root. Throws refused,
/// system; too_large over limits::vault_file_bytes.
Bytes read_backup(const std::string& path, const std::string& vault);

/// Puts a file of `contents` in the place of the one at `path`, which nobody may have open, and keeps that one as
/// PATH.replaced, in the place of an older PATH.replaced. Before that, `inspect` is given the new file's path, and may
/// change it or throw: then nothing is replaced. At every moment, also of a crash, there is a whole file at `path` if
/// there was one before. Folders are made as above. Throws refused or system.
void replace_vault_file(const std::string& path, ByteView contents,
                        const std::function<void(const std::string&)>& inspect);

}  // namespace fob
