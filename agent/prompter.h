#pragma once

#include <string>

#include "agent/async.h"

namespace fob {

/// Asks the person at the screen, through an askpass program as ssh does (ssh(1), SSH_ASKPASS).
///
/// Any number of dialogs may stand open, up to limits::open_prompts; none delays anybody but who waits for it.
class Prompter {
 public:
  explicit Prompter(asio::io_context& io) : io_(io) {}

  /// Empty if the person said yes (exit status 0 and an answer that is empty or "yes"), else why not: they said no,
  /// nobody can be asked (no display, no askpass program, too many dialogs), or nobody answered in
  /// limits::prompt_deadline. Cancelled with the coroutine that waits: then the dialog is taken down.
  Awaitable<std::string> confirm(std::string text);

 private:
  asio::io_context& io_;
  std::size_t open_ = 0;
};

}  // namespace fob
