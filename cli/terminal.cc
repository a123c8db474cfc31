#include "cli/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "cli/askpass.h"
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
    pollfd room{descriptor, POLLOUT, 0};
    if (written < 0 && errno == EAGAIN && poll(&room, 1, -1) == 1) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// What is being typed. It never moves in memory, so no copy of it stays anywhere.
class Typed {
 public:
  explicit Typed(std::size_t max_bytes) : buffer_(max_bytes) {}
  virtual ~Typed() = default;

  /// False for the last one.
  virtual bool add(std::uint8_t byte) = 0;
  virtual void clear() { size_ = dropped_ = 0; }
  /// More may come by itself.
  virtual bool is_pasted() const { return false; }

  std::optional<SecretBytes> take() const {
    const std::size_t bytes = dropped_ + size_;
    if (bytes == 0) return std::nullopt;
    if (bytes > buffer_.size()) {
      throw Error(Errc::too_large, "what was typed has " + std::to_string(bytes) + " bytes, at most " +
                                       std::to_string(buffer_.size()) + " are allowed");
    }
    return SecretBytes(buffer_.view().first(size_));
  }

 protected:
  void put_byte(std::uint8_t byte) {
    if (size_ < buffer_.size()) buffer_.data()[size_] = byte;
    ++size_;
  }
  bool is_full() const { return size_ >= buffer_.size(); }
  /// Of what is too long anyway: room for what follows.
  void drop_before(std::size_t begin) {
    if (begin == 0) return;
    std::copy(buffer_.data() + begin, buffer_.data() + std::min(size_, buffer_.size()), buffer_.data());
    size_ -= begin;
    dropped_ += begin;
  }
  std::string_view text() const { return as_text(buffer_.view().first(std::min(size_, buffer_.size()))); }

 private:
  SecretBytes buffer_;
  std::size_t size_ = 0;
  std::size_t dropped_ = 0;
};

class Line : public Typed {
 public:
  Line() : Typed(limits::typed_bytes) {}

  bool add(std::uint8_t byte) override {
    if (byte == '\n' || byte == '\r') return false;
    put_byte(byte);
    return true;
  }
};

class Paste : public Typed {
 public:
  Paste(std::size_t max_bytes, bool (*is_last)(std::string_view line)) : Typed(max_bytes), is_last_(is_last) {}

  bool add(std::uint8_t byte) override {
    // The last line is looked for to the end: the rest would go to whoever reads the terminal next.
    if (is_full()) drop_before(std::exchange(begin_, 0));
    put_byte(byte);
    if (byte != '\n') return true;
    const std::string_view line = text().substr(begin_);
    begin_ = text().size();
    return !is_last_(line);
  }
  void clear() override {
    Typed::clear();
    begin_ = 0;
  }
  bool is_pasted() const override { return true; }

 private:
  bool (*is_last_)(std::string_view line);
  std::size_t begin_ = 0;  ///< of the line
};

/// Adds what comes until the end of it, or of the input.
bool add_byte(int terminal, Typed& typed) {
  std::uint8_t byte = 0;
  const ssize_t got = read(terminal, &byte, 1);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  const bool more = got == 1 && typed.add(byte);
  explicit_bzero(&byte, sizeof(byte));
  return more;
}

/// What was typed before the question is no answer to it.
void pose(int terminal, std::string_view prompt) {
  tcflush(terminal, TCIFLUSH);
  put(terminal, prompt);
}

/// What a paste has behind the key must not go to the shell. Until nothing comes any more, or the terminal is gone.
void drop_rest(int terminal) {
  constexpr int quiet_ms = 200;
  constexpr int most_times = 100;
  pollfd more{terminal, POLLIN, 0};
  for (int i = 0; i < most_times && poll(&more, 1, quiet_ms) == 1 && more.revents == POLLIN; ++i) {
    tcflush(terminal, TCIFLUSH);
  }
}

