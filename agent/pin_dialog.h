#pragma once

#include <string>

#include "agent/asker.h"

namespace fob {

/// The questions that tokens of every kind have for a person. Errors: refused, with the reason.

/// A PIN, of at most limits::pin_bytes and not empty. `what` says of which token and for what.
Awaitable<SecretBytes> ask_for_pin(std::string what, Asker& asker);
/// A new PIN, typed twice.
Awaitable<SecretBytes> ask_for_new_pin(std::string what, Asker& asker);
/// Returns when they typed `wanted`; otherwise throws refused with `refusal`.
Awaitable<void> ask_for_word(std::string question, std::string wanted, std::string refusal, Asker& asker);

}  // namespace fob
