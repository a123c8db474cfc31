#include <gtest/gtest.h>
#include <signal.h>

#include "protocol/fingerprint.h"
#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"
#include "tests/daemon/session.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

using std::chrono::milliseconds;

Constraints confirm() {
  Constraints out;
  out.confirm = true;
  return out;
}

/// A daemon that asks by a shell script. The script finds its own folder in $DIR.
class AskedDaemon {
 public:
  explicit AskedDaemon(std::string_view script, std::vector<std::string> environment = {"DISPLAY=:99"})
      : askpass_(folder_, script), daemon_(options(std::move(environment))) {}

  Daemon& daemon() { return daemon_; }
  std::string file(std::string_view name) const { return folder_.file(name); }
  /// Whether a dialog was opened: the script says so by a file "asked".
  bool was_asked() const { return exists(file("asked")); }

 private:
  struct Script {
    Script(const TempDir& folder, std::string_view text) : path(folder.file("askpass")) {
      const std::string head = "#!/bin/sh\nDIR='" + folder.path() + "'\n: > \"$DIR/asked\"\n";
      write_file(path, head + std::string(text), 0700);
    }
    std::string path;
  };
  DaemonOptions options(std::vector<std::string> environment) const {
    environment.push_back("SSH_ASKPASS=" + askpass_.path);
    return {.environment = std::move(environment)};
  }

  TempDir folder_;
  Script askpass_;
  Daemon daemon_;
};

/// Adds a key that is to be confirmed and asks once for a signature.
bool signs_with(AskedDaemon& asked, const std::string& comment = "my key") {
  Client client(asked.daemon());
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  EXPECT_TRUE(client.add(key, comment, confirm()));
  return client.sign(key.blob(), as_bytes("data")).has_value();
}

TEST(Confirm, TakesExitStatusZeroAndNoTextForYes) {
  AskedDaemon asked("exit 0\n");
  EXPECT_TRUE(signs_with(asked));
  EXPECT_TRUE(asked.was_asked());
}

TEST(Confirm, TakesTheWordYesForYes) {
  for (const char* script : {"echo yes\n", "printf yes\n", "echo YES\n", "echo\n"}) {
    AskedDaemon asked(script);
    EXPECT_TRUE(signs_with(asked)) << script;
  }
}

TEST(Confirm, TakesAnotherExitStatusForNo) {
  for (const char* script : {"exit 1\n", "exit 255\n", "echo yes; exit 1\n", "kill -9 $$\n"}) {
    AskedDaemon asked(script);
    EXPECT_FALSE(signs_with(asked)) << script;
    EXPECT_TRUE(asked.was_asked());
  }
}

TEST(Confirm, TakesAnotherTextForNo) {
  for (const char* script : {"echo no\n", "echo yes indeed\n", "echo y\n", "head -c 1000000 /dev/zero\n"}) {
    AskedDaemon asked(script);
    EXPECT_FALSE(signs_with(asked)) << script;
  }
}

TEST(Confirm, AsksForEachSignature) {
  AskedDaemon asked("echo >> \"$DIR/count\"\n");
  Client client(asked.daemon());
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  ASSERT_TRUE(client.add(key, "my key", confirm()));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(client.sign(key.blob(), as_bytes("data")));
  EXPECT_EQ(read_file(asked.file("count")), "\n\n\n");
}

TEST(Confirm, WithoutADisplayIsDenied) {
  AskedDaemon asked("exit 0\n", {});
  EXPECT_FALSE(signs_with(asked));
  EXPECT_FALSE(asked.was_asked());
}

TEST(Confirm, WorksWithWaylandAsWithX) {
  AskedDaemon asked("exit 0\n", {"WAYLAND_DISPLAY=wayland-0"});
  EXPECT_TRUE(signs_with(asked));
}

TEST(Confirm, CanBeForcedWithoutADisplay) {
  AskedDaemon asked("exit 0\n", {"SSH_ASKPASS_REQUIRE=force"});
  EXPECT_TRUE(signs_with(asked));
}

