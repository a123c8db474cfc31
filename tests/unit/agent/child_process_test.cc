#include "agent/child_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "protocol/limits.h"
#include "tests/daemon/temp_dir.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

using Words = std::vector<std::string>;

constexpr std::size_t plenty = limits::askpass_answer_bytes;

struct Result {
  int status = 0;
  std::string output;
};

Awaitable<Result> run_child(asio::io_context& io, Words argv, Words additions) {
  AskingProcess child(io, argv, additions);
  Result out;
  const SecretBytes text = co_await child.output();
  out.output = as_text(text.view());
  out.status = co_await child.wait();
  co_return out;
}

Result run_script(const std::string& script, Words additions = {}) {
  asio::io_context io(1);
  Words argv = {"sh", "-c", script};
  return run_to_end(io, run_child(io, std::move(argv), std::move(additions)));
}

/// Whether there is no such process, a zombie being one.
bool is_gone(pid_t pid) { return kill(pid, 0) != 0 && errno == ESRCH; }

/// The same for processes that are not ours to reap: a zombie has ended.
bool has_ended(pid_t pid) {
  const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  return stat.empty() || stat.substr(stat.rfind(')')).starts_with(") Z");
}

bool has_children() { return waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD; }

pid_t read_pid(const std::string& path) {
  pid_t out = 0;
  EXPECT_TRUE(soon([&] {
    const std::string text = read_file(path);
    if (text.empty() || text.back() != '\n') return false;
    out = std::stoi(text);
    return true;
  }));
  return out;
}

TEST(ChildProcess, GivesItsExitStatus) {
  EXPECT_EQ(run_script("exit 0").status, 0);
  EXPECT_EQ(run_script("exit 7").status, 7);
  EXPECT_EQ(run_script("exit 255").status, 255);
  EXPECT_EQ(run_script("kill -KILL $$").status, -1);
  EXPECT_EQ(run_script("kill -TERM $$").status, -1);
  EXPECT_FALSE(has_children()) << "each was reaped";
}

TEST(ChildProcess, GivesItsOutput) {
  EXPECT_EQ(run_script("echo line; printf more").output, "line\nmore");
  EXPECT_EQ(run_script("true").output, "");
  EXPECT_EQ(run_script("echo not this >&2; echo this").output, "this\n");
  EXPECT_EQ(run_script("head -c 10000 /dev/zero | tr '\\0' x").output, std::string(plenty, 'x')) << "so much at most";
  EXPECT_EQ(run_script("exec yes").status, -1) << "one that writes for ever gets SIGPIPE";
}

TEST(ChildProcess, IsFoundInPathAndGetsItsArguments) {
  asio::io_context io(1);
  Words argv = {"printf", "<%s>", "a b", "", "$HOME", "'"};
  EXPECT_EQ(run_to_end(io, run_child(io, std::move(argv), {})).output, "<a b><><$HOME><'>");
}

TEST(ChildProcess, HasTheEnvironmentWithAdditions) {
  const Variable kept("FOB_TEST_KEPT", "kept");
  const Variable replaced("FOB_TEST_REPLACED", "before");
  const Variable longer("FOB_TEST_REPLACED_NOT", "longer name");
  const std::string script = "echo $FOB_TEST_KEPT $FOB_TEST_REPLACED $FOB_TEST_NEW $FOB_TEST_REPLACED_NOT";
  EXPECT_EQ(run_script(script, {"FOB_TEST_REPLACED=after", "FOB_TEST_NEW=new"}).output, "kept after new longer name\n");
  EXPECT_EQ(run_script("env | grep -c ^FOB_TEST_REPLACED=", {"FOB_TEST_REPLACED=after"}).output, "1\n");
  EXPECT_STREQ(std::getenv("FOB_TEST_REPLACED"), "before") << "only the child's changes";
}

TEST(ChildProcess, ReadsNothing) { EXPECT_EQ(run_script("cat; readlink /proc/self/fd/0").output, "/dev/null\n"); }

TEST(ChildProcess, HasNoOtherDescriptors) {
  // What whoever runs the test has left open is not the agent's.
  close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  const int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
  // 3 is the folder that ls reads.
  EXPECT_EQ(run_script("exec ls -x /proc/self/fd").output, "0  1  2  3\n");
  close(other);
}

TEST(ChildProcess, WritesToAPipeThatBlocks) {
  // O_NONBLOCK would be 04000 among the flags.
  EXPECT_EQ(run_script("grep flags /proc/self/fdinfo/1 | grep -c 4..1$").output, "0\n");
}

