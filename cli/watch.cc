#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/interrupts.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace fob::cli {
namespace {

constexpr std::size_t fallback_columns = 80;
constexpr std::size_t fallback_rows = 24;
/// Lines above the list of uses.
constexpr std::size_t heading_rows = 6;
constexpr std::size_t key_columns = 16;

struct Options {
  bool json = false;
  bool once = false;
};

void define(Command command, Options& options) {
  add_json(command, options.json);
  command.add_flag("--once", options.once, "show how it is now, and end");
}

std::string line_of(const control::KeyUse& use) {
  std::string key = first_columns(shown(use.key), key_columns);
  key.append(key_columns - std::min(key_columns, columns_of(key)), ' ');
  std::string out = clock_of(use.time) + "  " + key + "  " + shown(use.purpose);
  if (!use.programs.empty()) out += ", by " + shown(use.programs);
  if (!use.fault.empty()) out += ": refused, " + shown(use.fault);
  return out;
}

std::string state_of(const control::Activity& now) {
  if (now.agent_locked) return "the agent is locked: ssh-add -X unlocks it";
  return std::to_string(now.keys) + (now.keys == 1 ? " key" : " keys") +
         (now.vault_locked ? ", the vault is locked" : "");
}

std::vector<std::string> lines_of(const control::Activity& now) {
  std::vector<std::string> out{bold("Agent") + "    " + state_of(now),
                               bold("Tokens") + "   " + (now.tokens.empty() ? "none plugged in" : joined(now.tokens))};
  if (now.waiting.empty()) out.push_back(bold("Waiting") + "  for nobody");
  for (const std::string& sentence : now.waiting) out.push_back(bold("Waiting") + "  " + shown(sentence));
  out.push_back("");
  out.push_back(bold("Last uses") + (now.uses.empty() ? "  none yet" : ""));
  for (const control::KeyUse& use : now.uses) out.push_back(line_of(use));
  return out;
}

constexpr std::string_view enter_screen = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view leave_screen = "\x1b[?25h\x1b[?1049l";

/// What the Screen shows, and whether it has the terminal. Both are changed while Ctrl-Z is held back only.
std::string picture;
bool entered = false;

/// In the background (bg, &) the terminal is the shell's. True, too, where it controls no jobs.
bool in_foreground() {
  const pid_t group = tcgetpgrp(STDOUT_FILENO);
  return group < 0 || group == getpgrp();
}

/// Holds Ctrl-Z back while it lives.
class NoStop {
 public:
  NoStop() {
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    sigprocmask(SIG_BLOCK, &stop, &before_);
  }
  ~NoStop() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  NoStop(const NoStop&) = delete;
  NoStop& operator=(const NoStop&) = delete;

 private:
  sigset_t before_{};
};

/// In a signal handler: without std::cout. False where nobody reads any more.
bool put(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// In the foreground only; what is not shown now is the next time. False as for put().
bool paint() {
  if (!in_foreground()) return true;
  if (!entered) put(enter_screen);
  entered = true;
  return put(picture);
}

/// At SIGTSTP: the terminal is the shell's for as long as fob is stopped. By the signal itself, for only so does it not
/// stop where nobody could have it go on.
void step_aside(int signal) {
  const int error = errno;
  if (entered) put(leave_screen);
  entered = false;
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  struct sigaction ours {};
  sigaction(signal, &usual, &ours);
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, signal);
  raise(signal);  // waits for the next line
  sigprocmask(SIG_UNBLOCK, &stop, nullptr);
  sigprocmask(SIG_BLOCK, &stop, nullptr);
  sigaction(signal, &ours, nullptr);
  paint();
  errno = error;
}

/// The whole of a terminal, which gets its former contents back in the end, and while fob is stopped.
class Screen {
 public:
  Screen() {
    sigaction(SIGTSTP, nullptr, &before_);
    struct sigaction aside {};
    aside.sa_handler = step_aside;
    if (before_.sa_handler != SIG_IGN) sigaction(SIGTSTP, &aside, nullptr);
  }
  ~Screen() {
    const NoStop no_stop;
    sigaction(SIGTSTP, &before_, nullptr);
    if (entered) put(leave_screen);
    entered = false;
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  void draw(const std::vector<std::string>& lines) const {
    const NoStop no_stop;
    winsize size{};
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    const std::size_t columns = size.ws_col > 0 ? size.ws_col : fallback_columns;
    const std::size_t rows = size.ws_row > 0 ? size.ws_row : fallback_rows;
    picture = "\x1b[H";
    for (std::size_t i = 0; i < lines.size() && i + 2 < std::max(rows, heading_rows); ++i) {
      picture += first_columns(lines[i], columns) + "\x1b[0m\x1b[K\r\n";
    }
    picture += "\x1b[J\r\n" + first_columns("Ctrl-C ends this.", columns);
    if (!paint()) std::cout.setstate(std::ios::failbit);
  }

 private:
  struct sigaction before_ {};
};

/// What has come since `before`, oldest first: for a pipe or a file.
void print_news(const control::Activity& before, const control::Activity& now) {
  for (const std::string& sentence : now.waiting) {
    const bool is_old = std::find(before.waiting.begin(), before.waiting.end(), sentence) != before.waiting.end();
    if (!is_old) std::cout << "waiting: " << shown(sentence) << '\n';
  }
  std::size_t fresh = 0;
  while (fresh < now.uses.size() &&
         !std::equal(now.uses.begin() + static_cast<std::ptrdiff_t>(fresh), now.uses.end(), before.uses.begin(),
                     before.uses.begin() +
                         static_cast<std::ptrdiff_t>(std::min(before.uses.size(), now.uses.size() - fresh)))) {
    ++fresh;
  }
  while (fresh > 0) std::cout << line_of(now.uses[--fresh]) << '\n';
  std::cout << std::flush;
}

control::Activity ask(std::uint64_t seen) { return ask_agent_for<control::Activity>(control::Watch{seen}); }

void show_once(const Options& options) {
  const control::Activity now = ask(0);
  if (options.json) {
    std::cout << json_line_of(now);
    return;
  }
  for (const std::string& line : lines_of(now)) std::cout << line << '\n';
}

/// Until Ctrl-C, or until nobody reads any more.
void follow(const Options& options) {
  const bool live = !options.json && isatty(STDOUT_FILENO) != 0;
  std::optional<Screen> screen;
  if (live) screen.emplace();
  control::Activity before;
  for (std::uint64_t seen = 0; std::cout; seen = before.number) {
    control::Activity now = ask(seen);
    if (live) {
      screen->draw(lines_of(now));
    } else if (options.json && now.number != seen) {
      std::cout << json_line_of(now) << std::flush;
    } else if (!options.json) {
      print_news(before, now);
    }
    before = std::move(now);
  }
}

void run(const Options& options) {
  if (options.once) return show_once(options);
  // Ctrl-C is how it ends, and the screen must be given back.
  const Interrupts interrupts;
  try {
    follow(options);
  } catch (const Interrupted&) {
    return;
  }
}

}  // namespace

void add_watch(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "watch", "show what is waited for, and the last uses of keys, as they happen",
                       define, run);
}

}  // namespace fob::cli