TEST(Confirm, WithoutAnAskpassProgramIsDenied) {
  Daemon daemon({.environment = {"DISPLAY=:99", "SSH_ASKPASS=/nowhere/askpass"}});
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  ASSERT_TRUE(client.add(key, "my key", confirm()));
  EXPECT_FALSE(client.sign(key.blob(), as_bytes("data")));
}

TEST(Confirm, NamesTheKeyAndItsFingerprint) {
  AskedDaemon asked("printf %s \"$1\" > \"$DIR/text\"; printf %s \"$SSH_ASKPASS_PROMPT\" > \"$DIR/prompt\"\n");
  EXPECT_TRUE(signs_with(asked, "my key"));
  const std::string expected =
      "Allow use of key my key?\nKey fingerprint " + fingerprint(TestKey::any(KeyKind::ed25519).public_key()) + ".";
  EXPECT_EQ(read_file(asked.file("text")).substr(0, expected.size()), expected);
  EXPECT_EQ(read_file(asked.file("prompt")), "confirm");
}

TEST(Confirm, NamesTheProgramThatAsks) {
  AskedDaemon asked("printf %s \"$1\" > \"$DIR/text\"\n");
  EXPECT_TRUE(signs_with(asked));
  std::string own_name = read_file("/proc/self/comm");
  own_name.pop_back();  // the newline
  EXPECT_NE(read_file(asked.file("text")).find(own_name), std::string::npos) << read_file(asked.file("text"));
}

TEST(Confirm, ShowsNoControlCharacters) {
  AskedDaemon asked("printf %s \"$1\" > \"$DIR/text\"\n");
  EXPECT_TRUE(signs_with(asked, "key\x1b[2J\r\nAllow?\x07"));
  const std::string text = read_file(asked.file("text"));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_NE(text.find("\nKey fingerprint "), std::string::npos);
  EXPECT_EQ(text.find("\nAllow?"), std::string::npos);
}

TEST(Confirm, NamesTheUserWhoLogsInAtADestination) {
  AskedDaemon asked("printf %s \"$1\" > \"$DIR/text\"\n");
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  const TestKey& server = TestKey::any(KeyKind::ecdsa_p256);
  Client client(asked.daemon());
  Constraints constraints = destinations({from_origin(host("server.example", server.public_key()))});
  constraints.confirm = true;
  ASSERT_TRUE(client.add(key, "my key", constraints));
  ASSERT_EQ(client.bind(server, "session", false), MessageType::success);
  EXPECT_TRUE(client.sign(key.blob(), login(key.public_key(), "session", "alice")));
  const std::string text = read_file(asked.file("text"));
  EXPECT_NE(text.find("alice"), std::string::npos) << text;
  EXPECT_NE(text.find("server.example"), std::string::npos) << text;
}

TEST(Confirm, IsNotAskedForWhatIsRefusedAnyway) {
  AskedDaemon asked("exit 0\n");
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  Client client(asked.daemon());
  Constraints constraints = destinations({from_origin(host("server", TestKey::any(KeyKind::ecdsa_p256).public_key()))});
  constraints.confirm = true;
  ASSERT_TRUE(client.add(key, "my key", constraints));
  EXPECT_FALSE(client.sign(key.blob(), as_bytes("data")));
  EXPECT_FALSE(asked.was_asked());
}

/// Stays open until the file "answer" is there; says who it is in "pid".
constexpr std::string_view patient_script = R"(
case "$1" in *quick*) exit 0;; esac
echo $$ > "$DIR/pid.new"; mv "$DIR/pid.new" "$DIR/pid"
while [ ! -e "$DIR/answer" ]; do sleep 0.05; done
)";

TEST(ConfirmDialog, ThatStandsOpenDelaysNobodyElse) {
  AskedDaemon asked(patient_script);
  Client waiting(asked.daemon());
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  ASSERT_TRUE(waiting.add(key, "slow", confirm()));
  waiting.send(SignRequest{key.blob(), as_bytes("data"), 0});
  ASSERT_TRUE(eventually([&] { return exists(asked.file("pid")); }));
  const TestKey& other = TestKey::any(KeyKind::ecdsa_p256);
  Client client(asked.daemon());
  for (int i = 0; i < 3; ++i) {
    EXPECT_LT(best_service_time(asked.daemon(), 10), milliseconds(10));
    EXPECT_TRUE(client.add(other));
    EXPECT_TRUE(client.sign(other.blob(), as_bytes("data")));
    EXPECT_TRUE(client.remove(other.blob()));
    pause_for(milliseconds(300));
  }
  EXPECT_FALSE(waiting.has_input(milliseconds(0))) << "answered before the person did";
  write_file(asked.file("answer"), "");
  EXPECT_EQ(type_of(waiting.reply()), MessageType::sign_response);
}

