#pragma once

#include <sys/stat.h>

#include <string>

#include "protocol/bytes.h"

namespace fob::cli {

/// What a regular file holds, and its owner and mode, all of one moment.
struct PlainFile {
  Bytes text;
  struct stat status {};
};

/// Reads a regular file, at the end of symbolic links too, and waits for nobody: a FIFO or a device is not opened for
/// long. Throws refused where it is no regular file; too_large over `max_bytes`, before anything is read; system.
PlainFile read_plain_file(const std::string& path, std::size_t max_bytes);

}  // namespace fob::cli
