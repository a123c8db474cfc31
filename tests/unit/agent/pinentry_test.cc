#include "agent/pinentry.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "tests/daemon/memory_scan.h"
#include "tests/daemon/temp_dir.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

const PinQuestion question{"a title", "a description", "PIN:", true};

/// Shell that answers all commands but GETPIN, which `$getpin` answers; what came is in $DIR/seen.
constexpr char loop[] = R"(
echo 'OK Pleased to meet you'
while IFS= read -r line; do
  printf '%s\n' "$line" >> "$DIR/seen"
  case $line in GETPIN) eval "$getpin";; *) echo OK;; esac
done
)";

/// A pinentry that is a script.
class PinentryTest : public testing::Test {
 protected:
  /// How an answer looks: "<text>", or what was refused.
  static std::string shown(const PinAnswer& answer) {
    if (!answer.refusal.empty()) return answer.refusal;
    return "<" + std::string(as_text(answer.text.view())) + ">";
  }
  PinAnswer ask(PinQuestion what = question) { return run_to_end(io_, ask_pinentry(io_, program_, std::move(what))); }
  std::string ask_script(const std::string& script) {
    write_file(program_, "#!/bin/sh\nDIR=" + directory_.path() + "\n" + script, 0700);
    return shown(ask());
  }
  /// With the loop above; `getpin` is shell.
  std::string ask_loop(const std::string& getpin) { return ask_script("getpin='" + getpin + "'" + loop); }
  std::vector<std::string> seen() const {
    std::vector<std::string> out;
    std::istringstream lines(read_file(directory_.file("seen")));
    for (std::string line; std::getline(lines, line);) out.push_back(line);
    return out;
  }

  const TempDir directory_;
  const std::string program_ = directory_.file("pinentry");
  asio::io_context io_{1};
};

TEST_F(PinentryTest, GivesWhatWasTyped) {
  EXPECT_EQ(ask_loop("echo D 1234; echo OK"), "<1234>");
  EXPECT_EQ(ask_loop("echo OK"), "<>");
  EXPECT_EQ(ask_loop("echo D 12; echo D 34; echo OK closing"), "<1234>");
  EXPECT_EQ(ask_loop("printf \"D 1234\\r\\nOK\\r\\n\""), "<1234>");
  EXPECT_EQ(ask_loop("echo \"D  a b \"; echo OK"), "< a b >");
  EXPECT_EQ(ask_loop("echo D 100%25%0a%0D%c3%A9; echo OK"), "<100%\n\r\xc3\xa9>");
  EXPECT_EQ(ask_loop("echo \"# comment\"; echo; echo S PIN_REPEATED; echo D 1; echo \"S x\"; echo OK"), "<1>");
  EXPECT_EQ(ask_loop("printf \"D 12\"; sleep 0.05; printf \"34\\nO\"; sleep 0.05; echo K"), "<1234>");
  const std::string longest(994, 'x');
  EXPECT_EQ(ask_loop("printf \"D %s\\n\" " + longest + "; echo OK"), "<" + longest + ">");
}

TEST_F(PinentryTest, SaysWhatIsAskedInOrder) {
  const Variable tty("GPG_TTY", "/dev/pts/99");
  const Variable term("TERM", "xterm-256color");
  const Variable all("LC_ALL", nullptr);
  const Variable type("LC_CTYPE", "C.UTF-8");
  const Variable messages("LC_MESSAGES", "");
  const Variable lang("LANG", "de_DE.UTF-8");
  ask_loop("echo OK");
  EXPECT_EQ(seen(),
            (std::vector<std::string>{"OPTION ttyname=/dev/pts/99", "OPTION ttytype=xterm-256color",
                                      "OPTION lc-ctype=C.UTF-8", "OPTION lc-messages=de_DE.UTF-8", "SETTITLE a title",
                                      "SETPROMPT PIN:", "SETDESC a description", "GETPIN"}));
}

