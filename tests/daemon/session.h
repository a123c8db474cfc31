#pragma once

#include <string>
#include <string_view>

#include "protocol/constraints.h"
#include "protocol/session_bind.h"
#include "tests/daemon/test_key.h"

namespace fob {

/// What ssh sends to an agent on behalf of a session, played by the tests.

/// The contents of a session-bind extension, signed by the host key.
Bytes session_bind(const TestKey& host_key, std::string_view session_id, bool is_forwarding,
                   std::string_view rsa_algorithm = "rsa-sha2-512");

/// What is signed to log in with `key` (RFC 4252 §7).
Bytes login(const PublicKey& key, std::string_view session_id, std::string_view user);
/// The same with the host key in it (publickey-hostbound-v00@openssh.com).
Bytes hostbound_login(const PublicKey& key, std::string_view session_id, std::string_view user,
                      const PublicKey& host_key);
/// What is signed for a git commit or a file (PROTOCOL.sshsig).
Bytes sshsig_message();

/// A host in a destination constraint, known by one key.
Hop host(std::string_view name, const PublicKey& key, std::string_view user = "");
/// A host known by a certificate of this authority.
Hop host_of_authority(std::string_view name, const PublicKey& authority);
/// From here to there.
DestinationConstraint from_origin(Hop to);
DestinationConstraint via(Hop from, Hop to);
Constraints destinations(std::vector<DestinationConstraint> list);

}  // namespace fob
