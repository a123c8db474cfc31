#pragma once

#include <optional>
#include <string>

#include "agent/peer.h"
#include "protocol/constraints.h"
#include "protocol/signed_data.h"

namespace fob {

/// Destination constraints judged against a connection's route (PROTOCOL.agent §2, as OpenSSH's ssh-agent does it).

/// Whether a key with these constraints may be seen, replaced and removed over this connection. Keys that may be used
/// to log in *to* a host, but not *from* it, are hidden there.
bool visible(const Constraints& constraints, const Route& route);

/// Whether the key may sign `data` over this connection; throws Error{Errc::refused} with the reason if not.
/// Returns the name of the permitted destination; empty for keys without constraints.
std::string check_destination(const PublicKey& key, const Constraints& constraints, const Route& route, ByteView data);

}  // namespace fob
