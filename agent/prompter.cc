#include "agent/prompter.h"

#include <strings.h>

#include <cstdlib>
#include <memory>

#include "agent/child_process.h"
#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {
namespace {

/// OpenSSH's _PATH_SSH_ASKPASS_DEFAULT on Debian.
constexpr char default_askpass[] = "/usr/bin/ssh-askpass";

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

bool means_yes(const std::string& answer) {
  const std::string first_line = answer.substr(0, answer.find_first_of("\r\n"));
  return first_line.empty() || strcasecmp(first_line.c_str(), "yes") == 0;
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

/// The dialog, or why there can be none.
std::unique_ptr<ChildProcess> open_dialog(asio::io_context& io, std::string text, std::string& fault) {
  const std::vector<std::string> argv{askpass_program(), std::move(text)};
  try {
    return std::make_unique<ChildProcess>(io, argv, std::vector<std::string>{"SSH_ASKPASS_PROMPT=confirm"});
  } catch (const std::exception& error) {
    fault = error.what();
    return nullptr;
  }
}

Awaitable<bool> says_yes(ChildProcess& askpass) {
  const std::string answer = co_await askpass.output(limits::askpass_answer_bytes);
  const int status = co_await askpass.wait();
  co_return status == 0 && means_yes(answer);
}

}  // namespace

Awaitable<std::string> Prompter::confirm(std::string text) {
  using namespace asio::experimental::awaitable_operators;
  if (!may_ask()) co_return "nobody can be asked: neither DISPLAY nor WAYLAND_DISPLAY is set";
  if (open_ >= limits::open_prompts) co_return "too many dialogs are open";
  const Opened opened(open_);
  std::string fault;
  const std::unique_ptr<ChildProcess> askpass = open_dialog(io_, std::move(text), fault);
  if (!askpass) co_return fault;
  const auto outcome = co_await (says_yes(*askpass) || sleep_for(limits::prompt_deadline));
  if (outcome.index() == 1) co_return "nobody answered the dialog";
  co_return std::get<0>(outcome) ? "" : "the user said no";
}

}  // namespace fob
