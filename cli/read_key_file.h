#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "protocol/key_file/key_file.h"

namespace fob::cli {

/// A private key's file, read and decrypted.
struct OpenKeyFile {
  KeyFileFormat format = KeyFileFormat::openssh;
  KeyFile content;
  SecretBytes passphrase;  ///< what it is encrypted with; empty: it is not
};

/// Asks for the passphrase where there is one, up to three times. `name` is the file's, for people; errors begin with
/// it. Throws as parse_key_file; cancelled where nothing is typed; unsupported for several private keys.
OpenKeyFile open_key_file(std::string_view text, const std::string& name);

/// A private key that is pasted at the terminal: PEM or OpenSSH's up to its END line, PPK's up to its MAC. Throws
/// cancelled where there is none; too_large.
SecretBytes paste_key();

/// A key file that is to be changed where it is.
struct KeyFileInPlace {
  std::string path;       ///< at the end of symbolic links
  struct stat status {};  ///< when it was read
  unsigned mode = 0;      ///< for the changed file: as it is, but closed to others, and open to its owner to read
  Bytes text;
  KeyFileInfo info;
};
/// Says on standard error where a link leads. Throws refused where it is no plain file, or holds more than the key; as
/// inspect_key_file.
KeyFileInPlace key_file_in_place(const std::string& path);

/// What is to be known of a new file without a passphrase, or with one in a weak form, on standard error.
void warn_of_protection(const std::string& path, const PublicKey& key, KeyFileFormat format, bool encrypted);

}  // namespace fob::cli
