#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include <nlohmann/json.hpp>

#include "protocol/key_file/key_file.h"
#include "tests/unit/cli/vault_runs.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::test {
namespace {

using nlohmann::json;

const std::string formats = "key_files/formats/";

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

/// A copy of a key file of tests/data, and people who type.
class KeyFileCommand : public testing::Test {
 protected:
  std::string copy_of(const std::string& file) {
    const std::string path = folder_.file("key");
    write_file(path, read_data(formats + file), 0644);
    return path;
  }
  /// Answers each prompt that has the text; the status.
  int run_typing(const std::vector<std::string>& line,
                 const std::vector<std::pair<std::string, std::string>>& questions) {
    TerminalFob fob(line);
    for (const auto& [question, answer] : questions) {
      EXPECT_TRUE(fob.shows(question)) << fob.screen();
      EXPECT_TRUE(fob.becomes(false));
      fob.type(answer + "\n");
    }
    const int status = fob.status();
    screen_ = fob.screen();
    return status;
  }
  int change_passphrase(const std::string& path, const std::string& old, const std::string& fresh) {
    std::vector<std::pair<std::string, std::string>> questions;
    if (!old.empty()) questions.emplace_back("passphrase of ", old);
    questions.insert(questions.end(), {{"new passphrase for ", fresh}, {"the same again", fresh}});
    return run_typing({"passphrase", path}, questions);
  }
  static KeyFile opened(const std::string& path, const std::string& passphrase) {
    return parse_key_file(read_file(path), [&] { return SecretBytes(as_bytes(passphrase)); });
  }
  /// Only the key files that are meant: nothing temporary is left.
  std::size_t files() const {
    return static_cast<std::size_t>(std::stoi(run({"sh", "-c", "ls -A " + folder_.path() + " | wc -l"}).output));
  }

