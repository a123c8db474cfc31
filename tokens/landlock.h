#pragma once

#include <string>
#include <vector>

namespace fob::sandbox {

/// Folders or files below which more than nothing is allowed. Those that do not exist are passed over.
struct AllowedPaths {
  std::vector<std::string> readable;  ///< read, list, execute (load)
  std::vector<std::string> devices;   ///< read, write, ioctl
};

/// Confines this process to `allowed` by Landlock (landlock(7)): of the file system, and from version 4 and 6 of its
/// interface on, no TCP, and no signals to and no abstract sockets of processes outside. Needs no_new_privs.
/// Returns false where the kernel has no Landlock. Errors: system.
bool restrict_paths(const AllowedPaths& allowed);

}  // namespace fob::sandbox
