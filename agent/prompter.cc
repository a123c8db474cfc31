#include "agent/prompter.h"

#include <strings.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <memory>

#include "agent/activity.h"
#include "agent/child_process.h"
#include "agent/desktop_client.h"
#include "agent/log.h"
#include "agent/pinentry.h"
#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {
namespace {

/// OpenSSH's _PATH_SSH_ASKPASS_DEFAULT on Debian.
constexpr char default_askpass[] = "/usr/bin/ssh-askpass";
constexpr char no_screen[] = "nobody can be asked: neither DISPLAY nor WAYLAND_DISPLAY is set";
constexpr char too_many[] = "too many dialogs are open";
constexpr char nobody_answered[] = "nobody answered the dialog";
constexpr char said_no[] = "the user said no";

bool is_set(const char* variable) {
  const char* value = getenv(variable);
  return value != nullptr && *value != '\0';
}

/// Whether there is a screen to ask on (ssh(1), SSH_ASKPASS_REQUIRE).
bool may_ask() {
  const char* require = getenv("SSH_ASKPASS_REQUIRE");
  if (require != nullptr && strcasecmp(require, "force") == 0) return true;
  if (require != nullptr && strcasecmp(require, "never") == 0) return false;
  return is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
}

std::string askpass_program() { return is_set("SSH_ASKPASS") ? getenv("SSH_ASKPASS") : default_askpass; }

/// What was typed: the first line (OpenSSH's read_passphrase).
ByteView first_line(const SecretBytes& answer) {
  const std::string_view text = as_text(answer.view());
  return as_bytes(text.substr(0, text.find_first_of("\r\n")));
}

bool means_yes(const SecretBytes& answer) {
  constexpr std::string_view yes = "yes";
  const std::string_view typed = as_text(first_line(answer));
  return typed.empty() || (typed.size() == yes.size() && strncasecmp(typed.data(), yes.data(), yes.size()) == 0);
}

/// Counts open dialogs, whatever way they end.
class Opened {
 public:
  explicit Opened(std::size_t& count) : count_(count) { ++count_; }
  ~Opened() { --count_; }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

 private:
  std::size_t& count_;
};

/// The dialog, or why there can be none. `hint` is askpass's SSH_ASKPASS_PROMPT: "confirm", or empty for typing.
std::unique_ptr<AskingProcess> open_dialog(asio::io_context& io, std::string text, const char* hint,
                                           std::string& fault) {
  const std::vector<std::string> argv{askpass_program(), std::move(text)};
  const std::vector<std::string> additions{std::string("SSH_ASKPASS_PROMPT=") + hint};
  try {
    return std::make_unique<AskingProcess>(io, argv, additions);
  } catch (const std::exception& error) {
    fault = error.what();
    return nullptr;
  }
}

struct Dialog {
  SecretBytes typed;
  int status = 0;
};

Awaitable<Dialog> finish(AskingProcess& askpass) {
  Dialog out;
  out.typed = co_await askpass.output();
  out.status = co_await askpass.wait();
  co_return out;
}

const char* label_of(Asker::Kind kind) {
  if (kind == Asker::Kind::passphrase) return "Passphrase:";
  return kind == Asker::Kind::pin ? "PIN:" : "Answer:";
}

TypedAnswer refused(std::string why) { return {SecretBytes(), std::move(why)}; }

/// A touch that is waited for: a dialog without buttons and a notification, both gone with this object.
class Announcement {
 public:
  Announcement(std::unique_ptr<ChildProcess> dialog, DesktopClient* desktop, std::uint32_t notification,
               std::shared_ptr<void> waiting)
      : dialog_(std::move(dialog)), desktop_(desktop), notification_(notification), waiting_(std::move(waiting)) {}
  ~Announcement() {
    if (desktop_ != nullptr) desktop_->withdraw(notification_);
  }
  Announcement(const Announcement&) = delete;
  Announcement& operator=(const Announcement&) = delete;

