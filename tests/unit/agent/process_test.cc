#include "agent/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "tests/daemon/temp_dir.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

constexpr const char* nasty_paths[] = {"/tmp/plain-1.2,3:4@5%6=7+8",
                                       "/tmp/with space",
                                       "/tmp/it's",
                                       "'",
                                       "''",
                                       "/tmp/$HOME`id`$(id)",
                                       "/tmp/\"double\"",
                                       "/tmp/a;b&c|d>e",
                                       "/tmp/star*[a-z]?{x,y}",
                                       "/tmp/back\\slash\\",
                                       "/tmp/#comment",
                                       "~root",
                                       "/tmp/gr\xc3\xbc\xc3\x9f"
                                       "e",
                                       "/tmp/!history",
                                       "/tmp/tab\there"};

std::string lines(bool csh, const std::string& path, int pid) {
  CommandLine options;
  options.csh_output = csh;
  return shell_lines(options, path, pid);
}

bool has(const char* program) { return run({"sh", "-c", "command -v " + std::string(program)}).exit_status == 0; }

TEST(ShellLines, AreThoseThatScriptsCutApart) {
  EXPECT_EQ(lines(false, "/tmp/s", 42),
            "SSH_AUTH_SOCK=/tmp/s; export SSH_AUTH_SOCK;\nSSH_AGENT_PID=42; export SSH_AGENT_PID;\n");
  EXPECT_EQ(lines(true, "/tmp/s", 42), "setenv SSH_AUTH_SOCK /tmp/s;\nsetenv SSH_AGENT_PID 42;\n");
  EXPECT_EQ(lines(false, "/tmp/s", 0), "SSH_AUTH_SOCK=/tmp/s; export SSH_AUTH_SOCK;\n");
}

TEST(ShellLines, SurviveEvalInEachShell) {
  int shells = 0;
  for (const char* shell : {"sh", "bash", "dash", "zsh", "ksh"}) {
    if (!has(shell)) continue;
    ++shells;
    for (const char* path : nasty_paths) {
      const std::string script = "eval \"$LINES_TO_EVAL\"; exec printenv SSH_AUTH_SOCK SSH_AGENT_PID";
      const Outcome outcome = run({shell, "-c", script}, {"LINES_TO_EVAL=" + lines(false, path, 42)});
      EXPECT_EQ(outcome.output, std::string(path) + "\n42\n") << shell;
    }
  }
  EXPECT_GE(shells, 1);
}

TEST(ShellLines, SurviveEvalInCsh) {
  for (const char* shell : {"csh", "tcsh"}) {
    if (!has(shell)) continue;
    const TempDir directory;
    for (const char* path : nasty_paths) {
      // As in `ssh-agent -c`: the program's output, evaluated.
      write_file(directory.file("lines"), lines(true, path, 42));
      const std::string script = "eval `cat " + directory.file("lines") + "`; printenv SSH_AUTH_SOCK SSH_AGENT_PID";
      EXPECT_EQ(run({shell, "-f", "-c", script}).output, std::string(path) + "\n42\n") << shell;
    }
  }
}

/// What activation_sockets() answers in a process of its own with these variables; descriptor 3 is what `third` gives.
/// 0: the socket; 1: none; 2: refused.
int activation(const char* count, const char* owner, const std::function<int()>& third) {
  Fork process([&] {
    const int descriptor = third();
    if (descriptor >= 0) dup2(descriptor, 3);
    if (descriptor < 0) close(3);
    const Variable fds("LISTEN_FDS", count);
    const bool own = owner != nullptr && std::string_view(owner) == "own";
    const Variable pid("LISTEN_PID", own ? std::to_string(getpid()).c_str() : owner);
    try {
      const int socket = activation_sockets().agent;
      if (socket < 0) return 1;
      const bool flags = (fcntl(socket, F_GETFD) & FD_CLOEXEC) != 0 && (fcntl(socket, F_GETFL) & O_NONBLOCK) != 0;
      return socket == 3 && flags ? 0 : 3;
    } catch (const Error&) {
      return 2;
    }
  });
  return process.wait();
}

