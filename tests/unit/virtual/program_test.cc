#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "tests/unit/virtual/host.h"

// fob-virtual-token itself: it plugs into a socket on which we listen, and is told what to do on its control socket.

namespace fob::virt {
namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  std::ranges::copy(path, out.sun_path);
  return out;
}

class Program : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/fob-virtual-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    const sockaddr_un address = address_of(folder_ + "/host");
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listener_, 4), 0);
  }
  void TearDown() override {
    if (process_ > 0) stop();
    for (const int fd : {control_, host_, listener_}) {
      if (fd >= 0) close(fd);
    }
    std::filesystem::remove_all(folder_);
  }

  void start(std::vector<std::string> more = {}) {
    std::vector<std::string> words{FOB_VIRTUAL_TOKEN,    "--connect", folder_ + "/host", "--control",
                                   folder_ + "/control", "--state",   folder_ + "/state"};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ASSERT_EQ(posix_spawn(&process_, words[0].c_str(), nullptr, nullptr, arguments.data(), environ), 0);
    accept_host();
    control_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = address_of(folder_ + "/control");
    ASSERT_EQ(connect(control_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  void accept_host() {
    if (host_ >= 0) close(host_);
    host_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    ASSERT_GE(host_, 0);
  }
  int stop() {
    kill(process_, SIGTERM);
    return exit_status();
  }
  int exit_status() {
    int status = 0;
    waitpid(process_, &status, 0);
    process_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string say(const std::string& line) {
    const std::string sent = line + "\n";
    send(control_, sent.data(), sent.size(), MSG_NOSIGNAL);
    std::string out;
    for (char c = 0; recv(control_, &c, 1, 0) == 1 && c != '\n';) out += c;
    return out;
  }
  Dev open() {
    fido_init(0);
    Dev out(fido_dev_new());
    EXPECT_EQ(open_dev(out.get(), host_), FIDO_OK);
    return out;
  }

  std::string folder_;
  int listener_ = -1;
  int host_ = -1;
  int control_ = -1;
  pid_t process_ = 0;
};

TEST_F(Program, TouchUnplugPlugQuit) {
  start({"--touch", "manual", "--serial", "42"});
  EXPECT_EQ(say("touch"), "error: nobody waits for a touch");
  Cred cred;
  {
    const Dev dev = open();
    std::thread finger([&] {
      while (say("status").find("\"waiting\":true") == std::string::npos) std::this_thread::sleep_for(Milliseconds(1));
      EXPECT_EQ(say("touch"), "ok");
    });
    EXPECT_EQ(make(dev.get(), {.resident = true}, cred), FIDO_OK);
    finger.join();
    EXPECT_EQ(say("touch-mode auto"), "ok");
    EXPECT_EQ(say("unplug"), "ok");
    char byte = 0;
    EXPECT_EQ(recv(host_, &byte, 1, 0), 0);
  }
  EXPECT_NE(say("status").find("\"plugged\":false"), std::string::npos);
  EXPECT_EQ(say("plug"), "ok");
  accept_host();
  const Dev dev = open();
  Assert assertion;
  EXPECT_EQ(get(dev.get(), {}, {}, assertion), FIDO_OK);
  EXPECT_EQ(verify(assertion.get(), cred.get()), FIDO_OK);
  EXPECT_EQ(say("unplug-at 0x02 reply"), "ok");
  EXPECT_EQ(get(dev.get(), {}, {}, assertion), FIDO_ERR_RX);
  const std::string status = say("status");
  EXPECT_NE(status.find("\"counter\":3"), std::string::npos) << status;
  EXPECT_NE(status.find("\"getAssertion\":2"), std::string::npos) << status;
  EXPECT_EQ(say("nonsense"), "error: unknown command");
  EXPECT_EQ(say("quit"), "ok");
  EXPECT_EQ(exit_status(), 0);
}

TEST_F(Program, StateSurvivesTheProcess) {
  start();
  Cred cred;
  {
    const Dev dev = open();
    ASSERT_EQ(fido_dev_set_pin(dev.get(), pin.c_str(), nullptr), FIDO_OK);
    ASSERT_EQ(make(dev.get(), {}, cred), FIDO_OK);
  }
  EXPECT_EQ(stop(), 0);
  close(control_);
  start();
  const Dev dev = open();
  Assert assertion;
  EXPECT_EQ(get(dev.get(), id_of(cred.get()), {.pin_text = pin.c_str()}, assertion), FIDO_OK);
  EXPECT_EQ(verify(assertion.get(), cred.get()), FIDO_OK);
  EXPECT_EQ(say("reset-state"), "ok");
  EXPECT_EQ(get(dev.get(), id_of(cred.get()), {}, assertion), FIDO_ERR_NO_CREDENTIALS);
}

TEST_F(Program, U2fOnly) {
  start({"--u2f-only"});
  const Dev dev = open();
  EXPECT_FALSE(fido_dev_is_fido2(dev.get()));
}

}  // namespace
}  // namespace fob::virt
