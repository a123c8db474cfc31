#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include <nlohmann/json.hpp>

#include "protocol/fingerprint.h"
#include "tests/unit/cli/fake_agent.h"
#include "tests/unit/cli/fob_process.h"
#include "tests/unit/cli/samples.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::test {
namespace {

using control::Request;
using nlohmann::json;

const std::string ask_elsewhere =
    "run fob in one, or let SSH_ASKPASS name a program that asks, with SSH_ASKPASS_REQUIRE=force\n";

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
}

TEST(New, PrintsKeyFingerprintsAndPicture) {
  FakeAgent agent(serve_new);
  const FobOutcome outcome = run_fob({"new", "work", "--comment", "a b"}, {agent.environment()});
  const PublicKey key = public_key("key_files/ecdsa_sk.pub");
  const std::string line = read_data("key_files/ecdsa_sk.pub");
  EXPECT_EQ(outcome.out, line.substr(0, line.find(" comment of")) + " a b\n" + fingerprint(key) + "\n" +
                             fingerprint(key, Hash::md5) + "\n" + randomart(key) + "\n");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
}

TEST(New, PassesItsOptionsOn) {
  const TempDir folder;
  write_file(folder.file("challenge"), "chosen");
  std::optional<control::NewKey> request;
  FakeAgent agent([&](const Request& message, Peer& peer) {
    request = std::get<control::NewKey>(message);
    serve_new(message, peer);
  });
  const FobOutcome outcome =
      run_fob({"new", "work", "--on", "fido:815", "-t", "ed25519-sk", "--resident", "--verify-required", "--no-touch",
               "--application", "ssh:work", "--user", "alice", "--replace", "--challenge", folder.file("challenge")},
              {agent.environment()});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("no-touch-required"), std::string::npos);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->name, "work");
  EXPECT_EQ(request->on, "fido:815");
  EXPECT_EQ(request->kind, KeyKind::sk_ed25519);
  EXPECT_EQ(request->application, "ssh:work");
  EXPECT_EQ(request->user, "alice");
  EXPECT_NE(request->comment.find('@'), std::string::npos);
  EXPECT_EQ(as_text(request->challenge), "chosen");
  EXPECT_TRUE(request->resident && request->verify_required && request->no_touch && request->replace);
}

TEST(New, WritesKeyFileAndAttestation) {
  const TempDir folder;
  FakeAgent agent(serve_new);
  const std::string path = folder.file("id");
  const FobOutcome outcome =
      run_fob({"new", "work", "-o", path, "--write-attestation", folder.file("attestation")}, {agent.environment()});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(read_file(path + ".pub"), read_data("key_files/ecdsa_sk.pub"));
  EXPECT_TRUE(read_file(path).starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
  EXPECT_EQ(to_hex(as_bytes(read_file(folder.file("attestation")))),
            to_hex(as_bytes(std::string_view("\0\0\0\x11ssh-sk-attest-v01\0\0\0\x03\xaa\xaa\xaa\0\0\0\x02\xbb\xbb"
                                             "\0\0\0\x01\xcc\0\0\0\0\0\0\0\0",
                                             4 + 17 + 7 + 6 + 5 + 8))));
}

TEST(New, RefusesFilesThatExistBeforeTheAgentIsAsked) {
  const TempDir folder;
  FakeAgent agent(serve_new);
  for (const char* name : {"id", "id.pub"}) {
    write_file(folder.file(name), "mine");
    const FobOutcome outcome = run_fob({"new", "work", "-o", folder.file("id")}, {agent.environment()});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.err.find("is there already"), std::string::npos);
    EXPECT_EQ(read_file(folder.file(name)), "mine");
    std::remove(folder.file(name).c_str());
  }
  EXPECT_EQ(run_fob({"new", "work", "-o", folder.file("no/such/id")}, {agent.environment()}).status, 1);
  EXPECT_EQ(agent.requests(), 0U);
}

