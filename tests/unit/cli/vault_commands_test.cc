#include <nlohmann/json.hpp>

#include <cstdlib>

#include "protocol/fingerprint.h"
#include "tests/unit/cli/vault_runs.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::test {
namespace {

using control::Request;
using nlohmann::json;

TEST(VaultNew, LeavesPlaceAndTypeToTheAgent) {
  const auto [outcome, request] = run_and_get<control::NewKey>({"new", "work"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  ASSERT_TRUE(request);
  EXPECT_EQ(request->on, "");
  EXPECT_EQ(request->kind, std::nullopt);
  EXPECT_EQ(request->application, "ssh:");
  EXPECT_EQ(request->rsa_bits, 0U);
  EXPECT_FALSE(request->confirm);
  EXPECT_TRUE(request->services.empty());
}

TEST(VaultNew, KnowsThePlaceByTypeAndOptions) {
  const auto made = [](std::vector<std::string> line) {
    line.insert(line.begin(), {"new", "work"});
    const auto [outcome, request] = run_and_get<control::NewKey>(line);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    const control::NewKey key = request.value_or(control::NewKey());
    return std::tuple(key.on, key.kind, key.rsa_bits);
  };
  EXPECT_EQ(made({"--on", "vault"}), std::tuple("vault", KeyKind::ed25519, 0U));
  EXPECT_EQ(made({"-t", "ed25519"}), std::tuple("vault", KeyKind::ed25519, 0U));
  EXPECT_EQ(made({"-t", "ecdsa"}), std::tuple("vault", KeyKind::ecdsa_p256, 0U));
  EXPECT_EQ(made({"-t", "ecdsa", "-b", "521"}), std::tuple("vault", KeyKind::ecdsa_p521, 0U));
  EXPECT_EQ(made({"-t", "ecdsa-p384"}), std::tuple("vault", KeyKind::ecdsa_p384, 0U));
  EXPECT_EQ(made({"-t", "rsa"}), std::tuple("vault", KeyKind::rsa, 3072U));
  EXPECT_EQ(made({"-t", "rsa", "-b", "4096", "--on", "vault"}), std::tuple("vault", KeyKind::rsa, 4096U));
  EXPECT_EQ(made({"-t", "ecdsa-sk"}), std::tuple("fido", KeyKind::sk_ecdsa_p256, 0U));
  EXPECT_EQ(made({"-t", "ed25519-sk"}), std::tuple("fido", KeyKind::sk_ed25519, 0U));
  for (const auto& line : std::vector<std::vector<std::string>>{{"--resident"},
                                                                {"--verify-required"},
                                                                {"--no-touch"},
                                                                {"--application", "ssh:x"},
                                                                {"--user", "alice"},
                                                                {"--resident", "--replace"}}) {
    EXPECT_EQ(made(line), std::tuple("fido", KeyKind::sk_ecdsa_p256, 0U)) << line[0];
  }
}

TEST(VaultNew, RefusesWhatDoesNotFit) {
  const auto refused = [](std::vector<std::string> line, const std::string& reason) {
    line.insert(line.begin(), {"new", "work"});
    expect_refused(line, reason);
  };
  for (const auto& line : std::vector<std::vector<std::string>>{{"--resident"},
                                                                {"--verify-required"},
                                                                {"--no-touch"},
                                                                {"--application", "ssh:"},
                                                                {"--user", "alice"},
                                                                {"--challenge", "x"},
                                                                {"-o", "/tmp/no/such"},
                                                                {"--write-attestation", "x"}}) {
    std::vector<std::string> with_place = line;
    with_place.insert(with_place.end(), {"--on", "vault"});
    refused(with_place, "is for FIDO2 tokens");
    std::vector<std::string> with_type = line;
    with_type.insert(with_type.end(), {"-t", "ed25519"});
    refused(with_type, "is for FIDO2 tokens");
  }
  refused({"--on", "vault", "-o", "x"}, "fob export");
  refused({"--on", "vault", "--slot", "9a"}, "is for PIV cards");
  refused({"--on", "vault", "--replace"}, "fob remove NAME");
  refused({"--on", "vault", "-t", "ecdsa-sk"}, "a FIDO2 token does");
  refused({"--on", "vault", "-b", "256"}, "of one size");
  refused({"-t", "rsa", "-b", "1024"}, "2048, 3072 or 4096");
  refused({"-b", "3072"}, "say which with --type");
  refused({"--replace"}, "--resident");
  refused({"--touch-policy", "always"}, "name the card with --on");
}

TEST(VaultNew, PassesConfirmationAndServicesOn) {
  const auto [outcome, request] = run_and_get<control::NewKey>(
      {"new", "--confirm", "--service", "github.com", "--service", "the desk", "work", "--on", "vault"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  ASSERT_TRUE(request);
  EXPECT_EQ(request->name, "work");
  EXPECT_TRUE(request->confirm);
  EXPECT_EQ(request->services, (std::vector<std::string>{"github.com", "the desk"}));
  EXPECT_EQ(request->application, "");
  expect_refused({"new", "work", "--service", ""}, "cannot name a service");
  expect_refused({"new", "work", "--service", "a\nb"}, "cannot name a service");
}

TEST(VaultNew, ShowsTheRecoveryCodeOfANewVault) {
  const FobOutcome people = run_with_agent({"new", "work", "--on", "vault"});
  EXPECT_TRUE(people.out.ends_with("+\n" + code_for_people)) << people.out;
  const FobOutcome programs = run_with_agent({"new", "work", "--on", "vault", "--json"});
  EXPECT_EQ(json::parse(programs.out)["recovery_code"], std::string(sample_recovery_code));
  EXPECT_EQ(programs.err, code_warning);
}

TEST(VaultNew, SaysThatTheRecoveryCodeIsLost) {
  const char* other = getenv("FOB");
  FakeAgent agent(serve_vault);
  const Outcome outcome = run({"sh", "-c", "exec \"$0\" new work >/dev/full", other != nullptr ? other : FOB_DEFAULT},
                              {agent.environment()});
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_NE(outcome.output.find("fob slot add recovery"), std::string::npos) << outcome.output;
}

/// Only at the place of the code, whatever other texts there are.
TEST(VaultNew, PutsTheCodeWhereItBelongs) {
  FakeAgent agent([](const Request&, Peer& peer) {
    control::Kept kept;
    kept.key = sample_key("work");
    kept.key.comment = "\"recovery_code\": \"\"";
    kept.recovery_code = sample_code();
    peer.send(std::move(kept));
  });
  const json out = json::parse(run_fob({"new", "work", "--json"}, {agent.environment()}).out);
  EXPECT_EQ(out["comment"], "\"recovery_code\": \"\"");
  EXPECT_EQ(out["recovery_code"], std::string(sample_recovery_code));
}

TEST(VaultNew, TakesNothingElseForARecoveryCode) {
  FakeAgent agent([](const Request&, Peer& peer) {
    control::Kept kept;
    kept.key = sample_key("work");
    kept.recovery_code = SecretBytes(as_bytes("\x1b[31m\""));
    peer.send(std::move(kept));
  });
  for (const auto& line : std::vector<std::vector<std::string>>{{"new", "work"}, {"new", "work", "--json"}}) {
    const FobOutcome outcome = run_fob(line, {agent.environment()});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);
    EXPECT_NE(outcome.err.find("no recovery code"), std::string::npos) << outcome.err;
  }
}

TEST(VaultImport, KeepsSoftwareKeysInTheVault) {
  const std::string path = FOB_TEST_DATA "/key_files/software_rsa";
  std::optional<PublicKey> sent;
  FakeAgent agent([&](const Request& request, Peer& peer) {
    const auto& imported = std::get<control::ImportKey>(request);
    EXPECT_EQ(imported.on, "");
    EXPECT_TRUE(imported.confirm);
    EXPECT_EQ(imported.services, std::vector<std::string>{"desk"});
    sent = imported.key.public_key;
    serve_vault(request, peer);
  });
  const FobOutcome outcome = run_fob({"import", path, "--confirm", "--service", "desk"}, {agent.environment()});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  ASSERT_TRUE(sent);
  EXPECT_TRUE(equal(sent->blob, public_key_blob("key_files/software_rsa.pub")));
  EXPECT_TRUE(outcome.out.ends_with(" is kept; it needs nothing.\n" + code_for_people)) << outcome.out;
  EXPECT_EQ(outcome.err,
            path +
                " still holds the private key: once there is a backup of the vault (fob backup FILE), remove it, and "
                "its copies.\n");
}

TEST(VaultImport, ShowsTheCodeInJsonToo) {
  const std::string data = FOB_TEST_DATA "/key_files/";
  const json two = json::parse(run_with_agent({"import", "--json", data + "software", data + "software_p256"}).out);
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(two[0]["recovery_code"], std::string(sample_recovery_code));
  EXPECT_EQ(two[1]["recovery_code"], std::string(sample_recovery_code));
}

TEST(VaultExport, EncryptsTheFileWithAPassphraseTypedTwice) {
  const TempDir folder;
  FakeAgent agent(serve_vault);
  TerminalFob fob({"export", "safe", "-o", folder.file("id")}, {agent.environment()});
  ASSERT_TRUE(fob.shows("passphrase for " + folder.file("id") + ": "));
  ASSERT_TRUE(fob.becomes(false));
  fob.type("secret\n");
  ASSERT_TRUE(fob.shows("the same again: "));
  ASSERT_TRUE(fob.becomes(false));
  fob.type("secret\n");
  EXPECT_EQ(fob.status(), 0);
  EXPECT_EQ(run({"ssh-keygen", "-y", "-P", "secret", "-f", folder.file("id")}).output,
            read_data("key_files/software.pub"));
  EXPECT_NE(run({"ssh-keygen", "-y", "-P", "", "-f", folder.file("id")}).exit_status, 0);
}

TEST(VaultExport, WritesNoFileWithoutAPassphrase) {
  const TempDir folder;
  FakeAgent agent(serve_vault);
  TerminalFob fob({"export", "safe", "-o", folder.file("id")}, {agent.environment()});
  ASSERT_TRUE(fob.shows("passphrase for "));
  ASSERT_TRUE(fob.becomes(false));
  fob.type("\n");
  EXPECT_TRUE(fob.shows("whoever gets the file has the private key"));
  EXPECT_EQ(fob.status(), 1);
  EXPECT_FALSE(exists(folder.file("id")));
  EXPECT_FALSE(exists(folder.file("id.pub")));
}

TEST(VaultRemove, LeavesTheQuestionToTheAgent) {
  const auto [asked, unsure] = run_and_get<control::RemoveKey>({"remove", "safe"});
  EXPECT_EQ(asked.status, 0) << asked.err;
  ASSERT_TRUE(unsure);
  EXPECT_FALSE(unsure->sure);
  EXPECT_FALSE(run_and_get<control::RemoveKey>({"remove", "safe", "--yes"}).second->sure);
  EXPECT_TRUE(run_and_get<control::RemoveKey>({"remove", "safe", "--force"}).second->sure);
}

TEST(VaultList, SaysWhereKeysAreAndThatTheVaultIsLocked) {
  const FobOutcome outcome = run_with_agent({"list"});
  const std::string print = fingerprint(public_key("key_files/software.pub"));
  EXPECT_NE(outcome.out.find("\nsafe  ED25519  vault  nothing  " + print + "  alice@desk\n"), std::string::npos)
      << outcome.out;
  EXPECT_EQ(outcome.err, "The vault is locked: the first use asks for it, or: fob unlock\n");
  const FobOutcome programs = run_with_agent({"list", "--json"});
  EXPECT_EQ(programs.err, "");
  const json out = json::parse(programs.out);
  EXPECT_EQ(out[0]["where"], "vault");
  EXPECT_EQ(out[0]["services"], (json{"github.com", "desk"}));
}

}  // namespace
}  // namespace fob::test
