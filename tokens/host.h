#pragma once

#include <functional>
#include <memory>

#include "protocol/error.h"
#include "tokens/channel.h"
#include "tokens/ctaphid_link.h"
#include "tokens/message.h"
#include "tokens/pkcs11/module.h"
#include "tokens/token.h"

namespace fob::host {

/// How a token tells the agent, over `channel`, that it waits for a touch, and learns that its request is to end.
TokenWatch watch_over(Channel& channel);
/// How a PKCS#11 module tells the agent what it is at.
pkcs11::Progress progress_on(Channel& channel);

/// Answers one request; throws Error where it fails, unsupported where it is none of this kind of host.
using Handler = std::function<Reply(const Request&)>;

Handler handler_for(Token& token);
Handler handler_for(pkcs11::Module& module);
/// Of the hosts that list what is there: ListModules, ListReaders.
Handler module_lister();
Handler reader_lister();

/// Answers the requests that arrive on `channel`, one after another. Returns when the agent has closed its end, or the
/// token is gone; the reply that says so is then sent.
/// Errors: those of Channel; a request that fails is none.
void serve(Channel& channel, const Handler& handler);
/// The same for a PKCS#11 module, which may have other tokens when one is removed, and so goes on; `before_reply` is
/// called before each reply: when the agent hears it, it may end this process at once.
void serve_module(Channel& channel, const Handler& handler, const std::function<void()>& before_reply);

/// Answers the first request with `error`, where there is no token to serve with.
void serve_failure(Channel& channel, const Error& error);

}  // namespace fob::host