int listening_socket() {
  const TempDir directory;
  return listen_at(directory.file("s")).descriptor;
}
int connected_socket() { return socket(AF_UNIX, SOCK_STREAM, 0); }
int plain_file() { return open("/dev/null", O_RDONLY); }
int nothing() { return -1; }

TEST(ActivationSocket, IsDescriptorThree) { EXPECT_EQ(activation("1", "own", listening_socket), 0); }

TEST(ActivationSocket, IsNoneWithoutBothVariables) {
  EXPECT_EQ(activation(nullptr, nullptr, listening_socket), 1);
  EXPECT_EQ(activation("1", nullptr, listening_socket), 1);
  EXPECT_EQ(activation(nullptr, "own", listening_socket), 1);
}

/// What activation_sockets() answers where two sockets of these names are handed over: the agent's and control's, or
/// -1s where it refuses.
std::pair<int, int> activation_of_two(const char* names) {
  std::pair<int, int> out{-1, -1};
  Fork process([&] {
    const int first = listening_socket();
    const int second = listening_socket();
    dup2(first, 10);
    dup2(second, 11);
    dup2(10, 3);
    dup2(11, 4);
    const Variable fds("LISTEN_FDS", "2");
    const Variable pid("LISTEN_PID", std::to_string(getpid()).c_str());
    const Variable fdnames("LISTEN_FDNAMES", names);
    try {
      const ActivationSockets sockets = activation_sockets();
      return sockets.agent * 16 + sockets.control;
    } catch (const Error&) {
      return 0;
    }
  });
  const int status = process.wait();
  if (status > 0) out = {status / 16, status % 16};
  return out;
}

TEST(ActivationSocket, OfTheControlSocketGoesByItsName) {
  EXPECT_EQ(activation_of_two("agent:control"), std::pair(3, 4));
  EXPECT_EQ(activation_of_two("control:agent"), std::pair(4, 3));
  EXPECT_EQ(activation_of_two("control:fob.socket"), std::pair(4, 3));
  for (const char* names : {"", "agent", "agent:agent", "control:control", "control", "agent:controls"}) {
    EXPECT_EQ(activation_of_two(names), std::pair(-1, -1)) << names;
  }
  EXPECT_EQ(activation_of_two(nullptr), std::pair(-1, -1));
}

TEST(ActivationSocket, OfAnotherFormIsRefused) {
  for (const char* count : {"", "0", "2", "-1", "01", "1 ", "x", "4294967297"}) {
    EXPECT_EQ(activation(count, "own", listening_socket), 2) << count;
  }
  for (const char* owner : {"", "0", "1", "-1", "x", "99999999999999"}) {
    EXPECT_EQ(activation("1", owner, listening_socket), 2) << owner;
  }
  EXPECT_EQ(activation("1", "own", connected_socket), 2);
  EXPECT_EQ(activation("1", "own", plain_file), 2);
  EXPECT_EQ(activation("1", "own", nothing), 2);
}

TEST(KillAgent, RefusesWhatIsNoProcess) {
  for (const char* pid : {static_cast<const char*>(nullptr), "", "0", "1", "-1", "-4711", "4711x", " 4711", "0x10",
                          "99999999999", "2147483647"}) {
    const Variable variable("SSH_AGENT_PID", pid);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    EXPECT_EQ(kill_agent(CommandLine{}), 1) << (pid != nullptr ? pid : "not set");
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "") << "nothing to evaluate";
    EXPECT_NE(testing::internal::GetCapturedStderr(), "");
  }
}

TEST(KillAgent, EndsTheProcessAndSaysSo) {
  Fork agent([] { return pause(); });
  const std::string pid = std::to_string(agent.pid());
  const Variable variable("SSH_AGENT_PID", pid.c_str());
  testing::internal::CaptureStdout();
  EXPECT_EQ(kill_agent(CommandLine{}), 0);
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "unset SSH_AUTH_SOCK;\nunset SSH_AGENT_PID;\necho Agent pid " + pid + " killed;\n");
  EXPECT_EQ(agent.wait(), -1) << "by SIGTERM";
}

