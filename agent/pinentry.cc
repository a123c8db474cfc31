#include "agent/pinentry.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "agent/child_process.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

/// Assuan's limit for a line without its end (libassuan's ASSUAN_LINELENGTH less two).
constexpr std::size_t line_bytes = 1000;
/// All that the program may say: a conversation has some twenty short lines.
constexpr std::size_t conversation_bytes = 64 * 1024;

// libgpg-error's codes, without the number of the component in the upper half.
constexpr std::uint32_t code_mask = 0xffff;
constexpr std::uint32_t timeout = 62;
constexpr std::uint32_t cancelled = 99;
constexpr std::uint32_t not_confirmed = 114;
constexpr std::uint32_t fully_cancelled = 198;

/// How a command ended: OK, or ERR with a code and a text.
struct Reply {
  bool ok = false;
  std::uint32_t code = 0;
  std::string text;
};

std::uint8_t hex_digit(std::uint8_t c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  throw Error(Errc::malformed, "pinentry's answer is wrongly escaped");
}

/// Rewritten so that it stays one line, and cut short, between characters, to at most `max_bytes`.
std::string escaped(std::string_view text, std::size_t max_bytes) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  std::size_t whole_characters = 0;
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    const bool begins_character = (byte & 0xc0) != 0x80;
    if (begins_character) whole_characters = out.size();
    if (byte < ' ' || c == '%' || byte == 0x7f) {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 0xf];
    } else {
      out += c;
    }
    if (out.size() <= max_bytes) continue;
    out.resize(whole_characters);
    return out;
  }
  return out;
}

/// The data of an answer: pieces, unescaped.
class Data {
 public:
  void clear() { size_ = 0; }
  void append(ByteView piece) {
    for (std::size_t i = 0; i < piece.size(); ++i) {
      if (size_ == text_.size()) throw Error(Errc::too_large, "what was typed into pinentry is too long");
      std::uint8_t& byte = text_.data()[size_++];
      byte = piece[i];
      if (byte != '%') continue;
      if (piece.size() - i < 3) throw Error(Errc::malformed, "pinentry's answer is wrongly escaped");
      byte = static_cast<std::uint8_t>(hex_digit(piece[i + 1]) << 4 | hex_digit(piece[i + 2]));
      i += 2;
    }
  }
  SecretBytes take() const { return SecretBytes(text_.view().first(size_)); }

 private:
  SecretBytes text_{limits::askpass_answer_bytes};
  std::size_t size_ = 0;
};

/// Both ends of a new socket pair: ours and the program's.
std::array<int, 2> make_channel() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) throw_system_error("socketpair", errno);
  return ends;
}

/// A conversation with the program. Throws Error where it does not keep to the protocol, malformed or removed, and
/// system_error where the coroutine is cancelled.
class Conversation {
 public:
  Conversation(asio::io_context& io, const std::string& program) : Conversation(io, program, make_channel()) {}

  /// Sends the line, unless it is empty, and waits for the end of the answer.
  Awaitable<Reply> ask(std::string line);
  SecretBytes data() const { return data_.take(); }

 private:
  using Socket = asio::local::stream_protocol::socket;

  Conversation(asio::io_context& io, const std::string& program, const std::array<int, 2>& ends)
      : ours_(io, asio::local::stream_protocol(), ends[0]),
        theirs_(io, asio::local::stream_protocol(), ends[1]),
        child_(io, {program}, {}, {ends[1], ends[1]}) {
    theirs_.close();
  }

  Awaitable<ByteView> read_line();
  static void check(const boost::system::error_code& error);

  Socket ours_;
  Socket theirs_;  ///< held only until the program has it
  ChildProcess child_;
  SecretBytes buffer_{line_bytes + 2};
  std::size_t read_ = 0;      ///< bytes in the buffer
  std::size_t consumed_ = 0;  ///< of them, those of the line before
  std::size_t total_ = 0;
  Data data_;
};

void Conversation::check(const boost::system::error_code& error) {
  if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
  if (error) throw Error(Errc::removed, "pinentry ended without an answer");
}

/// A view into the buffer, until the next call.
Awaitable<ByteView> Conversation::read_line() {
  std::memmove(buffer_.data(), buffer_.data() + consumed_, read_ - consumed_);
  read_ -= consumed_;
  for (;;) {
    const auto* end = static_cast<const std::uint8_t*>(std::memchr(buffer_.data(), '\n', read_));
    if (end != nullptr) {
      auto size = static_cast<std::size_t>(end - buffer_.data());
      consumed_ = size + 1;
      if (size > 0 && buffer_.data()[size - 1] == '\r') --size;
      co_return buffer_.view().first(size);
    }
    if (read_ == buffer_.size()) throw Error(Errc::malformed, "pinentry wrote too long a line");
    const auto into = asio::buffer(buffer_.data() + read_, buffer_.size() - read_);
    boost::system::error_code error;
    const std::size_t got = co_await ours_.async_read_some(into, asio::redirect_error(asio::use_awaitable, error));
    check(error);
    read_ += got;
    total_ += got;
    if (total_ > conversation_bytes) throw Error(Errc::malformed, "pinentry wrote too much");
  }
}

