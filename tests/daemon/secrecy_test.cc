#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sodium.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"
#include "tests/daemon/memory_scan.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

using std::chrono::milliseconds;

/// A key at rest is sealed again; before that an object in use may be in memory where the kernel hides none.
constexpr milliseconds rest{1600};
/// A reply may leave before the request's buffers are wiped: this much is allowed for that.
constexpr milliseconds settling{50};

/// Letters that no program has in it by chance.
std::string random_text() {
  std::string out(40, '\0');
  for (char& letter : out) letter = static_cast<char>('a' + randombytes_uniform(26));
  return out;
}

/// One agent, its keys, and the scan of its memory. The client that adds stays connected through it all: what lies
/// in its buffers counts too.
class Watch {
 public:
  Watch(std::vector<KeyKind> kinds, bool hidden)
      : hidden_(hidden), daemon_({.without_memfd_secret = !hidden}), client_(daemon_) {
    for (const KeyKind kind : kinds) keys_.push_back(TestKey::make(kind));
    for (const TestKey& key : keys_) {
      for (const TestKey::Secret& secret : key.secrets()) {
        secrets_.look_for_number(std::string(traits(key.kind()).name) + ", " + secret.name, secret.value);
      }
    }
    secrets_.look_for_text("the lock passphrase", as_bytes(passphrase_));
    secrets_.look_for_text("a wrong lock passphrase", as_bytes(wrong_passphrase_));
    comment_scan_.look_for_text("the comment", as_bytes(comment_));
  }

  const Daemon& daemon() const { return daemon_; }

  void add_and_sign() {
    add();
    EXPECT_FALSE(comment_scan_.scan(daemon_.pid()).empty()) << "the scan does not see what is no secret";
    expect_secret_after_use("add");
    const int rounds = hidden_ ? 10 : 1;
    for (int i = 0; i < rounds; ++i) {
      sign(1000 / rounds / static_cast<int>(keys_.size()));
      expect_secret_after_use("some of 1,000 signatures");
    }
  }

  void lock_and_unlock() {
    ASSERT_TRUE(client_.lock(passphrase_));
    expect_secret("lock");
    ASSERT_FALSE(client_.unlock(wrong_passphrase_));
    ASSERT_FALSE(client_.lock(wrong_passphrase_));
    expect_secret("a wrong unlock");
    ASSERT_TRUE(client_.unlock(passphrase_));
    expect_secret("unlock");
  }

  void lose_keys() {
    for (const TestKey& key : keys_) ASSERT_TRUE(client_.remove(key.blob()));
    expect_secret("remove");
    add();
    sign(1);
    ASSERT_TRUE(client_.remove_all());
    expect_secret("remove-all right after use");
    add(1);
    sign(1);
    ASSERT_TRUE(eventually([&] { return client_.list().empty(); }));
    expect_secret_after_use("expiry");
  }

  void be_refused() {
    for (const TestKey& key : keys_) {
      Writer body;
      key.private_key().write(body);
      body.string(comment_).u8(99);  // an unknown constraint
      ASSERT_FALSE(client_.succeeds_raw(message(MessageType::add_id_constrained, body.bytes())));
    }
    expect_secret("an add that was refused");
  }

 private:
  void expect_secret(const std::string& what) const {
    pause_for(settling);
    for (const std::string& found : secrets_.scan(daemon_.pid())) ADD_FAILURE() << "after " << what << ": " << found;
  }
  void expect_secret_after_use(const std::string& what) const {
    if (!hidden_) pause_for(rest);
    expect_secret(what);
  }
  void sign(int times) {
    for (int i = 0; i < times; ++i) {
      const std::string data = "data " + std::to_string(i);
      for (const TestKey& key : keys_) ASSERT_TRUE(client_.sign(key.blob(), as_bytes(data), 4));
    }
  }
  void add(std::optional<std::uint32_t> lifetime = std::nullopt) {
    Constraints constraints;
    constraints.lifetime_seconds = lifetime;
    for (const TestKey& key : keys_) ASSERT_TRUE(client_.add(key, comment_, constraints));
  }

  bool hidden_;
  Daemon daemon_;
  Client client_;
  std::vector<TestKey> keys_;
  const std::string comment_ = random_text();
  const std::string passphrase_ = random_text();
  const std::string wrong_passphrase_ = random_text();
  MemoryScan secrets_;
  MemoryScan comment_scan_;
};

void keep_secret(std::vector<KeyKind> kinds, bool hidden) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to read another process's memory";
  Watch watch(std::move(kinds), hidden);
  if (is_sanitized(watch.daemon())) GTEST_SKIP() << "a sanitizer keeps what was freed";
  watch.add_and_sign();
  watch.lock_and_unlock();
  watch.lose_keys();
  watch.be_refused();
}

bool kernel_hides_memory() {
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
  const long fd = syscall(SYS_memfd_secret, 0);
  if (fd >= 0) close(static_cast<int>(fd));
  return fd >= 0;
}

class Secrecy : public testing::TestWithParam<KeyKind> {};

TEST_P(Secrecy, HoldsInHiddenMemory) {
  if (!kernel_hides_memory()) GTEST_SKIP() << "this kernel has no memfd_secret(2)";
  keep_secret({GetParam()}, true);
}

std::string kind_name(const testing::TestParamInfo<KeyKind>& info) {
  std::string out(traits(info.param).name);
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

INSTANTIATE_TEST_SUITE_P(OfEveryKind, Secrecy, testing::ValuesIn(software_kinds), kind_name);

TEST(SecrecyAtRest, HoldsWithoutHiddenMemory) {
  keep_secret({std::begin(software_kinds), std::end(software_kinds)}, false);
}

TEST(MemoryScan, FindsWhatAProcessHolds) {
  // The scan itself, on a process whose memory is known: a program with the value in its environment.
  const std::string value = "thirty-two octets to be found 01";
  const std::string variable = "VALUE=" + value;
  std::array<int, 2> until_exec{};
  ASSERT_EQ(pipe2(until_exec.data(), O_CLOEXEC), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    const std::array<const char*, 2> environment{variable.c_str(), nullptr};
    execle("/bin/sleep", "sleep", "60", nullptr, const_cast<char* const*>(environment.data()));
    _exit(127);
  }
  close(until_exec[1]);
  char nothing = 0;
  EXPECT_EQ(read(until_exec[0], &nothing, 1), 0) << "the program runs when the pipe is closed";
  close(until_exec[0]);
  MemoryScan scan;
  scan.look_for_number("number", as_bytes(value));
  EXPECT_FALSE(scan.scan(pid).empty());
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

}  // namespace
}  // namespace fob
