#pragma once

#include <string>

#include "agent/async.h"
#include "protocol/secret_bytes.h"

namespace fob {

/// What a pinentry dialog shows.
struct PinQuestion {
  std::string title;
  std::string description;
  std::string prompt;  ///< the label beside the field
  bool secret = true;  ///< false: what is typed is no secret. Pinentry hides it all the same, having nothing else
};

struct PinAnswer {
  SecretBytes text;     ///< UTF-8, may be empty
  std::string refusal;  ///< empty: it was given
};

/// Has the person type something into a dialog of `program`, GnuPG's pinentry or another that speaks its protocol
/// (Assuan, "Pinentry" manual §3).
///
/// What was typed is in the secret heap only. Waits as long as the person takes; cancelled with the coroutine that
/// waits: then the dialog is taken down. Throws nothing for what the program does, however wrong: a refusal says why.
Awaitable<PinAnswer> ask_pinentry(asio::io_context& io, std::string program, PinQuestion question);

}  // namespace fob