std::optional<SecretBytes> read_typed(int terminal, const std::string& prompt, bool echo, Typed& typed) {
  const Interrupts interrupts(Interrupts::Stop::noticed);
  std::optional<EchoOff> silence;
  if (!echo) silence.emplace(terminal);
  pose(terminal, prompt);
  try {
    for (bool more = true; more;) {
      if (interrupts.wait(terminal, POLLIN) == Interrupts::Event::stopped) {
        if (silence) silence->restore();
        put(terminal, "\n");
        Interrupts::stop();
        if (silence) silence->turn_off();
        typed.clear();
        pose(terminal, prompt);
      } else {
        more = add_byte(terminal, typed);
      }
    }
  } catch (const Interrupted&) {
    put(terminal, "\n");
    throw;
  }
  if (typed.is_pasted()) drop_rest(terminal);
  if (!echo) put(terminal, "\n");
  return typed.take();
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

std::string with_colon(const std::string& question) { return question + (ends_sentence(question) ? " " : ": "); }

/// Not blocking: Ctrl-C takes away what was typed, perhaps after it was there and before it is read.
Descriptor open_terminal() { return Descriptor(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)); }

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
    case control::Question::Kind::pin:
    case control::Question::Kind::passphrase: return ask_hidden(question.text);
    case control::Question::Kind::new_pin:
    case control::Question::Kind::new_passphrase: return ask_new(question.text);
    case control::Question::Kind::text: return ask_line(question.text);
  }
  throw Error(Errc::unsupported, "the agent asks something that this fob does not know");
}

std::optional<SecretBytes> Terminal::ask_hidden(std::string_view prompt) { return ask_secret(prompt, prompt); }

std::optional<SecretBytes> Terminal::ask_line(std::string_view prompt) {
  notice({});
  return ask_at_terminal(one_line(prompt), true);
}

std::optional<SecretBytes> Terminal::ask_new(std::string_view prompt) {
  std::string question(prompt);
  for (int attempt = 0; attempt < new_pin_attempts; ++attempt) {
    std::optional<SecretBytes> first = ask_hidden(question);
    if (!first) return std::nullopt;
    const std::optional<SecretBytes> second =
        ask_secret("the same again", "The same again, lest it was mistyped:\n" + std::string(prompt));
    if (!second) return std::nullopt;
    if (*first == *second) return first;
    question = "They differ; nothing has changed.\n" + std::string(prompt);
  }
  throw Error(Errc::refused, "typed differently each time; nothing has changed");
}

bool Terminal::confirms(std::string_view question) {
  const std::optional<SecretBytes> typed = ask_line(question);
  if (!typed) return false;
  const std::string_view text = as_text(typed->view());
  return text == "yes" || text == "y";
}

std::optional<SecretBytes> Terminal::ask_secret(std::string_view prompt, std::string_view for_program) {
  notice({});
  const AskpassUse use = askpass_use();
  const bool alone = use == AskpassUse::without && open_terminal().get() < 0;
  if (use == AskpassUse::instead || alone) return ask_by_program(with_colon(one_line(for_program)));
  return ask_at_terminal(one_line(prompt), false);
}

std::optional<SecretBytes> Terminal::ask_at_terminal(const std::string& question, bool echo) {
  const Descriptor terminal = open_terminal();
  if (terminal.get() < 0) {
    throw Error(Errc::refused,
                "there is no terminal to ask at (" + question + "): run fob in one" +
                    (echo ? "" : ", or let SSH_ASKPASS name a program that asks, with SSH_ASKPASS_REQUIRE=force"));
  }
  Line line;
  return read_typed(terminal.get(), with_colon(question), echo, line);
}

std::optional<SecretBytes> Terminal::ask_paste(std::string_view prompt, std::size_t max_bytes,
                                               bool (*is_last)(std::string_view line)) {
  notice({});
  const Descriptor terminal = open_terminal();
  if (terminal.get() < 0) throw Error(Errc::refused, "there is no terminal to paste at: run fob in one");
  Paste paste(max_bytes, is_last);
  return read_typed(terminal.get(), one_line(prompt) + '\n', false, paste);
}

}  // namespace fob::cli
