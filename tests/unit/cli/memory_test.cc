#include <gtest/gtest.h>
#include <unistd.h>

#include <future>

#include "protocol/key_file/key_file.h"
// The one scan of the daemon's tests; of those no other part belongs in this program.
#include "tests/daemon/memory_scan.h"
#include "tests/unit/cli/fake_agent.h"
#include "tests/unit/cli/fob_process.h"
#include "tests/unit/cli/samples.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::test {
namespace {

using control::Question;
using control::Request;

const std::string passphrase = "correct horse battery staple";
const std::string waiting = "The vault is being opened, which takes a while";

/// fob, while an agent that it has told a passphrase takes its time.
class Memory : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root reads another process's memory";
    // fob is built as this program is.
    const std::string maps = read_file("/proc/self/maps");
    if (maps.find("libasan") != std::string::npos || maps.find("libtsan") != std::string::npos) {
      GTEST_SKIP() << "a sanitizer keeps what was freed";
    }
    scan_.look_for_text("notice", as_bytes(waiting));
    scan_.look_for_text("passphrase", as_bytes(passphrase));
  }

  FakeAgent::Handle asking(Question::Kind kind) {
    return [this, kind](const Request&, Peer& peer) {
      answer_ = peer.ask(kind, "Passphrase");
      peer.send(control::Notice{waiting});
      go_on_.get_future().wait_for(std::chrono::seconds(20));
      peer.send(control::Done{});
    };
  }
  /// The notice is found, which shows that the scan finds what is there, and nothing else.
  void expect_wiped(const TerminalFob& fob) const {
    const std::vector<std::string> found = scan_.scan(fob.pid());
    EXPECT_FALSE(found.empty());
    for (const std::string& what : found) EXPECT_TRUE(what.starts_with("notice")) << what;
  }

  MemoryScan scan_;
  std::promise<void> go_on_;
  std::optional<std::string> answer_;
};

TEST_F(Memory, HasNoPassphraseThatWasTypedAndSent) {
  FakeAgent agent(asking(Question::Kind::passphrase));
  TerminalFob fob({"unlock"}, {agent.environment()});
  ASSERT_TRUE(fob.shows("Passphrase: "));
  ASSERT_TRUE(fob.becomes(false));
  fob.type(passphrase + "\n");
  ASSERT_TRUE(fob.shows("The vault is being opened"));
  expect_wiped(fob);
  go_on_.set_value();
  EXPECT_EQ(fob.status(), 0);
  EXPECT_EQ(answer_, passphrase);
}

TEST_F(Memory, HasNoNewPassphraseThatWasTypedTwice) {
  FakeAgent agent(asking(Question::Kind::new_passphrase));
  TerminalFob fob({"unlock"}, {agent.environment()});
  for (const char* prompt : {"Passphrase: ", "the same again: "}) {
    ASSERT_TRUE(fob.shows(prompt));
    ASSERT_TRUE(fob.becomes(false));
    fob.type(passphrase + "\n");
  }
  ASSERT_TRUE(fob.shows("The vault is being opened"));
  expect_wiped(fob);
  go_on_.set_value();
  EXPECT_EQ(fob.status(), 0);
}

TEST_F(Memory, HasNoPassphraseOfAnAskpassProgram) {
  const TempDir folder;
  write_file(folder.file("askpass"), "#!/bin/sh\necho '" + passphrase + "'\n", 0700);
  FakeAgent agent(asking(Question::Kind::passphrase));
  TerminalFob fob({"unlock"},
                  {agent.environment(), "SSH_ASKPASS=" + folder.file("askpass"), "SSH_ASKPASS_REQUIRE=force"});
  ASSERT_TRUE(fob.shows("The vault is being opened"));
  expect_wiped(fob);
  go_on_.set_value();
  EXPECT_EQ(fob.status(), 0);
  EXPECT_EQ(answer_, passphrase);
}

