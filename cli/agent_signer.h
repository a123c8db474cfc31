#pragma once

#include <string>

#include "protocol/control_reply.h"

namespace fob::cli {

/// The key to use: the one that the agent keeps under `name`, or if that is empty the only one that it keeps. If it is
/// in the vault, and that is locked, has it opened here and now: ssh and git have no way to ask at this terminal.
/// Throws not_found, with the names that there are, where there is none, or no only one.
control::Key key_to_use(const std::string& name);

/// Has the agent sign `data` as ssh does, over the socket that ssh uses; RSA with SHA-512. A touch is announced at the
/// terminal. Returns a signature blob. Throws refused, with the agent's reason as far as it tells one.
Bytes sign_by_agent(const control::Key& key, ByteView data);

/// Why the agent last refused to sign with a key, since `since` (seconds since 1970); empty: it does not say.
std::string last_refusal(std::uint64_t since);

/// Says at the terminal, before another program has the agent sign, that the key will want a touch, if it will.
void announce_touch(const control::Key& key);

}  // namespace fob::cli
