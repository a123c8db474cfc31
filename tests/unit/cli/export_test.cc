#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "protocol/key_file/key_file.h"
#include "tests/unit/cli/vault_runs.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::test {
namespace {

using control::Request;

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

/// An agent whose vault has the RSA key "safe".
void serve_rsa(const Request& request, Peer& peer) {
  if (std::holds_alternative<control::ExportKey>(request)) return peer.send(sample_export("software_rsa"));
  control::Key key = sample_key("safe", "key_files/software_rsa.pub");
  key.where = "vault";
  key.sk_flags = 0;
  peer.send(control::Keys{true, {key}});
}

KeyFile opened(const std::string& path, const std::string& passphrase) {
  return parse_key_file(read_file(path), [&] { return SecretBytes(as_bytes(passphrase)); });
}

/// The outcome of `fob export safe OPTION... -o FILE` at a terminal where the passphrase is typed twice.
std::pair<int, std::string> export_typing(const std::vector<std::string>& options, const std::string& passphrase) {
  FakeAgent agent(serve_rsa);
  std::vector<std::string> line{"export", "safe"};
  line.insert(line.end(), options.begin(), options.end());
  TerminalFob fob(line, {agent.environment()});
  for (const char* question : {"passphrase for ", "the same again: "}) {
    EXPECT_TRUE(fob.shows(question)) << fob.screen();
    EXPECT_TRUE(fob.becomes(false));
    fob.type(passphrase + "\n");
    if (passphrase.empty()) break;
  }
  const int status = fob.status();
  return {status, fob.screen()};
}

const std::vector<std::pair<std::string, KeyFileFormat>> all_formats{{"openssh", KeyFileFormat::openssh},
                                                                     {"pem", KeyFileFormat::pem},
                                                                     {"pkcs8", KeyFileFormat::pkcs8},
                                                                     {"ppk", KeyFileFormat::ppk}};

TEST(ExportFormats, AreEncryptedWithAPassphraseTypedTwice) {
  const TempDir folder;
  for (const auto& [word, format] : all_formats) {
    SCOPED_TRACE(word);
    const std::string path = folder.file(word);
    const auto [status, screen] = export_typing({"--format", word, "-o", path}, "long passphrase");
    EXPECT_EQ(status, 0) << screen;
    const KeyFileInfo info = inspect_key_file(read_file(path));
    EXPECT_EQ(info.format, format);
    EXPECT_TRUE(info.encrypted);
    EXPECT_EQ(mode_of(path), 0600U);
    EXPECT_TRUE(opened(path, "long passphrase").key.secret == sample_export("software_rsa").key.secret);
    EXPECT_EQ(exists(path + ".pub"), format != KeyFileFormat::ppk);
    EXPECT_EQ(screen.find("protects its passphrase weakly") != std::string::npos, format == KeyFileFormat::pem);
  }
}

TEST(ExportFormats, AreUnencryptedOnlyWhereThatIsSaid) {
  const TempDir folder;
  FakeAgent agent(serve_rsa);
  for (const auto& [word, format] : all_formats) {
    SCOPED_TRACE(word);
    const std::string path = folder.file(word);
    const auto [typed, screen] = export_typing({"--format", word, "-o", path}, "");
    EXPECT_EQ(typed, 1);
    EXPECT_NE(screen.find("--no-passphrase"), std::string::npos) << screen;
    EXPECT_FALSE(exists(path) || exists(path + ".pub"));
    const FobOutcome outcome =
        run_fob({"export", "safe", "--format", word, "--no-passphrase", "-o", path}, {agent.environment()});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_NE(outcome.err.find("whoever gets the file, or a copy of it, has the private key"), std::string::npos)
        << outcome.err;
    EXPECT_FALSE(inspect_key_file(read_file(path)).encrypted);
    EXPECT_EQ(mode_of(path), 0600U);
  }
}

TEST(ExportFormats, AreRefusedBeforeAnybodyIsAsked) {
  const TempDir folder;
  const std::string path = folder.file("id");
  const auto refused = [&](FakeAgent::Handle handle, std::vector<std::string> line, const std::string& reason) {
    FakeAgent agent(std::move(handle));
    line.insert(line.end(), {"-o", path});
    const FobOutcome outcome = run_fob(line, {agent.environment()});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.err.find(reason), std::string::npos) << outcome.err;
    EXPECT_EQ(agent.requests(), 1U);
    EXPECT_FALSE(exists(path));
  };
  refused(serve_pkcs11, {"export", "work"}, "which its private key never leaves");
  for (const char* format : {"pem", "pkcs8", "ppk"}) {
    refused(serve, {"export", "work", "--format", format}, "holds no private key but a handle");
  }
  refused(serve_vault, {"export", "safe", "--format", "pem"}, "PEM has no form for keys of the type ed25519");
  refused(serve, {"export", "other"}, "no key is named other");
  expect_refused({"export", "safe", "--format", "der", "-o", path}, "--format");
  expect_refused({"export", "safe", "-p", "--no-passphrase", "-o", path}, "exclude each other");
  expect_refused({"export", "safe", "--json", "-o", "-"}, "standard output");
}

TEST(ExportFormats, OverwriteNothing) {
  const TempDir folder;
  FakeAgent agent(serve_rsa);
  for (const auto& [file, word] :
       std::vector<std::pair<std::string, std::string>>{{"id", "ppk"}, {"id", "openssh"}, {"id.pub", "openssh"}}) {
    write_file(folder.file(file), "mine");
    const FobOutcome outcome = run_fob({"export", "safe", "--format", word, "--no-passphrase", "-o", folder.file("id")},
                                       {agent.environment()});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.err.find("is there already"), std::string::npos) << outcome.err;
    EXPECT_EQ(read_file(folder.file(file)), "mine");
    std::remove(folder.file(file).c_str());
  }
  // PuTTY's file has the public key in it, and another file of that name is nobody's concern.
  write_file(folder.file("id.pub"), "mine");
  EXPECT_EQ(
      run_fob({"export", "safe", "--format", "ppk", "--no-passphrase", "-o", folder.file("id")}, {agent.environment()})
          .status,
      0);
  EXPECT_EQ(read_file(folder.file("id.pub")), "mine");
}

TEST(ExportToStandardOutput, IsTheFileAlone) {
  FakeAgent agent(serve_rsa);
  const FobOutcome outcome =
      run_fob({"export", "safe", "--no-passphrase", "--format", "pkcs8", "-o", "-"}, {agent.environment()});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const KeyFile file = parse_key_file(outcome.out, [] { return SecretBytes(); });
  EXPECT_TRUE(file.key.secret == sample_export("software_rsa").key.secret);
  EXPECT_FALSE(exists("-"));
}

TEST(ExportToStandardOutput, IsNeverATerminal) {
  FakeAgent agent(serve_rsa);
  TerminalFob fob({"export", "safe", "--no-passphrase", "-o", "-"}, {agent.environment()});
  EXPECT_TRUE(fob.shows("standard output is a terminal")) << fob.screen();
  EXPECT_EQ(fob.status(), 1);
  EXPECT_EQ(fob.screen().find("BEGIN"), std::string::npos);
}

}  // namespace
}  // namespace fob::test