 private:
  std::unique_ptr<ChildProcess> dialog_;
  DesktopClient* desktop_;
  std::uint32_t notification_;
  std::shared_ptr<void> waiting_;
};

std::unique_ptr<ChildProcess> open_notice(asio::io_context& io, const std::string& text) {
  if (!may_ask()) return nullptr;
  const std::vector<std::string> argv{askpass_program(), text};
  try {
    return std::make_unique<ChildProcess>(io, argv, std::vector<std::string>{"SSH_ASKPASS_PROMPT=none"},
                                          std::vector<int>{-1, -1});
  } catch (const std::exception& error) {
    // The token's own light still says it.
    log_info(std::string("no dialog for a touch: ") + error.what());
    return nullptr;
  }
}

}  // namespace

Prompter::Prompter(asio::io_context& io, Config::Prompt settings, DesktopClient* desktop, Activity& activity)
    : io_(io), settings_(std::move(settings)), desktop_(desktop), activity_(activity) {}

Awaitable<std::string> Prompter::confirm(std::string text) {
  using namespace asio::experimental::awaitable_operators;
  if (!may_ask()) co_return no_screen;
  if (open_ >= limits::open_prompts) co_return too_many;
  const Opened opened(open_);
  const std::shared_ptr<void> waiting = activity_.wait_for(text);
  std::string fault;
  const std::unique_ptr<AskingProcess> askpass = open_dialog(io_, std::move(text), "confirm", fault);
  if (!askpass) co_return fault;
  const auto outcome = co_await (finish(*askpass) || sleep_for(limits::prompt_deadline));
  if (outcome.index() == 1) co_return nobody_answered;
  const Dialog& dialog = std::get<0>(outcome);
  co_return dialog.status == 0 && means_yes(dialog.typed) ? "" : said_no;
}

Awaitable<TypedAnswer> Prompter::ask(Kind kind, std::string text) {
  if (kind == Kind::new_pin) co_return refused("a new PIN is set with: fob pin set");
  if (kind == Kind::new_passphrase) co_return refused("a new passphrase is set with: fob slot add");
  if (open_ >= limits::open_prompts) co_return refused(too_many);
  const Opened opened(open_);
  const std::shared_ptr<void> waiting = activity_.wait_for(text);
  TypedAnswer answer = co_await ask_in_dialog(kind, std::move(text));
  co_return answer;
}

Awaitable<TypedAnswer> Prompter::ask_in_dialog(Kind kind, std::string text) {
  using namespace asio::experimental::awaitable_operators;
  if (settings_.program == Config::Prompt::Program::pinentry) {
    PinQuestion question{"fob", std::move(text), label_of(kind), kind != Kind::text};
    auto outcome =
        co_await (ask_pinentry(io_, settings_.pinentry, std::move(question)) || sleep_for(limits::prompt_deadline));
    if (outcome.index() == 1) co_return refused(nobody_answered);
    PinAnswer& answer = std::get<0>(outcome);
    co_return TypedAnswer{std::move(answer.text), std::move(answer.refusal)};
  }
  auto outcome = co_await (ask_askpass(std::move(text)) || sleep_for(limits::prompt_deadline));
  if (outcome.index() == 1) co_return refused(nobody_answered);
  co_return std::move(std::get<0>(outcome));
}

Awaitable<TypedAnswer> Prompter::ask_askpass(std::string text) {
  if (!may_ask()) co_return refused(no_screen);
  std::string fault;
  const std::unique_ptr<AskingProcess> askpass = open_dialog(io_, std::move(text), "", fault);
  if (!askpass) co_return refused(fault);
  const Dialog dialog = co_await finish(*askpass);
  if (dialog.status != 0) co_return refused(said_no);
  co_return TypedAnswer{SecretBytes(first_line(dialog.typed)), ""};
}

std::shared_ptr<void> Prompter::announce(const std::string& text) {
  if (isatty(STDERR_FILENO) != 0) std::cerr << text << '\n';
  if (desktop_ != nullptr) desktop_->notify(++last_notification_, "Touch your security key", text);
  return std::make_shared<Announcement>(open_notice(io_, text), desktop_, last_notification_, activity_.wait_for(text));
}

}  // namespace fob
