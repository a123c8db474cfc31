#pragma once

#include <sys/stat.h>

#include <string>

namespace fob::cli {

/// Who besides its owner may write to a file or folder, where ssh and sshd of this system do not trust it for that:
/// "everybody", "the group staff"; empty: nobody. `debian_mark` is there on Debian and what comes from it, whose
/// OpenSSH does not mind a group that has the owner alone in it (its user-group-modes.patch); others mind any.
std::string foreign_writer(const struct stat& status, const std::string& debian_mark = "/etc/debian_version");

}  // namespace fob::cli
