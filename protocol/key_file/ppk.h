#pragma once

#include "protocol/key_file/key_file.h"

/// PuTTY's private keys, versions 2 and 3 (PuTTY's manual, appendix C): the contracts are those of key_file.h, but for
/// the check of the halves. The MAC of every file is checked.
namespace fob::ppk {

inline constexpr std::string_view magic = "PuTTY-User-Key-File-";

/// `text` begins with `magic`.
KeyFileInfo inspect(std::string_view text);
KeyFile parse(std::string_view text, const AskPassphrase& ask_passphrase);
Bytes format(const PrivateKey& key, std::string_view comment, const SecretBytes& passphrase);
Bytes rewrite(std::string_view before, const KeyFile& content, const SecretBytes& passphrase, KeyFileChange change);

}  // namespace fob::ppk
