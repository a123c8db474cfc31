#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "protocol/bytes.h"
#include "protocol/key_file/key_file.h"

namespace fob::cli {

/// What the file holds, pipes included. Throws too_large over `max_bytes`; system, with the path.
Bytes read_file(const std::string& path, std::size_t max_bytes);

/// The same of standard input, up to its end.
Bytes read_standard_input(std::size_t max_bytes);

/// A new file; one that is there already is never written to. It has `mode` from its first moment on, and is taken away
/// again if it cannot be written whole. Throws refused where there is one; system.
void create_file(const std::string& path, ByteView contents, unsigned mode);

/// The same, written whole under another name first, so that at every moment the file at `path` is the one before or
/// the new one; that one of before goes if `replace` says so. Its mode is 0600. Throws refused; system.
void put_file(const std::string& path, ByteView contents, bool replace);

/// The same in place of a file that is there, with `mode`, and with the owner of that; `read`: its status when what is
/// changed was read. Throws refused where it is no plain file, or a link to one, or another one now; system.
void rewrite_file(const std::string& path, ByteView contents, unsigned mode, const struct stat& read);

/// Throws refused unless all of `paths` can be created, and are different files: before a touch, not after.
void check_can_create(const std::vector<std::string>& paths);

/// Modes of key files.
inline constexpr unsigned private_mode = 0600;
inline constexpr unsigned public_mode = 0644;

/// The key file at `path` (0600), encrypted if `passphrase` is not empty, and the public key at `path`.pub (0644): both
/// or none.
void write_key_pair(const std::string& path, const PrivateKey& key, std::string_view comment,
                    const SecretBytes& passphrase, KeyFileFormat format = KeyFileFormat::openssh);

/// All of it to standard output, past the buffers of std::cout. Throws system.
void write_standard_output(ByteView contents);

}  // namespace fob::cli