TEST(New, RefusesAnAttestationInPlaceOfTheKeyFile) {
  const TempDir folder;
  FakeAgent agent(serve_new);
  ASSERT_EQ(symlink(folder.path().c_str(), folder.file("same").c_str()), 0);
  for (const char* name : {"id", "id.pub", "./id", "same/id.pub"}) {
    const std::string path = folder.file(name);
    const FobOutcome outcome =
        run_fob({"new", "work", "-o", folder.file("id"), "--write-attestation", path}, {agent.environment()});
    EXPECT_EQ(outcome.status, 1) << path;
    EXPECT_NE(outcome.err.find("two things"), std::string::npos) << outcome.err;
  }
  EXPECT_EQ(agent.requests(), 0U);
  EXPECT_FALSE(exists(folder.file("id")));
}

/// As serve_new, of a token that attests nothing.
void serve_unattested(const Request& request, Peer& peer) {
  if (!std::holds_alternative<control::NewKey>(request)) return serve(request, peer);
  control::Kept kept;
  kept.key = sample_key("work", "key_files/ecdsa_sk.pub");
  peer.send(std::move(kept));
}

TEST(New, WritesTheKeyFileWithoutAnAttestationToo) {
  const TempDir folder;
  FakeAgent agent(serve_unattested);
  const std::string attestation = folder.file("attestation");
  const std::string path = folder.file("id");
  const FobOutcome both =
      run_fob({"new", "work", "-o", path, "--write-attestation", attestation}, {agent.environment()});
  EXPECT_EQ(both.status, 1);
  EXPECT_EQ(both.err, "Kept as work, on Example Key 5 815.\nfob: the token attests nothing, so " + attestation +
                          " is not written; the key is kept all the" + " same; written: " + path + ", " + path +
                          ".pub\n");
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(read_file(path + ".pub"), read_data("key_files/ecdsa_sk.pub"));
  const FobOutcome alone = run_fob({"new", "work", "--write-attestation", attestation}, {agent.environment()});
  EXPECT_EQ(alone.status, 1);
  EXPECT_NE(alone.err.find("is not written; the key is kept all the same\n"), std::string::npos);
}

TEST(New, WritesTheAttestationWithoutAKeyFileToo) {
  const TempDir folder;
  FakeAgent agent([](const Request& request, Peer& peer) {
    if (std::holds_alternative<control::NewKey>(request)) return serve_new(request, peer);
    peer.send(control::Failed{Errc::system, "no memory"});
  });
  const std::string attestation = folder.file("attestation");
  const FobOutcome outcome =
      run_fob({"new", "work", "-o", folder.file("id"), "--write-attestation", attestation}, {agent.environment()});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err,
            "Kept as work, on Example Key 5 815.\nfob: no memory; the key is kept all the same; written: " +
                attestation + "; to have its file, type: fob export work -o " + folder.file("id") + "\n");
  EXPECT_TRUE(exists(attestation));
}

TEST(Export, WritesAFileThatSshKeygenReads) {
  const TempDir folder;
  FakeAgent agent(serve);
  const FobOutcome outcome = run_fob({"export", "work", "-o", folder.file("id")}, {agent.environment()});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(mode_of(folder.file("id")), 0600U);
  EXPECT_EQ(run({"ssh-keygen", "-y", "-f", folder.file("id")}).output, read_data("key_files/ecdsa_sk.pub"));
}

TEST(Export, EncryptsWithAPassphraseTypedTwice) {
  const TempDir folder;
  FakeAgent agent(serve);
  TerminalFob fob({"export", "work", "-p", "-o", folder.file("id")}, {agent.environment()});
  ASSERT_TRUE(fob.shows("passphrase for " + folder.file("id") + ": "));
  ASSERT_TRUE(fob.becomes(false));
  fob.type("secret\n");
  ASSERT_TRUE(fob.shows("the same again: "));
  ASSERT_TRUE(fob.becomes(false));
  fob.type("secret\n");
  EXPECT_EQ(fob.status(), 0);
  EXPECT_EQ(run({"ssh-keygen", "-y", "-P", "secret", "-f", folder.file("id")}).output,
            read_data("key_files/ecdsa_sk.pub"));
  EXPECT_NE(run({"ssh-keygen", "-y", "-P", "", "-f", folder.file("id")}).exit_status, 0);
}