/// The key file comes after the code: fob asks the agent for it, which takes its time.
TEST_F(Memory, HasNoRecoveryCodeThatWasPrinted) {
  scan_.look_for_text("recovery code", as_bytes(sample_recovery_code));
  FakeAgent agent([&](const Request& request, Peer& peer) {
    if (std::holds_alternative<control::ExportKey>(request)) {
      peer.send(control::Notice{waiting});
      go_on_.get_future().wait_for(std::chrono::seconds(20));
      return peer.send(control::Failed{Errc::refused, "enough"});
    }
    serve_vault(request, peer);
  });
  const TempDir folder;
  TerminalFob fob({"new", "work", "-o", folder.file("id")}, {agent.environment()});
  ASSERT_TRUE(fob.shows(sample_recovery_code));
  ASSERT_TRUE(fob.shows("The vault is being opened"));
  expect_wiped(fob);
  go_on_.set_value();
  EXPECT_EQ(fob.status(), 1);
}

/// fob, while an agent that it has sent a key takes its time.
class KeyMemory : public Memory {
 protected:
  void SetUp() override {
    Memory::SetUp();
    if (IsSkipped()) return;
    const KeyFile file = key_of("ed25519.ppk3");
    scan_.look_for_text("Ed25519 seed", file.key.secret.view().first(32));
    const std::string text = read_data(std::string(folder) + "ed25519.ppk3");
    const std::size_t line = text.find("Private-Lines: 1\n") + 17;
    scan_.look_for_text("text of a private key", as_bytes(text.substr(line, 44)));
    scan_.look_for_number("ECDSA d", key_of("p256.pem").key.secret.view().last(32));
  }
  static KeyFile key_of(const std::string& name) {
    return parse_key_file(read_data(std::string(folder) + name), [] { return SecretBytes(as_bytes("pass phrase")); });
  }
  FakeAgent::Handle keeping() {
    return [this](const Request& request, Peer& peer) {
      peer.send(control::Notice{waiting});
      go_on_.get_future().wait_for(std::chrono::seconds(20));
      serve_vault(request, peer);
    };
  }
  void expect_wiped_when_sent(TerminalFob& fob) {
    ASSERT_TRUE(fob.shows("The vault is being opened")) << fob.screen();
    expect_wiped(fob);
    go_on_.set_value();
    EXPECT_EQ(fob.status(), 0);
  }

  static constexpr const char* folder = "key_files/formats/";
};

TEST_F(KeyMemory, HasNoKeyThatWasImportedFromAFile) {
  FakeAgent agent(keeping());
  TerminalFob fob({"import", FOB_TEST_DATA "/key_files/formats/ed25519.ppk3", "--name", "x"}, {agent.environment()});
  expect_wiped_when_sent(fob);
}

TEST_F(KeyMemory, HasNoKeyThatWasPasted) {
  FakeAgent agent(keeping());
  TerminalFob fob({"import", "--paste", "--name", "x"}, {agent.environment()});
  ASSERT_TRUE(fob.shows("Paste the private key here"));
  ASSERT_TRUE(fob.becomes(false));
  fob.type(read_data(std::string(folder) + "ed25519.ppk3"));
  expect_wiped_when_sent(fob);
}

TEST_F(KeyMemory, HasNoKeyThatWasImportedFromEncryptedPem) {
  scan_.look_for_text("file's passphrase", as_bytes("pass phrase of a file"));
  const TempDir temporary;
  const KeyFile file = key_of("p256.pem");
  const Bytes text = format_key_file(file.key, "", SecretBytes(as_bytes("pass phrase of a file")), KeyFileFormat::pem);
  write_file(temporary.file("id"), as_text(text));
  FakeAgent agent(keeping());
  TerminalFob fob({"import", temporary.file("id")}, {agent.environment()});
  ASSERT_TRUE(fob.shows("passphrase of "));
  ASSERT_TRUE(fob.becomes(false));
  fob.type("pass phrase of a file\n");
  expect_wiped_when_sent(fob);
}

}  // namespace
}  // namespace fob::test