TEST(ChildProcess, HasDefaultSignals) {
  signal(SIGUSR2, SIG_IGN);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  const std::string script = "sed -nE 's/Sig(Blk|Ign):.*(.{8})$/\\1 \\2/p' /proc/self/status";
  const std::string masks = run_script(script).output;
  pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  signal(SIGUSR2, SIG_DFL);
  // Above the lower 31 are two of the C library's own.
  EXPECT_TRUE(masks == "Blk 00000000\nIgn 00000000\n" || masks == "Blk 00000000\nIgn 80000000\n") << masks;
}

TEST(ChildProcess, LeadsAGroupOfItsOwn) {
  EXPECT_EQ(run_script("[ $(ps -o pgid= -p $$) = $$ ] && echo own").output, "own\n");
}

TEST(ChildProcess, ThatCannotRunSaysWhy) {
  asio::io_context io(1);
  const TempDir directory;
  write_file(directory.file("plain"), "not a program", 0600);
  for (const std::string& program : {std::string("/nowhere/askpass"), directory.path(), directory.file("plain")}) {
    try {
      const AskingProcess child(io, {program}, {});
      FAIL() << program;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::system);
      EXPECT_NE(std::string_view(error.what()).find(program), std::string_view::npos) << error.what();
    }
  }
  EXPECT_FALSE(has_children());
}

/// Starts the script, which writes its pid, and destroys the object while it runs. Returns the pid.
pid_t abandon(asio::io_context& io, const TempDir& directory, const std::string& script) {
  std::optional<AskingProcess> child;
  child.emplace(io, Words{"sh", "-c", script}, Words{"DIR=" + directory.path()});
  const pid_t pid = read_pid(directory.file("pid"));
  EXPECT_FALSE(is_gone(pid));
  return pid;
}

TEST(ChildProcess, IsEndedAndReapedWithItsObject) {
  asio::io_context io(1);
  const TempDir directory;
  const pid_t pid = abandon(io, directory, "echo $$ > \"$DIR/pid\"; sleep 60 & wait");
  const auto start = std::chrono::steady_clock::now();
  io.run();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1)) << "SIGTERM is enough";
  EXPECT_TRUE(is_gone(pid));
  EXPECT_FALSE(has_children());
}

TEST(ChildProcess, IsEndedWithItsOwnChildren) {
  for (const char* trap : {"trap - TERM", "trap '' TERM"}) {
    asio::io_context io(1);
    const TempDir directory;
    const std::string child = "sh -c \"" + std::string(trap) + "; echo \\$\\$ > $DIR/child; exec sleep 60\" & ";
    abandon(io, directory, child + "while [ ! -s $DIR/child ]; do sleep 0.01; done; echo $$ > $DIR/pid; wait");
    const pid_t grandchild = read_pid(directory.file("child"));
    io.run();
    EXPECT_TRUE(soon([&] { return has_ended(grandchild); })) << trap;
    kill(grandchild, SIGKILL);
  }
}

TEST(ChildProcess, IsEndedThoughNobodyRunsTheIoContextAnyMore) {
  const TempDir directory;
  std::optional<asio::io_context> io(1);
  const pid_t pid = abandon(*io, directory, "echo $$ > \"$DIR/pid\"; exec sleep 60");
  io.reset();
  EXPECT_TRUE(soon([&] { return has_ended(pid); }));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

TEST(ChildProcess, ThatIgnoresSigtermIsKilled) {
  asio::io_context io(1);
  const TempDir directory;
  const pid_t pid = abandon(io, directory, "trap '' TERM; echo $$ > \"$DIR/pid\"; while :; do sleep 0.1; done");
  io.run();
  EXPECT_TRUE(is_gone(pid));
  EXPECT_FALSE(has_children());
}

Awaitable<void> wait_only(asio::io_context& io, std::string script, std::string directory) {
  const Words argv = {"sh", "-c", script};
  const Words additions = {"DIR=" + directory};
  AskingProcess child(io, argv, additions);
  co_await child.wait();
}

TEST(ChildProcess, IsEndedWhereTheWaitIsCancelled) {
  asio::io_context io(1);
  const TempDir directory;
  asio::cancellation_signal cancel;
  const std::string script = "echo $$ > \"$DIR/pid\"; exec sleep 60";
  bool was_cancelled = false;
  asio::co_spawn(io, wait_only(io, script, directory.path()),
                 asio::bind_cancellation_slot(
                     cancel.slot(), [&](const std::exception_ptr& fault) { was_cancelled = fault != nullptr; }));
  io.poll();
  const pid_t pid = read_pid(directory.file("pid"));
  cancel.emit(asio::cancellation_type::terminal);
  io.run();
  EXPECT_TRUE(was_cancelled);
  EXPECT_TRUE(is_gone(pid));
}

}  // namespace
}  // namespace fob
