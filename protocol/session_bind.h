#pragma once

#include "protocol/public_key.h"

namespace fob {

/// The extension that ties an agent connection to an SSH session (PROTOCOL.agent §1). Views into the message.
struct SessionBind {
  static constexpr std::string_view name = "session-bind@openssh.com";

  ByteView host_key_blob;
  ByteView session_id;  ///< 1 to limits::session_id_bytes
  ByteView signature;   ///< the host key's, over `session_id`
  bool is_forwarding = false;

  static SessionBind read(Reader& in);
  void write(Writer& out) const;
};

}  // namespace fob
