#pragma once

#include <optional>
#include <string>

#include "protocol/key_file/key_file.h"

namespace fob::cli {

/// What stands for standard input among the files of `fob import`, and for a paste where that is a terminal.
inline constexpr const char* standard_input = "-";

/// Where a key file comes from: a file, or what `standard_input` says.
struct KeySource {
  std::string file;
  bool paste = false;  ///< at the terminal, wherever standard input leads
};

/// Whether the person is to paste the key.
bool is_paste(const KeySource& source);

/// The key, its passphrase asked for; its comment is `comment` if given, that of the file, that of the public key in
/// FILE.pub where the file can have none, or else user@host. Errors begin with the file's name. Throws as
/// open_key_file; and what `check` throws of the public key, before a passphrase is asked for as far as it is known
/// then.
KeyFile read_imported_key(const KeySource& source, const std::optional<std::string>& comment,
                          void (*check)(const PublicKey& key));

/// What the file is called, without .pem or .ppk at the end.
std::string name_of_key_file(const std::string& path);

}  // namespace fob::cli
