#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

constexpr uid_t other_user = 65534;

/// Runs `action` as another user in a child; whether it returned true.
template <class Action>
bool as_other_user(Action action) {
  const pid_t child = fork();
  if (child == 0) {
    if (setgroups(0, nullptr) != 0 || setgid(other_user) != 0 || setuid(other_user) != 0) _exit(2);
    try {
      _exit(action() ? 0 : 1);
    } catch (...) {
      _exit(3);
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) <= 1) << "wait status " << status;
  return status == 0;
}

bool is_root() { return geteuid() == 0; }

/// Whether the agent on this socket answers a list request.
bool is_answered(const std::string& socket) {
  Client client(socket);
  client.send_some(frame_request(RequestIdentities{}));
  return client.receive().has_value();
}

TEST(Peer, OfAnotherUserIsTurnedAway) {
  if (!is_root()) GTEST_SKIP() << "needs root to be somebody else";
  Daemon daemon;
  ASSERT_EQ(chmod(daemon.directory().path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(daemon.socket().c_str(), 0666), 0);
  EXPECT_FALSE(as_other_user([&] { return is_answered(daemon.socket()); }));
  EXPECT_TRUE(is_answered(daemon.socket())) << "its own user is served";
}

TEST(Peer, OfItsUserAndRootIsServed) {
  if (!is_root()) GTEST_SKIP() << "needs root to be somebody else";
  Daemon daemon({.user = other_user});
  EXPECT_TRUE(as_other_user([&] { return is_answered(daemon.socket()); }));
  EXPECT_TRUE(is_answered(daemon.socket())) << "root";
}

TEST(Process, MakesASocketForItsUserOnly) {
  Daemon daemon;
  struct stat status {};
  ASSERT_EQ(stat(daemon.socket().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode, S_IFSOCK | 0600U);
}

TEST(Process, CannotBeTraced) {
  if (!is_root()) GTEST_SKIP() << "needs root to be somebody else";
  Daemon daemon({.user = other_user});
  const std::string folder = "/proc/" + std::to_string(daemon.pid());
  struct stat status {};
  ASSERT_EQ(stat((folder + "/maps").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 0U) << "the kernel gives the files of an undumpable process to root";
  EXPECT_FALSE(as_other_user([&] { return ptrace(PTRACE_ATTACH, daemon.pid(), nullptr, nullptr) == 0; }));
  EXPECT_FALSE(as_other_user([&] { return open((folder + "/mem").c_str(), O_RDONLY) >= 0; }));
}

TEST(Process, LeavesNoCore) {
  Daemon daemon;
  const std::string limits = read_file("/proc/" + std::to_string(daemon.pid()) + "/limits");
  const std::size_t line = limits.find("Max core file size");
  ASSERT_NE(line, std::string::npos);
  const std::string values = limits.substr(line + 18, limits.find('\n', line) - line - 18);
  EXPECT_EQ(values.substr(values.find_first_not_of(' '), 2), "0 ");
}

TEST(Process, CleansUpWhenItIsTerminated) {
  for (const int signal : {SIGTERM, SIGHUP, SIGINT}) {
    Daemon daemon;
    Client client(daemon);
    ASSERT_TRUE(client.add(TestKey::any(KeyKind::ed25519)));
    EXPECT_EQ(daemon.stop(signal), 2) << "signal " << signal;
    EXPECT_FALSE(exists(daemon.socket())) << "signal " << signal;
    EXPECT_TRUE(client.is_closed());
  }
}

TEST(Process, CleansUpThoughItHasJustStarted) {
  for (int i = 0; i < 30; ++i) {
    Daemon daemon({.wait_for_answer = false});
    ASSERT_EQ(daemon.stop(SIGTERM), 2) << "it took connections before it took signals";
    ASSERT_FALSE(exists(daemon.socket()));
  }
}

TEST(Process, RemovesAllKeysOnSigusr1) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  ASSERT_TRUE(client.add(key));
  ASSERT_EQ(kill(daemon.pid(), SIGUSR1), 0);
  EXPECT_TRUE(eventually([&] { return client.list().empty(); }));
  EXPECT_FALSE(client.sign(key.blob(), as_bytes("data")));
  EXPECT_TRUE(client.add(key)) << "and goes on";
}

TEST(Process, RemovesKeysOnSigusr1WhileLockedToo) {
  Daemon daemon;
  Client client(daemon);
  ASSERT_TRUE(client.add(TestKey::any(KeyKind::ed25519)));
  ASSERT_TRUE(client.lock("passphrase"));
  ASSERT_EQ(kill(daemon.pid(), SIGUSR1), 0);
  pause_for(std::chrono::milliseconds(100));
  EXPECT_TRUE(client.unlock("passphrase"));
  EXPECT_EQ(client.list().size(), 0U);
}

TEST(Process, SurvivesSigpipe) {
  Daemon daemon;
  ASSERT_EQ(kill(daemon.pid(), SIGPIPE), 0);
  EXPECT_EQ(Client(daemon).list().size(), 0U);
}

TEST(Process, RefusesASocketThatIsThereAndLeavesIt) {
  Daemon daemon;
  EXPECT_NE(run({agent_path(), "-D", "-a", daemon.socket()}).exit_status, 0);
  EXPECT_TRUE(is_answered(daemon.socket()));
  const std::string file = daemon.directory().file("file");
  write_file(file, "something else");
  EXPECT_NE(run({agent_path(), "-D", "-a", file}).exit_status, 0);
  EXPECT_EQ(read_file(file), "something else");
}

/// The number that follows `before` in `text`.
pid_t number_after(const std::string& text, const std::string& before) {
  const std::size_t at = text.find(before);
  return at == std::string::npos ? -1 : static_cast<pid_t>(std::atol(text.c_str() + at + before.size()));
}

/// An agent in the background, started with `style`, must print just this.
void expect_output(const std::string& style, const std::string& pid_prefix, const std::string& pattern) {
  const TempDir folder;
  const std::string socket = folder.file("agent");
  const Outcome outcome = run({agent_path(), style, "-a", socket}, {"HOME=" + folder.path()});
  EXPECT_EQ(outcome.exit_status, 0);
  const pid_t pid = number_after(outcome.output, pid_prefix);
  ASSERT_GT(pid, 1) << outcome.output;
  std::string expected = pattern;
  for (const auto& [mark, value] : {std::pair{"SOCKET", socket}, std::pair{"PID", std::to_string(pid)}}) {
    for (std::size_t at = 0; (at = expected.find(std::string("<") + mark + ">")) != std::string::npos;) {
      expected.replace(at, std::string(mark).size() + 2, value);
    }
  }
  EXPECT_EQ(outcome.output, expected);
  EXPECT_TRUE(is_answered(socket));
  EXPECT_EQ(kill(pid, SIGINT), 0);
  EXPECT_TRUE(is_answered(socket)) << "in the background it is not interrupted";
  EXPECT_EQ(kill(pid, SIGTERM), 0);
  EXPECT_TRUE(eventually([&] { return !exists(socket); }));
}

TEST(Process, TellsAShellWhereItIs) {
  expect_output("-s", "SSH_AGENT_PID=",
                "SSH_AUTH_SOCK=<SOCKET>; export SSH_AUTH_SOCK;\n"
                "SSH_AGENT_PID=<PID>; export SSH_AGENT_PID;\necho Agent pid <PID>;\n");
}

TEST(Process, TellsACShellWhereItIs) {
  expect_output("-c", "setenv SSH_AGENT_PID ",
                "setenv SSH_AUTH_SOCK <SOCKET>;\nsetenv SSH_AGENT_PID <PID>;\necho Agent pid <PID>;\n");
}

TEST(Process, EndsWithTheCommandThatItRan) {
  const TempDir folder;
  const std::string socket = folder.file("agent");
  const Outcome outcome = run({agent_path(), "-a", socket, "sh", "-c",
                               "test -S \"$SSH_AUTH_SOCK\" && echo \"$SSH_AUTH_SOCK $SSH_AGENT_PID\"; exit 7"},
                              {"HOME=" + folder.path()});
  EXPECT_EQ(outcome.exit_status, 7);
  const pid_t pid = number_after(outcome.output, socket + " ");
  ASSERT_GT(pid, 1) << outcome.output;
  EXPECT_TRUE(eventually([&] { return kill(pid, 0) != 0 && !exists(socket); }, std::chrono::seconds(12)));
}

}  // namespace
}  // namespace fob
