#include "cli/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>

#include "cli/interrupts.h"
#include "cli/table.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob::cli {
namespace {

constexpr int new_pin_attempts = 3;
constexpr std::array<std::string_view, 4> spinner{"|", "/", "-", "\\"};

/// Turns echo off for as long as it lives. Typed-ahead input is dropped both ways: what was typed for all to see is no
/// secret, and what was typed blindly must not show up on the shell's line.
class EchoOff {
 public:
  explicit EchoOff(int terminal) : terminal_(terminal) {
    if (tcgetattr(terminal_, &before_) != 0) throw_system_error("cannot read the settings of /dev/tty", errno);
    turn_off();
  }
  ~EchoOff() { restore(); }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;

  void turn_off() const {
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHOE | ECHOK | ECHONL);
    if (tcsetattr(terminal_, TCSAFLUSH, &silent) != 0) throw_system_error("cannot turn off echo", errno);
  }
  void restore() const { tcsetattr(terminal_, TCSAFLUSH, &before_); }

 private:
  int terminal_;
  termios before_{};
};

/// To the terminal, or nowhere: a terminal that is gone cannot be told so.
void put(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// A line that is being typed. It never moves in memory, so no copy of it stays anywhere.
class Line {
 public:
  Line() : buffer_(limits::typed_bytes) {}

  void add(std::uint8_t byte) {
    if (size_ < buffer_.size()) buffer_.data()[size_] = byte;
    ++size_;
  }
  void clear() { size_ = 0; }

  std::optional<SecretBytes> take() const {
    if (size_ == 0) return std::nullopt;
    if (size_ > buffer_.size()) {
      throw Error(Errc::too_large, "what was typed has " + std::to_string(size_) + " bytes, at most " +
                                       std::to_string(buffer_.size()) + " are allowed");
    }
    return SecretBytes(buffer_.view().first(size_));
  }

 private:
  SecretBytes buffer_;
  std::size_t size_ = 0;
};

/// Adds what comes until the end of the line or of the input.
bool add_byte(int terminal, Line& line) {
  std::uint8_t byte = 0;
  const ssize_t got = read(terminal, &byte, 1);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  const bool more = got == 1 && byte != '\n' && byte != '\r';
  if (more) line.add(byte);
  explicit_bzero(&byte, sizeof(byte));
  return more;
}

/// What was typed before the question is no answer to it.
void pose(int terminal, std::string_view prompt) {
  tcflush(terminal, TCIFLUSH);
  put(terminal, prompt);
}

std::optional<SecretBytes> read_line(int terminal, const std::string& prompt, bool echo) {
  const Interrupts interrupts(Interrupts::Stop::noticed);
  std::optional<EchoOff> silence;
  if (!echo) silence.emplace(terminal);
  Line line;
  pose(terminal, prompt);
  try {
    for (bool more = true; more;) {
      if (interrupts.wait(terminal, POLLIN) == Interrupts::Event::stopped) {
        if (silence) silence->restore();
        put(terminal, "\n");
        Interrupts::stop();
        if (silence) silence->turn_off();
        line.clear();
        pose(terminal, prompt);
      } else {
        more = add_byte(terminal, line);
      }
    }
  } catch (const Interrupted&) {
    put(terminal, "\n");
    throw;
  }
  if (!echo) put(terminal, "\n");
  return line.take();
}

bool ends_sentence(std::string_view text) {
  return !text.empty() && std::string_view(".?!:").find(text.back()) != std::string_view::npos;
}

/// The agent's text as one line: it may be the one of a dialog, which has several.
std::string one_line(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (!out.empty()) out += ends_sentence(out) ? " " : ". ";
    out += printable(line, limits::sentence_bytes);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return out;
}

std::size_t terminal_columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

bool may_colour(int descriptor) {
  const char* no_colour = getenv("NO_COLOR");
  const char* terminal = getenv("TERM");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  if (terminal == nullptr || std::string_view(terminal) == "dumb") return false;
  return isatty(descriptor) == 1;
}

std::string bold(const std::string& text) { return may_colour(STDOUT_FILENO) ? "\x1b[1m" + text + "\x1b[0m" : text; }

void Terminal::notice(std::string_view text) {
  wipe_notice();
  notice_ = one_line(text);
  ticks_ = 0;
  if (!notice_.empty()) draw_notice();
}

void Terminal::tick() {
  if (notice_.empty() || isatty(STDERR_FILENO) != 1) return;
  ++ticks_;
  draw_notice();
}

void Terminal::draw_notice() {
  if (isatty(STDERR_FILENO) != 1) {
    put(STDERR_FILENO, notice_ + "\n");
    return;
  }
  // One line only, or it could not be taken away again.
  const std::string text = first_columns(notice_, terminal_columns() - 3);
  const std::string turn(spinner[ticks_ % spinner.size()]);
  put(STDERR_FILENO,
      may_colour(STDERR_FILENO) ? "\r" + turn + " \x1b[1m" + text + "\x1b[0m" : "\r" + turn + " " + text);
}

void Terminal::wipe_notice() {
  if (notice_.empty() || isatty(STDERR_FILENO) != 1) return;
  put(STDERR_FILENO, "\r" + std::string(terminal_columns() - 1, ' ') + "\r");
}

std::optional<SecretBytes> Terminal::answer(const control::Question& question) {
  switch (question.kind) {
    case control::Question::Kind::pin: return ask_hidden(question.text);
    case control::Question::Kind::new_pin: return ask_new(question.text);
    case control::Question::Kind::text: return ask_line(question.text);
  }
  throw Error(Errc::unsupported, "the agent asks something that this fob does not know");
}

std::optional<SecretBytes> Terminal::ask_hidden(std::string_view prompt) { return ask(prompt, false); }
std::optional<SecretBytes> Terminal::ask_line(std::string_view prompt) { return ask(prompt, true); }

std::optional<SecretBytes> Terminal::ask_new(std::string_view prompt) {
  for (int attempt = 0; attempt < new_pin_attempts; ++attempt) {
    std::optional<SecretBytes> first = ask_hidden(prompt);
    if (!first) return std::nullopt;
    const std::optional<SecretBytes> second = ask_hidden("the same again");
    if (!second) return std::nullopt;
    if (*first == *second) return first;
    std::cerr << "They differ; nothing has changed.\n";
  }
  throw Error(Errc::refused, "typed differently each time; nothing has changed");
}

bool Terminal::confirms(std::string_view question) {
  const std::optional<SecretBytes> typed = ask_line(question);
  if (!typed) return false;
  const std::string_view text = as_text(typed->view());
  return text == "yes" || text == "y";
}

std::optional<SecretBytes> Terminal::ask(std::string_view prompt, bool echo) {
  notice({});
  const std::string question = one_line(prompt);
  const Descriptor terminal(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (terminal.get() < 0) {
    throw Error(Errc::refused, "there is no terminal to ask at (" + question + "): run fob in one");
  }
  return read_line(terminal.get(), question + (ends_sentence(question) ? " " : ": "), echo);
}

}  // namespace fob::cli