TEST_F(PinentryTest, SendsNoOptionThatIsNotPlain) {
  const Variable tty("GPG_TTY", "/dev/pts/1\nSETDESC other");
  const Variable term("TERM", "x\x1b[2J");
  ask_loop("echo OK");
  const std::vector<std::string> lines = seen();
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(), [](const auto& line) { return line.starts_with("OPTION tty"); }),
            0);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "SETDESC other"), 0);
}

TEST_F(PinentryTest, EscapesAndCutsTexts) {
  ask_loop("echo OK");
  PinQuestion odd{"100%\r", "line\nGETPIN\n\x7f \xc3\xa9", "", false};
  write_file(directory_.file("seen"), "");
  ask(odd);
  std::vector<std::string> lines = seen();
  ASSERT_GE(lines.size(), 4U);
  EXPECT_EQ(
      std::vector(lines.end() - 4, lines.end()),
      (std::vector<std::string>{"SETTITLE 100%25%0D", "SETPROMPT ",
                                "SETDESC line%0AGETPIN%0A%7F \xc3\xa9%0A(What you type is not shown.)", "GETPIN"}));
  for (const std::string& piece :
       {std::string("x"), std::string("\n"), std::string("\xc3\xa9"), std::string("x\xe2\x82\xac")}) {
    std::string text;
    while (text.size() < 3000) text += piece;
    EXPECT_EQ(shown(ask({text, text, text, true})), "<>");
    for (const std::string& line : seen()) {
      ASSERT_LE(line.size(), 1000U);
      if (line.starts_with("SETDESC ")) {
        EXPECT_TRUE(line.size() < 100 || line.size() > 990) << line;
        EXPECT_NE(line.back() & 0xc0, 0xc0) << "no half character";
      }
    }
  }
}

TEST_F(PinentryTest, TellsARefusal) {
  EXPECT_EQ(ask_loop("echo ERR 83886179 Operation cancelled"), "the user said no");
  EXPECT_EQ(ask_loop("echo \"ERR 83886179 Operation cancelled <Pinentry>\""), "the user said no");
  EXPECT_EQ(ask_loop("echo D 1234; echo ERR 83886179"), "the user said no") << "what came before does not count";
  EXPECT_EQ(ask_loop("echo ERR 83886194 not confirmed"), "the user said no");
  EXPECT_EQ(ask_loop("echo ERR 83886142 Timeout"), "nobody answered the dialog");
  EXPECT_EQ(ask_loop("printf \"ERR 83918950 No \\033terminal\\n\""), "pinentry cannot ask: No ?terminal (error 32870)");
  EXPECT_EQ(ask_script("echo ERR 1 not today"), "pinentry cannot ask: not today (error 1)");
}

TEST_F(PinentryTest, GoesOnWithoutNicetiesButNotWithoutTheDescription) {
  const std::string simple = R"(
echo OK
while read -r line; do
  case $line in GETPIN) echo 'D 1'; echo OK;; SETDESC*) echo "$desc";; *) echo 'ERR 536871187 Unknown command';; esac
done
)";
  EXPECT_EQ(ask_script("desc=OK" + simple), "<1>");
  EXPECT_EQ(ask_script("desc='ERR 536871187 Unknown'" + simple), "pinentry cannot ask: Unknown (error 275)");
}

TEST_F(PinentryTest, RefusesWhatIsNotTheProtocol) {
  const std::string not_protocol = "pinentry's answer is not in its protocol";
  const std::string wrongly_escaped = "pinentry's answer is wrongly escaped";
  for (const char* getpin : {"echo 1234", "echo OKAY", "echo D1234", "echo ERR", "echo ERR x", "echo ERR -1",
                             "echo ERR 99999999999", "echo INQUIRE QUALITY 1234", "printf \"\\0\\0\\n\"", "echo ok"}) {
    EXPECT_EQ(ask_loop(getpin), not_protocol) << getpin;
  }
  for (const char* getpin : {"echo D %", "echo D %4", "echo D %4g", "echo D %%25", "echo D 123%+1"}) {
    EXPECT_EQ(ask_loop(getpin), wrongly_escaped) << getpin;
  }
  EXPECT_EQ(ask_script("echo hello"), not_protocol);
  EXPECT_EQ(ask_loop("head -c 1001 /dev/zero | tr \"\\0\" x; echo"), not_protocol);
  EXPECT_EQ(ask_loop("head -c 5000 /dev/zero | tr \"\\0\" x; echo"), "pinentry wrote too long a line");
  EXPECT_EQ(ask_loop("for i in 1 2 3; do printf \"D %0500d\\n\" 1; done; echo OK"),
            "what was typed into pinentry is too long");
}

