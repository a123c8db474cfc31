#pragma once

#include <string>
#include <string_view>

#include "protocol/bytes.h"
#include "protocol/private_key.h"

namespace fob::cli {

/// What the file holds, pipes included. Throws too_large over `max_bytes`; system, with the path.
Bytes read_file(const std::string& path, std::size_t max_bytes);

/// A new file; one that is there already is never written to. It has `mode` from its first moment on, and is taken away
/// again if it cannot be written whole. Throws refused where there is one; system.
void create_file(const std::string& path, ByteView contents, unsigned mode);

/// Throws refused unless all of `paths` can be created, and are different files: before a touch, not after.
void check_can_create(const std::vector<std::string>& paths);

/// The key file at `path` (0600), encrypted if `passphrase` is not empty, and the public key at `path`.pub (0644): both
/// or none.
void write_key_pair(const std::string& path, const PrivateKey& key, std::string_view comment,
                    const SecretBytes& passphrase);

}  // namespace fob::cli