  TempDir folder_;
  std::string screen_;
};

TEST_F(KeyFileCommand, PassphraseIsChangedInEachFormat) {
  for (const char* file : {"ed25519", "ed25519.ppk3", "p256.pem", "p256.pkcs8", "ed25519.openssh-aes256-ctr",
                           "ed25519.ppk2-encrypted", "p256.pem-encrypted", "p256.pkcs8-encrypted"}) {
    SCOPED_TRACE(file);
    const std::string path = copy_of(file);
    const KeyFileInfo before = inspect_key_file(read_file(path));
    ASSERT_EQ(change_passphrase(path, before.encrypted ? "pass phrase" : "", "another one"), 0) << screen_;
    const KeyFileInfo after = inspect_key_file(read_file(path));
    EXPECT_EQ(after.format, before.format);
    EXPECT_TRUE(after.encrypted);
    EXPECT_EQ(mode_of(path), 0600U);
    EXPECT_EQ(files(), 1U);
    const KeyFile changed = opened(path, "another one");
    const KeyFile original =
        parse_key_file(read_data(formats + file), [] { return SecretBytes(as_bytes("pass phrase")); });
    EXPECT_EQ(changed.comment, original.comment);
    EXPECT_TRUE(changed.key.secret == original.key.secret);
  }
}

TEST_F(KeyFileCommand, WhatElseIsInTheFileIsNotLost) {
  const std::string key = read_data(formats + "ed25519");
  const std::string certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  for (const std::string& text :
       {key + key, key + certificate, certificate + key, "a note\n" + key, key + "a note\n"}) {
    const std::string path = folder_.file("key");
    write_file(path, text, 0600);
    for (const std::vector<std::string>& line : {std::vector<std::string>{"passphrase", "--no-passphrase", path},
                                                 std::vector<std::string>{"comment", path, "another"}}) {
      const FobOutcome outcome = run_fob(line);
      EXPECT_EQ(outcome.status, 1) << text;
      EXPECT_NE(outcome.err.find("of its own"), std::string::npos) << outcome.err;
      EXPECT_EQ(read_file(path), text);
    }
  }
  EXPECT_EQ(run_fob({"passphrase", ""}).status, 2) << "not the vault's";
}

TEST_F(KeyFileCommand, PassphraseOfPemIsSaidToBeWeak) {
  EXPECT_EQ(change_passphrase(copy_of("p256.pem"), "", "another one"), 0);
  EXPECT_NE(screen_.find("PEM protects its passphrase weakly"), std::string::npos) << screen_;
  EXPECT_EQ(change_passphrase(copy_of("p256.pkcs8"), "", "another one"), 0);
  EXPECT_EQ(screen_.find("weakly"), std::string::npos) << screen_;
}

TEST_F(KeyFileCommand, PassphraseGoesOnlyWhereThatIsSaid) {
  const std::string path = copy_of("ed25519.openssh-aes256-ctr");
  const std::string before = read_file(path);
  EXPECT_EQ(run_typing({"passphrase", path}, {{"passphrase of ", "pass phrase"}, {"new passphrase for ", ""}}), 1);
  EXPECT_NE(screen_.find("--no-passphrase takes its passphrase away"), std::string::npos) << screen_;
  EXPECT_EQ(read_file(path), before);
  EXPECT_EQ(run_typing({"passphrase", "--no-passphrase", path}, {{"passphrase of ", "pass phrase"}}), 0);
  EXPECT_NE(screen_.find("whoever gets the file, or a copy of it, has the private key"), std::string::npos) << screen_;
  EXPECT_FALSE(inspect_key_file(read_file(path)).encrypted);
  EXPECT_EQ(mode_of(path), 0600U);
}

TEST_F(KeyFileCommand, PassphraseStaysWhereTheOldOneIsNotKnown) {
  const std::string path = copy_of("p256.pem-encrypted");
  const std::string before = read_file(path);
  EXPECT_EQ(
      run_typing({"passphrase", path}, {{"passphrase of ", "a"}, {"passphrase of ", "b"}, {"passphrase of ", "c"}}), 1);
  EXPECT_NE(screen_.find("wrong passphrase"), std::string::npos) << screen_;
  EXPECT_EQ(run_typing({"passphrase", path}, {{"passphrase of ", ""}}), 1);
  EXPECT_EQ(run_fob({"passphrase", path}).status, 1);  // no terminal
  EXPECT_EQ(read_file(path), before);
  EXPECT_EQ(files(), 1U);
}

TEST_F(KeyFileCommand, PassphraseIsThatOfTheFileAtTheEndOfALink) {
  const std::string path = copy_of("ed25519");
  ASSERT_EQ(symlink("key", folder_.file("link").c_str()), 0);
  EXPECT_EQ(change_passphrase(folder_.file("link"), "", "another one"), 0);
  EXPECT_NE(screen_.find("is a link: "), std::string::npos) << screen_;
  struct stat status {};
  ASSERT_EQ(lstat(folder_.file("link").c_str(), &status), 0);
  EXPECT_TRUE(S_ISLNK(status.st_mode));
  EXPECT_TRUE(inspect_key_file(read_file(path)).encrypted);
}

TEST_F(KeyFileCommand, OwnerStays) {
  if (geteuid() != 0) GTEST_SKIP() << "only root has files of others";
  const std::string path = copy_of("ed25519");
  ASSERT_EQ(chown(path.c_str(), 12345, 54321), 0);
  EXPECT_EQ(change_passphrase(path, "", "another one"), 0) << screen_;
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 12345U);
  EXPECT_EQ(status.st_gid, 54321U);
}

TEST_F(KeyFileCommand, OtherFilesStay) {
  const std::string path = folder_.file("key");
  for (const std::string& text : {read_data(formats + "ed25519.pub"), std::string("hello"), std::string()}) {
    write_file(path, text);
    for (const auto& line : std::vector<std::vector<std::string>>{{"passphrase", path}, {"comment", path, "x"}}) {
      const FobOutcome outcome = run_fob(line);
      EXPECT_EQ(outcome.status, 1);
      EXPECT_TRUE(outcome.err.starts_with("fob: " + path + ": ")) << outcome.err;
      EXPECT_EQ(read_file(path), text);
    }
  }
  EXPECT_EQ(run_fob({"passphrase", folder_.path()}).status, 1);
  EXPECT_EQ(run_fob({"passphrase", "/dev/null"}).status, 1);
  EXPECT_EQ(run_fob({"passphrase", folder_.file("none")}).status, 1);
  EXPECT_EQ(run_fob({"passphrase", path, "--all"}).status, 2);
  EXPECT_EQ(run_fob({"passphrase", "--no-passphrase"}).status, 2);
}

TEST_F(KeyFileCommand, WhatElseIsInAFileIsNotLost) {
  const std::string path = folder_.file("key");
  const std::string openssh = read_data(formats + "ed25519");
  const std::string ppk = read_data(formats + "ed25519.ppk3");
  for (const std::string& text : {"a note\n" + openssh, "Private: a note\n" + openssh, openssh + "a note\n",
                                  openssh + "a note\n-----END of the note\n",
                                  openssh + read_data(formats + "foreign.x509"), ppk + "a note\n", ppk + ppk}) {
    write_file(path, text);
    for (const auto& line : std::vector<std::vector<std::string>>{{"passphrase", path}, {"comment", path, "x"}}) {
      const FobOutcome outcome = run_fob(line);
      EXPECT_EQ(outcome.status, 1);
      EXPECT_NE(outcome.err.find("it holds more than the key"), std::string::npos) << outcome.err;
      EXPECT_EQ(read_file(path), text);
    }
  }
  for (const std::string& text : {"\xef\xbb\xbf" + openssh + " \r\n", ppk + "\n\n"}) {
    write_file(path, text);
    EXPECT_EQ(run_fob({"comment", path, "x"}).status, 0);
    EXPECT_EQ(opened(path, "").comment, "x");
  }
}

