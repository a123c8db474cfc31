#pragma once

#include <string>

#include "protocol/bytes.h"
#include "protocol/hash.h"

namespace fob::cli {

/// The digest of what a file holds, or standard input for "-", of whatever size. Throws system, with the path.
Bytes digest_of_file(const std::string& path, Hash hash);

}  // namespace fob::cli