TEST(Import, SendsKeyAndComment) {
  std::vector<std::string> names;
  std::vector<std::string> comments;
  FakeAgent agent([&](const Request& request, Peer& peer) {
    const auto& imported = std::get<control::ImportKey>(request);
    names.push_back(imported.name);
    comments.push_back(imported.comment);
    serve(request, peer);
  });
  const std::string data = FOB_TEST_DATA "/key_files/";
  const FobOutcome two = run_fob({"import", data + "ecdsa_sk", data + "ed25519_sk"}, {agent.environment()});
  EXPECT_EQ(two.status, 0) << two.err;
  EXPECT_EQ(run_fob({"import", data + "resident_sk", "--name", "travel"}, {agent.environment()}).status, 0);
  EXPECT_EQ(names, (std::vector<std::string>{"ecdsa_sk", "ed25519_sk", "travel"}));
  EXPECT_EQ(comments[0], "comment of ecdsa_sk");
  EXPECT_EQ(run_fob({"import", data + "software.pub"}, {agent.environment()}).status, 1);
  EXPECT_EQ(run_fob({"import", "/no/such/file"}, {agent.environment()}).status, 1);
  EXPECT_EQ(run_fob({"import", "/tmp"}, {agent.environment()}).status, 1);
  EXPECT_EQ(names.size(), 3U);
}

TEST(Import, PrintsOneJsonDocument) {
  FakeAgent agent(serve);
  const std::string data = FOB_TEST_DATA "/key_files/";
  const json two =
      json::parse(run_fob({"import", "--json", data + "ecdsa_sk", data + "ed25519_sk"}, {agent.environment()}).out);
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(two[0]["name"], "ecdsa_sk");
  EXPECT_EQ(two[1]["name"], "ed25519_sk");
  const json one = json::parse(run_fob({"import", "--json", data + "ecdsa_sk"}, {agent.environment()}).out);
  EXPECT_EQ(one, two[0]);
  const FobOutcome part = run_fob({"import", "--json", data + "ecdsa_sk", data + "software.pub", data + "ed25519_sk"},
                                  {agent.environment()});
  EXPECT_EQ(part.status, 1);
  EXPECT_EQ(json::parse(part.out), json::array({one}));
  EXPECT_EQ(run_fob({"import", "--json", data + "software.pub"}, {agent.environment()}).out, "");
}

TEST(Import, SaysOnceThatThereIsNoTerminal) {
  FakeAgent agent(serve);
  const std::string path = FOB_TEST_DATA "/key_files/ecdsa_sk_encrypted";
  const FobOutcome outcome = run_fob({"import", path}, {agent.environment()});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err,
            "fob: " + path + ": there is no terminal to ask at (passphrase of " + path + "): " + ask_elsewhere);
}

TEST(Import, AsksForPassphrasesAgain) {
  FakeAgent agent(serve);
  TerminalFob fob({"import", FOB_TEST_DATA "/key_files/ecdsa_sk_encrypted"}, {agent.environment()});
  for (const char* typed : {"wrong\n", "pass phrase\n"}) {
    ASSERT_TRUE(fob.shows("passphrase of "));
    ASSERT_TRUE(fob.becomes(false));
    fob.type(typed);
  }
  EXPECT_TRUE(fob.shows("ecdsa_sk_encrypted SHA256:"));
  EXPECT_EQ(fob.status(), 0);
}

TEST(Import, AsksThreeTimesAtMost) {
  FakeAgent agent(serve);
  TerminalFob fob({"import", FOB_TEST_DATA "/key_files/ecdsa_sk_encrypted"}, {agent.environment()});
  for (int attempt = 0; attempt < 3; ++attempt) {
    ASSERT_TRUE(fob.shows("passphrase of "));
    ASSERT_TRUE(fob.becomes(false));
    fob.type("wrong\n");
  }
  EXPECT_TRUE(fob.shows("ecdsa_sk_encrypted: wrong passphrase"));
  EXPECT_EQ(fob.status(), 1);
  EXPECT_EQ(agent.requests(), 0U);
}

}  // namespace
}  // namespace fob::test
