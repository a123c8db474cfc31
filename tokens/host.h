#pragma once

#include <functional>
#include <memory>

#include "protocol/error.h"
#include "tokens/channel.h"
#include "tokens/ctaphid_link.h"
#include "tokens/token.h"

namespace fob::host {

/// How a token tells the agent, over `channel`, that it waits for a touch, and learns that its request is to end.
TokenWatch watch_over(Channel& channel);

/// Answers the requests that arrive on `channel`, one after another, with `token`. Returns when the agent has closed
/// its end, or the token is gone; the reply that says so is then sent.
/// Errors: those of Channel; a request that fails is none.
void serve(Channel& channel, Token& token);

/// Answers the first request with `error`, where there is no token to serve with.
void serve_failure(Channel& channel, const Error& error);

}  // namespace fob::host
