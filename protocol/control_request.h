#pragma once

#include <variant>

#include "protocol/control_activity.h"
#include "protocol/control_key_requests.h"
#include "protocol/control_token_requests.h"
#include "protocol/control_vault_requests.h"
#include "protocol/secret_bytes.h"
#include "protocol/wire.h"

/// What `fob` and the agent say to each other over the control socket, which ssh never forwards: a u32 length (at most
/// limits::message_bytes), a type byte and SSH wire types (RFC 4251 §5), as on the agent socket.
///
/// The client sends one request. The agent answers with any number of notices and questions, and one reply at last; the
/// client answers each question with Answer before the agent goes on. Closing the connection cancels the request.
/// docs/control-protocol.md has the numbers.
namespace fob::control {

/// To a Question. `given` false: the person declined.
struct Answer {
  bool given = false;
  SecretBytes text;

  static Answer read(Reader& in);
  void write(Writer& out) const;
};

using Request =
    std::variant<ListTokens, ListKeys, NewKey, ImportKey, ExportKey, RemoveKey, SetPin, ChangePin, ListResident,
                 RemoveResident, RenameResident, ResetToken, Answer, AdoptKey, UnblockPin, AttestKey, UnlockVault,
                 LockVault, ListSlots, AddSlot, RemoveSlot, BackUp, Restore, ChangeKey, Watch>;

/// From a whole message without its length word; nothing may be left over. Errors: malformed, unsupported, too_large.
Request parse_request(ByteView message);
/// A whole message with its length word.
Bytes frame_request(const Request& request);

}  // namespace fob::control