TEST_F(PinentryTest, WithEndlessOutputIsGivenUp) {
  EXPECT_EQ(ask_script("exec yes '# comment'"), "pinentry wrote too much");
  EXPECT_EQ(ask_script("exec yes 'S status'"), "pinentry wrote too much");
  EXPECT_EQ(ask_script("exec yes ''"), "pinentry wrote too much");
  EXPECT_EQ(ask_script("exec yes 'D 1234'"), "what was typed into pinentry is too long");
  EXPECT_EQ(ask_script("exec cat /dev/zero"), "pinentry wrote too long a line");
  EXPECT_EQ(ask_script("exec yes OK"), "<>") << "in step by chance, and typed nothing";
  EXPECT_NE(ask_script("exec cat /dev/urandom"), "<>");
}

TEST_F(PinentryTest, ThatDiesIsNoAnswer) {
  const std::string died = "pinentry ended without an answer";
  EXPECT_EQ(ask_script("exit 0"), died);
  EXPECT_EQ(ask_script("kill -KILL $$"), died);
  EXPECT_EQ(ask_script("echo OK; exit 1"), died);
  EXPECT_EQ(ask_loop("exit 0"), died);
  EXPECT_EQ(ask_loop("printf \"D 1234\\n\"; exit 0"), died);
  EXPECT_EQ(ask_loop("printf \"D 1234\\nOK\"; exit 0"), died);
  EXPECT_EQ(ask_script("exec <&- >&-; sleep 60"), died);
}

TEST_F(PinentryTest, ThatCannotRunSaysWhy) {
  const PinAnswer answer = ask();
  EXPECT_NE(answer.refusal.find(program_), std::string::npos) << answer.refusal;
  EXPECT_TRUE(answer.text.empty());
}

TEST_F(PinentryTest, IsTakenDownWhereNobodyWaitsAnyMore) {
  for (const char* script : {"echo $$ > \"$DIR/pid\"; exec sleep 60", "echo OK; echo $$ > \"$DIR/pid\"; exec sleep 60",
                             "trap '' TERM; echo $$ > \"$DIR/pid\"; while :; do sleep 0.1; done"}) {
    std::filesystem::remove(directory_.file("pid"));
    write_file(program_, "#!/bin/sh\nDIR=" + directory_.path() + "\n" + script, 0700);
    asio::cancellation_signal cancel;
    bool was_cancelled = false;
    asio::co_spawn(io_, ask_pinentry(io_, program_, question),
                   asio::bind_cancellation_slot(cancel.slot(), [&](const std::exception_ptr& fault, const PinAnswer&) {
                     was_cancelled = fault != nullptr;
                   }));
    io_.restart();
    EXPECT_TRUE(soon([&] {
      io_.poll();
      return read_file(directory_.file("pid")).ends_with('\n');
    }));
    const pid_t pid = std::stoi(read_file(directory_.file("pid")));
    cancel.emit(asio::cancellation_type::terminal);
    io_.restart();
    io_.run();
    EXPECT_TRUE(was_cancelled);
    EXPECT_NE(kill(pid, 0), 0) << script;
  }
}

