#pragma once

#include <string>

#include "agent/asker.h"
#include "agent/async.h"
#include "agent/config.h"

namespace fob {

class Activity;
class DesktopClient;

/// Asks the person at the screen: through an askpass program as ssh does (ssh(1), SSH_ASKPASS), or for PINs through
/// pinentry where the configuration says so; announces touches that way and as desktop notifications.
///
/// Any number of dialogs may stand open, up to limits::open_prompts; none delays anybody but who waits for it.
class Prompter : public Asker {
 public:
  /// `desktop` may be nullptr: no notifications.
  Prompter(asio::io_context& io, Config::Prompt settings, DesktopClient* desktop, Activity& activity);

  /// Empty if the person said yes (exit status 0 and an answer that is empty or "yes"), else why not: they said no,
  /// nobody can be asked (no display, no askpass program, too many dialogs), or nobody answered in
  /// limits::prompt_deadline. Cancelled with the coroutine that waits: then the dialog is taken down.
  Awaitable<std::string> confirm(std::string text);

  /// The same reasons as for confirm(). New PINs and passphrases are for `fob` only: refused.
  Awaitable<TypedAnswer> ask(Kind kind, std::string text) override;
  std::shared_ptr<void> announce(const std::string& text) override;

 private:
  Awaitable<TypedAnswer> ask_in_dialog(Kind kind, std::string text);
  Awaitable<TypedAnswer> ask_askpass(std::string text);

  asio::io_context& io_;
  Config::Prompt settings_;
  DesktopClient* desktop_;
  Activity& activity_;
  std::size_t open_ = 0;
  std::uint32_t last_notification_ = 0;
};

}  // namespace fob