bool is_word(std::string_view line, std::string_view word) {
  return line == word || (line.starts_with(word) && line[word.size()] == ' ');
}

/// Of "ERR 83886179 Operation cancelled <Pinentry>".
Reply parse_failure(std::string_view line) {
  line.remove_prefix(std::min<std::size_t>(line.size(), 4));
  Reply out;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), out.code);
  if (error != std::errc()) throw Error(Errc::malformed, "pinentry's answer is not in its protocol");
  out.code &= code_mask;
  line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  out.text = printable(line);
  return out;
}

Awaitable<Reply> Conversation::ask(std::string line) {
  data_.clear();
  if (!line.empty()) {
    line += '\n';
    boost::system::error_code error;
    const auto from = asio::buffer(line);
    co_await asio::async_write(ours_, from, asio::redirect_error(asio::use_awaitable, error));
    check(error);
  }
  for (;;) {
    const ByteView bytes = co_await read_line();
    const std::string_view answer = as_text(bytes);
    if (is_word(answer, "OK")) co_return Reply{true, 0, ""};
    if (is_word(answer, "ERR")) co_return parse_failure(answer);
    if (answer.starts_with("D ")) {
      data_.append(bytes.subspan(2));
    } else if (!answer.empty() && answer[0] != '#' && !is_word(answer, "S")) {
      throw Error(Errc::malformed, "pinentry's answer is not in its protocol");
    }
  }
}

/// "OPTION name=value" for the variables that say where a dialog on a terminal should be, and in which language.
std::vector<std::string> options() {
  std::vector<std::string> out;
  const auto add = [&](const char* name, std::initializer_list<const char*> variables) {
    for (const char* variable : variables) {
      const char* value = getenv(variable);
      if (value == nullptr || *value == '\0') continue;
      const std::string_view text(value);
      // An option's value has no escapes.
      const bool is_plain = text == printable(text);
      if (is_plain) out.push_back("OPTION " + std::string(name) + "=" + value);
      return;
    }
  };
  add("ttyname", {"GPG_TTY"});
  add("ttytype", {"TERM"});
  add("lc-ctype", {"LC_ALL", "LC_CTYPE", "LANG"});
  add("lc-messages", {"LC_ALL", "LC_MESSAGES", "LANG"});
  return out;
}

std::string command(std::string_view name, std::string_view text) {
  return std::string(name) + " " + escaped(text, line_bytes - name.size() - 1);
}

std::string refusal_of(const Reply& reply) {
  switch (reply.code) {
    case cancelled:
    case fully_cancelled:
    case not_confirmed: return "the user said no";
    case timeout: return "nobody answered the dialog";
    default: return "pinentry cannot ask: " + reply.text + " (error " + std::to_string(reply.code) + ")";
  }
}

/// The program's answer; its own troubles throw Error.
Awaitable<PinAnswer> converse(asio::io_context& io, std::string program, PinQuestion question) {
  if (!question.secret) question.description += "\n(What you type is not shown.)";
  Conversation pinentry(io, program);
  const Reply greeting = co_await pinentry.ask("");
  if (!greeting.ok) co_return PinAnswer{SecretBytes(), refusal_of(greeting)};
  // An old or simple pinentry knows not all of them, and can ask all the same.
  std::vector<std::string> niceties = options();
  niceties.push_back(command("SETTITLE", question.title));
  niceties.push_back(command("SETPROMPT", question.prompt));
  for (std::string& line : niceties) co_await pinentry.ask(std::move(line));
  const Reply described = co_await pinentry.ask(command("SETDESC", question.description));
  if (!described.ok) co_return PinAnswer{SecretBytes(), refusal_of(described)};
  const Reply given = co_await pinentry.ask("GETPIN");
  if (!given.ok) co_return PinAnswer{SecretBytes(), refusal_of(given)};
  co_return PinAnswer{pinentry.data(), ""};
}

}  // namespace

Awaitable<PinAnswer> ask_pinentry(asio::io_context& io, std::string program, PinQuestion question) {
  std::string fault;
  try {
    PinAnswer answer = co_await converse(io, std::move(program), std::move(question));
    co_return answer;
  } catch (const Error& error) {
    fault = error.what();
  }
  co_return PinAnswer{SecretBytes(), std::move(fault)};
}

}  // namespace fob