TEST_F(PinentryTest, LeavesNoTraceOfThePinInMemory) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can read another process's memory";
  const std::string maps = read_file("/proc/self/maps");
  if (maps.find("libasan") != std::string::npos || maps.find("libtsan") != std::string::npos) {
    GTEST_SKIP() << "a sanitizer keeps what was freed";
  }
  const std::string script = "pin=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n'); echo $pin > $DIR/pin\n";
  write_file(program_, "#!/bin/sh\nDIR=" + directory_.path() + "\n" + script + "getpin='echo D $pin; echo OK'" + loop,
             0700);
  for (int round = 0; round < 3; ++round) {
    const PinAnswer answer = ask();
    EXPECT_EQ(answer.text.size(), 32U);
  }
  // The child learns the PIN, this process does not.
  Fork scanner([&] {
    MemoryScan scan;
    const std::string pin = read_file(directory_.file("pin"));
    scan.look_for_text("PIN", as_bytes(pin).first(32));
    const std::vector<std::string> found = scan.scan(getppid());
    for (const std::string& text : found) std::cerr << text << '\n';
    return found.empty() ? 0 : 1;
  });
  EXPECT_EQ(scanner.wait(), 0);
}

/// What a person at a terminal sees, and types once a word appears.
Awaitable<void> type_when(asio::posix::stream_descriptor& terminal, std::string word, std::string keys,
                          std::string& screen) {
  bool typed = false;
  for (;;) {
    std::array<char, 1024> piece{};
    const auto into = asio::buffer(piece);
    boost::system::error_code error;
    const std::size_t got = co_await terminal.async_read_some(into, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    screen.append(piece.data(), got);
    if (typed || screen.find(word) == std::string::npos) continue;
    typed = true;
    const auto from = asio::buffer(keys);
    co_await asio::async_write(terminal, from, asio::use_awaitable);
  }
}

Awaitable<PinAnswer> ask_at(asio::io_context& io, asio::posix::stream_descriptor& terminal, std::string program,
                            std::string& screen, std::string keys) {
  using namespace asio::experimental::awaitable_operators;
  std::string word = "description";
  auto task = ask_pinentry(io, program, question);
  auto person = type_when(terminal, word, keys, screen);
  auto outcome = co_await (std::move(task) || std::move(person) || sleep_for(std::chrono::seconds(10)));
  if (outcome.index() != 0) co_return PinAnswer{SecretBytes(), "no answer within ten seconds; on screen: " + screen};
  co_return std::move(std::get<0>(outcome));
}

/// A real pinentry on a terminal of its own, at which somebody types.
std::string typed_at(const std::string& program, const std::string& keys) {
  asio::io_context io(1);
  int ours = -1;
  int theirs = -1;
  const winsize size{24, 80, 0, 0};
  std::array<char, 256> name{};
  if (openpty(&ours, &theirs, name.data(), nullptr, &size) != 0) return "no terminal";
  const Variable tty("GPG_TTY", name.data());
  const Variable term("TERM", "xterm");
  const Variable display("DISPLAY", nullptr);
  asio::posix::stream_descriptor terminal(io, ours);
  std::string screen;
  const PinAnswer answer = run_to_end(io, ask_at(io, terminal, program, screen, keys));
  close(theirs);
  return answer.refusal.empty() ? "<" + std::string(as_text(answer.text.view())) + ">" : answer.refusal;
}

TEST(RealPinentry, AsksOnATerminal) {
  std::size_t asked = 0;
  for (const char* program : {"/usr/bin/pinentry-tty", "/usr/bin/pinentry-curses"}) {
    if (access(program, X_OK) != 0) continue;
    ++asked;
    EXPECT_EQ(typed_at(program, "1 2%3\r"), "<1 2%3>") << program;
    EXPECT_EQ(typed_at(program, "\r"), "<>") << program;
  }
  if (asked == 0) GTEST_SKIP() << "neither pinentry-tty nor pinentry-curses is installed";
}

TEST(RealPinentry, TellsThatItsCancelButtonWasPressed) {
  constexpr char program[] = "/usr/bin/pinentry-curses";
  if (access(program, X_OK) != 0) GTEST_SKIP() << "pinentry-curses is not installed";
  EXPECT_EQ(typed_at(program, "\t\t\r"), "the user said no");
}

}  // namespace
}  // namespace fob
