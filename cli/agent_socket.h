#pragma once

#include <string>

#include "cli/descriptor.h"

namespace fob::cli {

/// Where the control socket is: FOB_CONTROL_SOCK, or else SSH_AUTH_SOCK and ".control". Throws Error{Errc::not_found}
/// where neither variable is set.
std::string control_socket_path();

/// A connection to the control socket, not blocking. The other end is a process of this user or of root, for it will be
/// told PINs. Throws Error that says which agent is in the way, or that there is none, and what to do.
Descriptor connect_to_agent();

}  // namespace fob::cli