TEST_F(KeyFileCommand, CommentIsChangedInFileAndPublicKey) {
  const std::string path = copy_of("ed25519");
  write_file(path + ".pub", read_data(formats + "ed25519.pub"), 0640);
  const FobOutcome outcome = run_fob({"comment", path, "a new one"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "The comment in " + path + " and " + path + ".pub is now: a new one\n");
  EXPECT_EQ(opened(path, "").comment, "a new one");
  const std::string before = read_data(formats + "ed25519.pub");
  EXPECT_EQ(read_file(path + ".pub"), before.substr(0, before.find(" comment of")) + " a new one\n");
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(mode_of(path + ".pub"), 0640U);
  EXPECT_EQ(files(), 2U);
  EXPECT_EQ(json::parse(run_fob({"comment", path, "x", "--json"}).out), (json{{"done", true}, {"changed", path}}));
}

TEST_F(KeyFileCommand, ModeStaysButForOthers) {
  const std::string path = copy_of("ed25519");
  for (const auto& [before, after] : {std::pair{0400U, 0400U}, {0440U, 0400U}, {0755U, 0700U}}) {
    chmod(path.c_str(), before);
    ASSERT_EQ(run_fob({"comment", path, "a new one"}).status, 0);
    EXPECT_EQ(mode_of(path), after);
    chmod(path.c_str(), before);
    ASSERT_EQ(run_fob({"passphrase", "--no-passphrase", path}).status, 0);
    EXPECT_EQ(mode_of(path), after);
  }
}

TEST_F(KeyFileCommand, PassphraseIsNotUnderAWeakCipher) {
  const auto cipher_after = [&](const char* file) {
    const std::string path = copy_of(file);
    EXPECT_EQ(change_passphrase(path, "pass phrase", "another one"), 0) << screen_;
    opened(path, "another one");
    const std::string cipher =
        "tail -n +2 " + path + " | base64 -di | tail -c +20 | grep -aoE '^(3des|aes|cha)[a-z0-9-]*'";
    return run({"sh", "-c", cipher + " | head -n 1"}).output;
  };
  EXPECT_EQ(cipher_after("ed25519.openssh-3des-cbc"), "aes256-ctr\n");
  EXPECT_EQ(cipher_after("ed25519.openssh-aes128-gcm"), "aes256-ctr\n");
  EXPECT_EQ(cipher_after("ed25519.openssh-aes256-cbc"), "aes256-cbc\n");
  EXPECT_EQ(cipher_after("ed25519.openssh-chacha20-poly1305"), "chacha20-poly1305\n");
}

TEST_F(KeyFileCommand, CommentOfAnEncryptedFileWantsItsPassphrase) {
  for (const char* file : {"ed25519.openssh-aes256-ctr", "ed25519.ppk3-argon2id"}) {
    const std::string path = copy_of(file);
    EXPECT_EQ(run_typing({"comment", path, "a new one"}, {{"passphrase of ", "pass phrase"}}), 0) << screen_;
    EXPECT_EQ(opened(path, "pass phrase").comment, "a new one");
  }
}

TEST_F(KeyFileCommand, CommentLeavesTheFormOfAFileAlone) {
  for (const char* file : {"ed25519.ppk2", "ed25519.ppk2-encrypted"}) {
    SCOPED_TRACE(file);
    const std::string path = copy_of(file);
    std::vector<std::pair<std::string, std::string>> questions;
    if (inspect_key_file(read_file(path)).encrypted) questions.emplace_back("passphrase of ", "pass phrase");
    EXPECT_EQ(run_typing({"comment", path, "a new one"}, questions), 0) << screen_;
    EXPECT_EQ(inspect_key_file(read_file(path)).ppk_version, 2U);
    EXPECT_EQ(opened(path, "pass phrase").comment, "a new one");
  }
}

TEST_F(KeyFileCommand, CommentLeavesOptionsBeforeThePublicKeyAlone) {
  const std::string path = copy_of("ed25519");
  const std::string before = read_data(formats + "ed25519.pub");
  write_file(path + ".pub", "no-pty,command=\"echo \\\"a b\\\"\"  " + before, 0644);
  const FobOutcome outcome = run_fob({"comment", path, "a new one"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(read_file(path + ".pub"),
            "no-pty,command=\"echo \\\"a b\\\"\" " + before.substr(0, before.find(" comment of")) + " a new one\n");
}

TEST_F(KeyFileCommand, PassphraseSaysThatItsFileBecomesPpk3) {
  const std::string path = copy_of("ed25519.ppk2");
  ASSERT_EQ(change_passphrase(path, "", "another one"), 0);
  EXPECT_LT(screen_.find("it becomes one of version 3"), screen_.find("new passphrase for ")) << screen_;
  EXPECT_EQ(inspect_key_file(read_file(path)).ppk_version, 3U);
  copy_of("ed25519.ppk2-encrypted");
  ASSERT_EQ(run_typing({"passphrase", path, "--no-passphrase"}, {{"passphrase of ", "pass phrase"}}), 0);
  EXPECT_EQ(screen_.find("version 3"), std::string::npos) << screen_;
  EXPECT_EQ(inspect_key_file(read_file(path)).ppk_version, 2U);
}

TEST_F(KeyFileCommand, CommentHasNoPlaceInPem) {
  for (const char* file : {"p256.pem", "p256.pkcs8-encrypted"}) {
    const std::string path = copy_of(file);
    const FobOutcome outcome = run_fob({"comment", path, "x"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.err.find("has no place for a comment"), std::string::npos) << outcome.err;
    EXPECT_EQ(read_file(path), read_data(formats + file));
  }
}

TEST_F(KeyFileCommand, CommentLeavesOtherPublicKeysAlone) {
  const std::string path = copy_of("ed25519");
  for (const std::string& text :
       {read_data(formats + "p256.pub"), std::string("mine\n"), read_data(formats + "ed25519.rfc4716"),
        read_data(formats + "ed25519.pub") + read_data(formats + "p256.pub")}) {
    write_file(path + ".pub", text);
    const FobOutcome outcome = run_fob({"comment", path, "x"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_NE(outcome.err.find(path + ".pub stays as it is: "), std::string::npos) << outcome.err;
    EXPECT_EQ(read_file(path + ".pub"), text);
  }
}

TEST(KeptComment, IsTheAgentsToChange) {
  std::optional<control::ChangeKey> change;
  FakeAgent agent([&](const control::Request& request, Peer& peer) {
    change = std::get<control::ChangeKey>(request);
    control::Key key = sample_key("work");
    key.comment = *change->comment;
    peer.send(control::Keys{false, {key}});
  });
  const FobOutcome outcome = run_fob({"comment", "work", "a new one"}, {agent.environment()});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "The comment of work is now: a new one\n");
  ASSERT_TRUE(change);
  EXPECT_EQ(change->name, "work");
  EXPECT_EQ(change->new_name, "");
  EXPECT_EQ(change->comment, "a new one");
  EXPECT_EQ(run_fob({"comment", "work", ""}, {agent.environment()}).status, 0);
  EXPECT_EQ(change->comment, "");
  EXPECT_EQ(json::parse(run_fob({"--json", "comment", "work", "x"}, {agent.environment()}).out)["comment"], "x");
  expect_refused({"comment", "work", "a\nb"}, "one line");
  expect_refused({"comment", "id rsa", "a"}, "./id rsa");
}

TEST(Rename, IsTheAgentsToDo) {
  std::optional<control::ChangeKey> change;
  FakeAgent agent([&](const control::Request& request, Peer& peer) {
    change = std::get<control::ChangeKey>(request);
    if (change->name == "gone") return peer.send(control::Failed{Errc::not_found, "there is no key called gone"});
    peer.send(control::Keys{false, {sample_key(change->new_name)}});
  });
  const FobOutcome outcome = run_fob({"rename", "work", "desk"}, {agent.environment()});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "work is called desk now.\n");
  ASSERT_TRUE(change);
  EXPECT_EQ(change->new_name, "desk");
  EXPECT_EQ(change->comment, std::nullopt);
  EXPECT_EQ(json::parse(run_fob({"rename", "work", "desk", "--json"}, {agent.environment()}).out)["name"], "desk");
  EXPECT_EQ(run_fob({"rename", "gone", "desk"}, {agent.environment()}).err, "fob: there is no key called gone\n");
  expect_refused({"rename", "work", "a b"}, "cannot name a key");
  expect_refused({"rename", "work"}, "NEW");
}

}  // namespace
}  // namespace fob::test
