#include "tokens/sandbox.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>

#include "tests/unit/tokens/support.h"

namespace fob {
namespace {

#ifdef FOB_INSTRUMENTED
constexpr bool instrumented = true;
#else
constexpr bool instrumented = false;
#endif

/// Runs in a child; how it ended, as wait(2) says. The child's exit status is what `action` returns.
int status_of(const std::function<int()>& action) {
  const pid_t pid = fork();
  if (pid == 0) {
    try {
      _exit(action());
    } catch (const std::exception&) {
      _exit(99);
    }
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return status;
}

class SandboxTest : public testing::Test {
 protected:
  void SetUp() override {
    if (instrumented) GTEST_SKIP() << "this build's run time does not survive the sandbox";
  }
};

void expect_killed_by_seccomp(int status) {
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGSYS);
}

/// What the call fails with, or 0.
int error_of_open(const char* path, int flags) {
  const int descriptor = open(path, flags, 0600);
  if (descriptor < 0) return errno;
  close(descriptor);
  return 0;
}

TEST_F(SandboxTest, OfFidoOpensNoFile) {
  expect_killed_by_seccomp(status_of([] {
    sandbox::enter_fido(3);
    return error_of_open("/etc/passwd", O_RDONLY);
  }));
}

TEST_F(SandboxTest, OfFidoHasNoSocket) {
  expect_killed_by_seccomp(status_of([] {
    sandbox::enter_fido(3);
    return socket(AF_UNIX, SOCK_STREAM, 0);
  }));
}

TEST_F(SandboxTest, OfFidoStartsNoProgram) {
  expect_killed_by_seccomp(status_of([] {
    sandbox::enter_fido(3);
    return execl("/bin/true", "true", nullptr);
  }));
  expect_killed_by_seccomp(status_of([] {
    sandbox::enter_fido(3);
    return fork();
  }));
}

TEST_F(SandboxTest, OfFidoStillComputes) {
  EXPECT_EQ(status_of([] {
              sandbox::enter_fido(3);
              const std::vector<char> memory(1 << 20, 'x');
              return memory.back() == 'x' && write(STDERR_FILENO, "", 0) == 0 ? 0 : 1;
            }),
            0);
}

TEST_F(SandboxTest, OfFidoLimitsMemory) {
  EXPECT_EQ(status_of([] {
              sandbox::enter_fido(3);
              return malloc(std::size_t{1} << 30) == nullptr ? 0 : 1;
            }),
            0);
}

/// fork(2)ed from a test with descriptors above 3.
TEST(Sandbox, ClosesWhatIsNotTheHosts) {
  const auto [a, b] = test::socket_pair();
  EXPECT_EQ(status_of([&, last = std::max(a.get(), b.get())] {
              dup2(a.get(), last + 1);
              sandbox::enter_middleware(2, "/usr/lib/x.so");
              return fcntl(last, F_GETFD) == -1 && fcntl(last + 1, F_GETFD) == -1 && errno == EBADF ? 0 : 1;
            }),
            0);
}

TEST_F(SandboxTest, OfMiddlewareReadsSystemFilesOnly) {
  std::string folder = std::filesystem::temp_directory_path() / "fob-sandbox-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string file = folder + "/file";
  std::ofstream(file) << "text";
  const int status = status_of([&] {
    sandbox::enter_middleware(2, "/usr/lib/x.so");
    if (error_of_open("/etc/passwd", O_RDONLY) != 0) return 1;
    if (error_of_open("/dev/null", O_RDWR) != 0) return 2;
    if (error_of_open("/etc/passwd", O_RDWR) != EACCES) return 3;
    if (error_of_open(file.c_str(), O_RDONLY) != EACCES) return 4;
    if (error_of_open((folder + "/new").c_str(), O_CREAT | O_WRONLY) != EACCES) return 5;
    return 0;
  });
  const int own_folder = status_of([&] {
    sandbox::enter_middleware(2, folder + "/library.so");
    return error_of_open(file.c_str(), O_RDONLY);
  });
  std::filesystem::remove_all(folder);
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
  EXPECT_EQ(own_folder, 0);
}

TEST_F(SandboxTest, OfMiddlewareHasLocalSocketsOnly) {
  EXPECT_EQ(status_of([] {
              sandbox::enter_middleware(2, "/usr/lib/x.so");
              if (socket(AF_UNIX, SOCK_STREAM, 0) < 0) return 1;
              if (socket(AF_NETLINK, SOCK_RAW, 0) < 0) return 2;
              for (const int family : {AF_INET, AF_INET6, AF_PACKET, AF_VSOCK, AF_ALG}) {
                if (socket(family, SOCK_STREAM, 0) >= 0 || errno != EAFNOSUPPORT) return 3;
              }
              return 0;
            }),
            0);
}

TEST_F(SandboxTest, OfMiddlewareStartsNoProgram) {
  EXPECT_EQ(status_of([] {
              sandbox::enter_middleware(2, "/usr/lib/x.so");
              execl("/bin/true", "true", nullptr);
              return errno == EPERM ? 0 : 1;
            }),
            0);
}

TEST_F(SandboxTest, OfPkcs11HasTheNetworkOnlyWhereItMay) {
  for (const bool network : {false, true}) {
    EXPECT_EQ(status_of([network] {
                sandbox::enter_pkcs11(2, network);
                for (const int family : {AF_INET, AF_INET6}) {
                  const bool has = socket(family, SOCK_STREAM, 0) >= 0;
                  if (has != network || (!has && errno != EAFNOSUPPORT)) return 1;
                }
                if (socket(AF_UNIX, SOCK_STREAM, 0) < 0) return 2;
                for (const int family : {AF_PACKET, AF_VSOCK, AF_ALG}) {
                  if (socket(family, SOCK_STREAM, 0) >= 0 || errno != EAFNOSUPPORT) return 3;
                }
                return 0;
              }),
              0)
        << network;
  }
}

TEST_F(SandboxTest, OfPkcs11KeepsFilesButStartsNothing) {
  std::string file = std::filesystem::temp_directory_path() / "fob-sandbox-XXXXXX";
  close(mkstemp(file.data()));
  EXPECT_EQ(status_of([&] {
              sandbox::enter_pkcs11(2, false);
              if (error_of_open(file.c_str(), O_RDWR) != 0) return 1;
              execl("/bin/true", "true", nullptr);
              if (errno != EPERM) return 2;
              return kill(getppid(), 0) == -1 && errno == EPERM ? 0 : 3;
            }),
            0);
  std::filesystem::remove(file);
}

TEST_F(SandboxTest, OfListersReadsOnly) {
  std::string folder = std::filesystem::temp_directory_path() / "fob-sandbox-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/file") << "text";
  const int status = status_of([&] {
    sandbox::enter_lister(2);
    if (error_of_open((folder + "/file").c_str(), O_RDONLY) != 0) return 1;
    if (error_of_open((folder + "/file").c_str(), O_RDWR) != EACCES) return 2;
    if (error_of_open((folder + "/new").c_str(), O_CREAT | O_WRONLY) != EACCES) return 3;
    if (socket(AF_UNIX, SOCK_STREAM, 0) < 0) return 4;
    return socket(AF_INET, SOCK_STREAM, 0) < 0 ? 0 : 5;
  });
  std::filesystem::remove_all(folder);
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

std::string status_line(pid_t pid, const std::string& name) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(name + ":")) return line.substr(name.size() + 2);
  }
  return "";
}

TEST_F(SandboxTest, IsAroundTheHost) {
  test::Bench bench;
  bench.describe();
  EXPECT_EQ(status_line(bench.host.pid(), "Seccomp"), "2");
  EXPECT_EQ(status_line(bench.host.pid(), "NoNewPrivs"), "1");
  EXPECT_EQ(status_line(bench.host.pid(), "Threads"), "1");
  const std::string folder = "/proc/" + std::to_string(bench.host.pid()) + "/fd";
  if (access(folder.c_str(), R_OK) != 0) return;  // not dumpable: root only
  unsigned count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    EXPECT_LE(entry.path().filename().string(), "3");
    ++count;
  }
  EXPECT_EQ(count, 4U);
}

}  // namespace
}  // namespace fob