TEST(ConfirmDialog, GoesWithTheClientThatAsked) {
  AskedDaemon asked(patient_script);
  Client waiting(asked.daemon());
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  ASSERT_TRUE(waiting.add(key, "slow", confirm()));
  waiting.send(SignRequest{key.blob(), as_bytes("data"), 0});
  ASSERT_TRUE(eventually([&] { return exists(asked.file("pid")); }));
  const auto dialog = static_cast<pid_t>(std::stol(read_file(asked.file("pid"))));
  EXPECT_EQ(kill(dialog, 0), 0);
  waiting.close();
  EXPECT_TRUE(eventually([&] { return kill(dialog, 0) != 0; })) << "neither ended nor collected";
}

TEST(ConfirmDialog, OfOneClientDoesNotHoldUpAnothers) {
  AskedDaemon asked(patient_script);
  Client waiting(asked.daemon());
  const TestKey& slow = TestKey::any(KeyKind::ed25519);
  const TestKey& quick = TestKey::any(KeyKind::ecdsa_p256);
  ASSERT_TRUE(waiting.add(slow, "slow", confirm()));
  ASSERT_TRUE(waiting.add(quick, "quick", confirm()));
  waiting.send(SignRequest{slow.blob(), as_bytes("data"), 0});
  ASSERT_TRUE(eventually([&] { return exists(asked.file("pid")); }));
  Client client(asked.daemon());
  EXPECT_TRUE(client.sign(quick.blob(), as_bytes("data")));
  EXPECT_FALSE(waiting.has_input(milliseconds(0)));
  write_file(asked.file("answer"), "");
  EXPECT_EQ(type_of(waiting.reply()), MessageType::sign_response);
}

TEST(ConfirmDialog, AnsweredAfterTheKeyWasRemovedSignsNothing) {
  AskedDaemon asked(patient_script);
  Client waiting(asked.daemon());
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  ASSERT_TRUE(waiting.add(key, "slow", confirm()));
  waiting.send(SignRequest{key.blob(), as_bytes("data"), 0});
  ASSERT_TRUE(eventually([&] { return exists(asked.file("pid")); }));
  EXPECT_TRUE(Client(asked.daemon()).remove_all());
  write_file(asked.file("answer"), "");
  EXPECT_EQ(type_of(waiting.reply()), MessageType::failure);
}

TEST(ConfirmDialog, AnsweredAfterTheAgentWasLockedSignsNothing) {
  AskedDaemon asked(patient_script);
  Client waiting(asked.daemon());
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  ASSERT_TRUE(waiting.add(key, "slow", confirm()));
  waiting.send(SignRequest{key.blob(), as_bytes("data"), 0});
  ASSERT_TRUE(eventually([&] { return exists(asked.file("pid")); }));
  EXPECT_TRUE(Client(asked.daemon()).lock("passphrase"));
  write_file(asked.file("answer"), "");
  EXPECT_EQ(type_of(waiting.reply()), MessageType::failure);
}

TEST(ConfirmDialog, DiesWithTheAgent) {
  AskedDaemon asked(patient_script);
  Client waiting(asked.daemon());
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  ASSERT_TRUE(waiting.add(key, "slow", confirm()));
  waiting.send(SignRequest{key.blob(), as_bytes("data"), 0});
  ASSERT_TRUE(eventually([&] { return exists(asked.file("pid")); }));
  const auto dialog = static_cast<pid_t>(std::stol(read_file(asked.file("pid"))));
  EXPECT_EQ(asked.daemon().stop(SIGTERM), 2);
  const bool ended = eventually([&] { return kill(dialog, 0) != 0; }, milliseconds(2000));
  write_file(asked.file("answer"), "");
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace fob
