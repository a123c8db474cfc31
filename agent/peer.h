#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "protocol/bytes.h"
#include "protocol/public_key.h"

namespace fob {

/// Who is at the other end of a connection.
struct Peer {
  uid_t uid = 0;
  pid_t pid = 0;  ///< of the process that connected; 0 where the kernel does not say

  /// The programs from the peer up, "ssh ← git ← zsh (pid 4711)", read from /proc now: a process that is gone or has
  /// given its number to another is not noticed. At most limits::program_chain, names made printable.
  std::string program_chain() const;
};

/// Who connected to a Unix socket. Throws system.
Peer peer_of(int connection);
/// Whether it is the agent's own user, or root.
bool may_connect(const Peer& peer);
/// Whether a child of this process, or a child's child, connected: a token host or a dialog, which manage nothing.
bool is_own_descendant(const Peer& peer);

/// One session-bind: an SSH connection that this agent connection passed through or authenticates.
struct Bind {
  PublicKey host_key;
  Bytes session_id;
  bool is_forwarding = false;
};

/// What session-binds have told about one connection; what destination constraints are judged by.
struct Route {
  std::vector<Bind> binds;
  bool bind_failed = false;  ///< an attempt was refused: constrained keys are out of reach

  /// Whether the client is on another host, or may be.
  bool is_remote() const;
  /// The SSH connection that leads out of this host: what was added through it belongs to it. Empty: local.
  ByteView origin() const;
};

}  // namespace fob
