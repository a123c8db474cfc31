#include <unistd.h>

#include <cstdlib>

#include "cli/text.h"
#include "protocol/limits.h"
#include "tests/unit/cli/vault_runs.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::test {
namespace {

using control::Request;

const std::string formats = "key_files/formats/";
const std::string folder_of_formats = FOB_TEST_DATA "/key_files/formats/";

std::string program() {
  const char* other = getenv("FOB");
  return other != nullptr ? other : FOB_DEFAULT;
}

/// Serves an import, and puts what it was told into `out`: there once the FakeAgent is gone, for a reply comes first.
FakeAgent::Handle serve_and_keep(std::optional<control::ImportKey>& out) {
  return [&out](const Request& request, Peer& peer) {
    serve_vault(request, peer);
    out.emplace(std::move(const_cast<control::ImportKey&>(std::get<control::ImportKey>(request))));
  };
}

/// What the agent is told to keep by a line like `fob import …`.
std::optional<control::ImportKey> imported(const std::vector<std::string>& arguments) {
  std::vector<std::string> line{"import"};
  line.insert(line.end(), arguments.begin(), arguments.end());
  std::optional<control::ImportKey> out;
  {
    FakeAgent agent(serve_and_keep(out));
    const FobOutcome outcome = run_fob(line, {agent.environment()});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
  }
  return out;
}

/// The same with `file` as standard input.
Outcome run_with_input(const std::string& file, const std::vector<std::string>& arguments, const FakeAgent& agent) {
  std::vector<std::string> line{"sh", "-c", "file=$1; shift; exec \"$0\" import \"$@\" <\"$file\"", program(), file};
  line.insert(line.end(), arguments.begin(), arguments.end());
  return run(line, {agent.environment()});
}

std::string failure_of(const std::string& path) {
  FakeAgent agent(serve_vault);
  const FobOutcome outcome = run_fob({"import", path, "--name", "work"}, {agent.environment()});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(agent.requests(), 0U);
  return outcome.err;
}

TEST(ImportFormats, SendTheSameKey) {
  for (const char* file :
       {"ed25519", "ed25519.ppk2", "ed25519.ppk3", "p256.pem", "p256.pkcs8", "p384.ppk3", "p521.pem"}) {
    SCOPED_TRACE(file);
    const std::string name(file);
    const auto request = imported({folder_of_formats + name, "--name", "work"});
    ASSERT_TRUE(request);
    EXPECT_TRUE(
        equal(request->key.public_key.blob, public_key_blob(formats + name.substr(0, name.find('.')) + ".pub")));
    EXPECT_FALSE(request->key.secret.empty());
  }
}

TEST(ImportFormats, AskForThePassphraseOfEach) {
  for (const char* file : {"ed25519.ppk2-encrypted", "ed25519.ppk3-argon2id", "p256.pem-encrypted",
                           "p256.pkcs8-encrypted", "ed25519.openssh-aes256-gcm"}) {
    SCOPED_TRACE(file);
    FakeAgent agent(serve_vault);
    TerminalFob fob({"import", folder_of_formats + file, "--name", "work"}, {agent.environment()});
    for (const char* typed : {"wrong\n", "pass phrase\n"}) {
      ASSERT_TRUE(fob.shows("passphrase of ")) << fob.screen();
      ASSERT_TRUE(fob.becomes(false));
      fob.type(typed);
    }
    ASSERT_TRUE(fob.shows("work SHA256:")) << fob.screen();
    EXPECT_EQ(fob.status(), 0);
  }
}

TEST(ImportFormats, KeepNothingWhereNoPassphraseIsTyped) {
  FakeAgent agent(serve_vault);
  TerminalFob fob({"import", folder_of_formats + "p256.pem-encrypted", "--name", "work"}, {agent.environment()});
  ASSERT_TRUE(fob.shows("passphrase of "));
  ASSERT_TRUE(fob.becomes(false));
  fob.type("\n");
  EXPECT_TRUE(fob.shows("no passphrase was typed: nothing is done"));
  EXPECT_EQ(fob.status(), 1);
  EXPECT_EQ(agent.requests(), 0U);
}

TEST(ImportComment, IsThatOfTheFile) {
  EXPECT_EQ(imported({folder_of_formats + "ed25519.ppk3", "--name", "work"})->comment, "comment of ed25519");
  EXPECT_EQ(imported({folder_of_formats + "ed25519", "--name", "work"})->comment, "comment of ed25519");
  EXPECT_EQ(imported({folder_of_formats + "ed25519.ppk3", "--name", "work", "--comment", "mine"})->comment, "mine");
  EXPECT_EQ(imported({folder_of_formats + "ed25519", "--name", "work", "--comment", ""})->comment, "");
}

TEST(ImportComment, IsThatOfThePublicKeyBesidePem) {
  const TempDir folder;
  write_file(folder.file("id.pem"), read_data(formats + "p256.pem"));
  EXPECT_EQ(imported({folder.file("id.pem")})->comment, cli::default_comment());
  write_file(folder.file("id.pub"), read_data(formats + "p384.pub"));
  EXPECT_EQ(imported({folder.file("id.pem")})->comment, cli::default_comment());
  write_file(folder.file("id.pub"), read_data(formats + "p256.pub"));
  EXPECT_EQ(imported({folder.file("id.pem")})->comment, "comment of p256");
  write_file(folder.file("id.pem.pub"), "no key");
  EXPECT_EQ(imported({folder.file("id.pem")})->comment, "comment of p256");
}

TEST(ImportName, IsThatOfTheFileWithoutPemAndPpk) {
  const TempDir folder;
  const auto name_of = [&](const std::string& file) {
    write_file(folder.file(file), read_data(formats + "ed25519.ppk3"));
    return imported({folder.file(file)})->name;
  };
  EXPECT_EQ(name_of("work.ppk"), "work");
  EXPECT_EQ(name_of("Work.PPK"), "Work");
  EXPECT_EQ(name_of("id.pem"), "id");
  EXPECT_EQ(name_of("id.key"), "id.key");
  EXPECT_EQ(name_of("ppk"), "ppk");
  for (const char* file : {"my key.ppk", ".pem", "schl\u00fcssel"}) {
    write_file(folder.file(file), read_data(formats + "ed25519.ppk3"));
    const FobOutcome outcome = run_with_agent({"import", folder.file(file)});
    EXPECT_EQ(outcome.status, 1) << file;
    EXPECT_NE(outcome.err.find("cannot name a key"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("--name"), std::string::npos) << outcome.err;
  }
}

TEST(ImportInput, IsReadToItsEnd) {
  std::optional<control::ImportKey> request;
  {
    FakeAgent agent(serve_and_keep(request));
    const Outcome outcome = run_with_input(folder_of_formats + "p256.pkcs8", {"-", "--name", "piped"}, agent);
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
    EXPECT_EQ(outcome.output.find("still holds"), std::string::npos) << outcome.output;
  }
  ASSERT_TRUE(request);
  EXPECT_EQ(request->name, "piped");
  EXPECT_EQ(request->comment, cli::default_comment());
  EXPECT_TRUE(equal(request->key.public_key.blob, public_key_blob(formats + "p256.pub")));
}

TEST(ImportInput, IsBounded) {
  FakeAgent agent(serve_vault);
  const Outcome outcome = run_with_input("/dev/zero", {"-", "--name", "piped"}, agent);
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_NE(outcome.output.find("standard input has more than 1048576 bytes"), std::string::npos) << outcome.output;
}

TEST(ImportInput, IsForOneKeyWithAName) {
  expect_refused({"import", "-"}, "say --name");
  expect_refused({"import", "--paste"}, "say --name");
  expect_refused({"import", "-", "id"}, "for one key");
  expect_refused({"import", "--paste", "id", "--name", "x"}, "takes the place of a file");
  expect_refused({"import"}, "FILE is missing");
  expect_refused({"import", "a", "b", "--comment", "x"}, "--comment is for one file");
  expect_refused({"import", "a", "--comment", "x\ny"}, "one line");
  expect_refused({"import", "a", "--comment", std::string(limits::comment_bytes + 1, 'x')}, "too long");
}

/// fob in a terminal, waiting for a key that is pasted there; the last request is kept.
class Paste : public testing::Test {
 protected:
  Paste()
      : agent_([this](const Request& request, Peer& peer) {
          blob_ = std::get<control::ImportKey>(request).key.public_key.blob;
          serve_vault(request, peer);
        }) {}
  TerminalFob& start(const std::vector<std::string>& arguments = {"import", "--paste", "--name", "work"}) {
    fob_.emplace(arguments, std::vector{agent_.environment()});
    EXPECT_TRUE(fob_->shows("Paste the private key here"));
    EXPECT_TRUE(fob_->shows("\n"));
    EXPECT_TRUE(fob_->becomes(false));
    return *fob_;
  }

  Bytes blob_;
  FakeAgent agent_;
  std::optional<TerminalFob> fob_;
};

TEST_F(Paste, EndsWithTheLastLineOfTheKey) {
  for (const char* file : {"ed25519", "p256.pem", "p256.pkcs8", "ed25519.ppk3", "ed25519.ppk2"}) {
    SCOPED_TRACE(file);
    TerminalFob& fob = start();
    fob.type(read_data(formats + file));
    ASSERT_TRUE(fob.shows("The clipboard still holds the private key")) << fob.screen();
    EXPECT_TRUE(fob.shows("work SHA256:"));
    EXPECT_EQ(fob.status(), 0);
    const std::string name(file);
    EXPECT_TRUE(equal(blob_, public_key_blob(formats + name.substr(0, name.find('.')) + ".pub")));
  }
}

TEST_F(Paste, IsNotEchoed) {
  TerminalFob& fob = start({"import", "-", "--name", "work"});
  fob.type(read_data(formats + "ed25519") + "and what comes after it\n");
  ASSERT_TRUE(fob.shows("work SHA256:")) << fob.screen();
  EXPECT_EQ(fob.status(), 0);
  for (const char* text : {"BEGIN", "END", "b3BlbnNzaC1rZXk", "comes after"}) {
    EXPECT_EQ(fob.screen().find(text), std::string::npos) << fob.screen();
  }
}

TEST_F(Paste, MayHaveOtherLineEndsAndTextBefore) {
  std::string text = "Key of Alice:\n" + read_data(formats + "ed25519");
  for (char& byte : text) {
    if (byte == '\n') byte = '\r';
  }
  TerminalFob& fob = start();
  fob.type(text);
  ASSERT_TRUE(fob.shows("work SHA256:")) << fob.screen();
  EXPECT_EQ(fob.status(), 0);
}

TEST_F(Paste, AsksForThePassphraseAfterwards) {
  TerminalFob& fob = start();
  fob.type(read_data(formats + "p256.pem-encrypted"));
  ASSERT_TRUE(fob.shows("passphrase of the key that was pasted: ")) << fob.screen();
  ASSERT_TRUE(fob.becomes(false));
  fob.type("pass phrase\n");
  EXPECT_TRUE(fob.shows("work SHA256:"));
  EXPECT_EQ(fob.status(), 0);
}

TEST_F(Paste, GoesOnAfterTheParametersOfACurve) {
  TerminalFob& fob = start();
  fob.type("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n");
  fob.type(read_data(formats + "p256.pem"));
  ASSERT_TRUE(fob.shows("work SHA256:")) << fob.screen();
  EXPECT_EQ(fob.status(), 0);
}

TEST_F(Paste, OfNothingOrSomethingElseKeepsNothing) {
  TerminalFob& nothing = start();
  nothing.type("\x04");
  EXPECT_TRUE(nothing.shows("nothing was pasted")) << nothing.screen();
  EXPECT_EQ(nothing.status(), 1);
  TerminalFob& public_key = start();
  public_key.type(read_data(formats + "ed25519.pub") + "\x04");
  EXPECT_TRUE(public_key.shows("the key that was pasted: ")) << public_key.screen();
  EXPECT_TRUE(public_key.shows("public key")) << public_key.screen();
  EXPECT_EQ(public_key.status(), 1);
  TerminalFob& interrupted = start();
  interrupted.type("-----BEGIN\n\x03");
  EXPECT_EQ(interrupted.status(), 130);
  EXPECT_EQ(agent_.requests(), 0U);
}

TEST_F(Paste, IsBounded) {
  TerminalFob& fob = start();
  const std::string line(1023, 'x');
  for (std::size_t bytes = 0; bytes <= limits::key_file_bytes; bytes += line.size() + 1) fob.type(line + "\n");
  fob.type("-----END X PRIVATE KEY-----\n");
  ASSERT_TRUE(fob.shows("at most 1048576 are allowed")) << fob.screen();
  EXPECT_EQ(fob.status(), 1);
}

TEST(PasteElsewhere, NeedsATerminal) {
  FakeAgent agent(serve_vault);
  const FobOutcome outcome = run_fob({"import", "--paste", "--name", "work"}, {agent.environment()});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err, "fob: there is no terminal to paste at: run fob in one\n");
}

TEST(ImportOfOtherThings, SaysWhatTheyAre) {
  for (const auto& [file, words] :
       std::vector<std::pair<std::string, std::string>>{{formats + "ed25519.pub", "public key"},
                                                        {formats + "ed25519.rfc4716", "public key"},
                                                        {formats + "p256.spki", "public key"},
                                                        {"openssh/sshkey/ed25519_1-cert.pub", "certificate"},
                                                        {"key_files/make.sh", "no "}}) {
    SCOPED_TRACE(file);
    const std::string path = std::string(FOB_TEST_DATA "/") + file;
    const std::string text = failure_of(path);
    EXPECT_TRUE(text.starts_with("fob: " + path + ": ")) << text;
    EXPECT_NE(text.find(words), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace fob::test