TEST(Hardening, LeavesTheNamedDescriptorsOnly) {
  const std::vector<std::vector<int>> lists{{7, 9, 4}, {9, 7, -1}, {7, -1}, {-1, -1}, {3, 4, 5}, {0, 2}, {5, 5}, {}};
  for (const std::vector<int>& keep : lists) {
    Fork process([&keep] {
      for (int descriptor = 3; descriptor < 12; ++descriptor) dup2(STDIN_FILENO, descriptor);
      harden_process(keep);
      for (int descriptor = 0; descriptor < 12; ++descriptor) {
        const bool wanted = descriptor < 3 || std::find(keep.begin(), keep.end(), descriptor) != keep.end();
        if ((fcntl(descriptor, F_GETFD) >= 0) != wanted) return 10 + descriptor;
      }
      return 0;
    });
    EXPECT_EQ(process.wait(), 0) << testing::PrintToString(keep);
  }
}

TEST(Hardening, ForbidsTracingAndCores) {
  Fork process([] {
    harden_process({});
    rlimit core{1, 1};
    getrlimit(RLIMIT_CORE, &core);
    return prctl(PR_GET_DUMPABLE) == 0 && core.rlim_cur == 0 && core.rlim_max == 0 ? 0 : 1;
  });
  EXPECT_EQ(process.wait(), 0);
}

TEST(StandardDescriptors, AreOpenAfterwards) {
  Fork process([] {
    for (int descriptor = 0; descriptor < 10; ++descriptor) close(descriptor);
    open_standard_descriptors();
    for (int descriptor = 0; descriptor < 3; ++descriptor) {
      if (fcntl(descriptor, F_GETFD) < 0) return 1;
    }
    return fcntl(3, F_GETFD) < 0 ? 0 : 2;
  });
  EXPECT_EQ(process.wait(), 0);
}

TEST(HeldSignals, ArriveWhenTheyAreReleased) {
  for (const int number : {SIGTERM, SIGHUP, SIGINT, SIGUSR1}) {
    Fork process([number] {
      hold_signals();
      raise(number);
      signal(number, [](int) { _exit(7); });
      release_signals();
      return 1;
    });
    EXPECT_EQ(process.wait(), 7) << number;
  }
}

TEST(HeldSignals, LeaveTheMaskAsItWas) {
  Fork process([] {
    sigset_t before;
    sigemptyset(&before);
    sigaddset(&before, SIGUSR2);
    sigprocmask(SIG_SETMASK, &before, nullptr);
    hold_signals();
    release_signals();
    sigset_t after;
    sigprocmask(SIG_SETMASK, nullptr, &after);
    return sigismember(&after, SIGUSR2) == 1 && sigismember(&after, SIGTERM) == 0 ? 0 : 1;
  });
  EXPECT_EQ(process.wait(), 0);
}

TEST(DescriptorLimit, IsCheckedByTheHardLimit) {
  for (const auto& [limit, refused] : {std::pair{9, true}, {15, true}, {16, false}, {64, false}}) {
    Fork process([most = static_cast<rlim_t>(limit)] {
      const rlimit wanted{std::min<rlim_t>(most, 9), most};
      if (setrlimit(RLIMIT_NOFILE, &wanted) != 0) return 2;
      return error_of([] { check_descriptor_limit(); }) == Errc::system ? 1 : 0;
    });
    EXPECT_EQ(process.wait(), refused ? 1 : 0) << limit;
  }
}

TEST(DetachedProcess, HasASessionOfItsOwnAtTheRoot) {
  Fork process([] {
    detach_process();
    std::array<char, 64> path{};
    const bool at_root = getcwd(path.data(), path.size()) != nullptr && std::string_view(path.data()) == "/";
    char byte = 0;
    return getsid(0) == getpid() && at_root && read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 1;
  });
  EXPECT_EQ(process.wait(), 0);
}

}  // namespace
}  // namespace fob
