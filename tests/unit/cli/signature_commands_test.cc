#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/cli/fake_agent.h"
#include "tests/unit/cli/fob_process.h"
#include "tests/unit/cli/samples.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::test {
namespace {

using nlohmann::json;

const std::string folder = FOB_TEST_DATA "/openssh/sshsig/";
const std::string signed_data = folder + "signed-data";

std::vector<std::string> verify(const std::string& type, const std::vector<std::string>& more = {}) {
  std::vector<std::string> out{"verify", signed_data, "-s", folder + type + ".sig", "-n", "unittest"};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(Verify, NeedsNoAgent) {
  for (const char* type : {"ed25519", "ecdsa", "rsa", "ed25519_sk", "ecdsa_sk", "ecdsa_sk_webauthn"}) {
    const FobOutcome outcome = run_fob(verify(type));
    EXPECT_EQ(outcome.status, 0) << type << outcome.err;
    EXPECT_TRUE(outcome.out.starts_with("Good \"unittest\" signature with ")) << outcome.out;
    EXPECT_TRUE(has(outcome.err, "nothing of whose it is")) << outcome.err;
  }
}

TEST(Verify, NamesAKeyOfOurs) {
  FakeAgent agent([](const control::Request&, Peer& peer) {
    peer.send(control::Keys{false, {sample_key("work", "openssh/sshsig/ed25519.pub")}});
  });
  EXPECT_TRUE(has(run_fob(verify("ed25519"), {agent.environment()}).out, "which is your key work\n"));
  EXPECT_FALSE(has(run_fob(verify("rsa"), {agent.environment()}).out, "your key"));
}

TEST(Verify, ReadsStandardInput) {
  const Outcome outcome =
      run({"sh", "-c", std::string(FOB_DEFAULT) + " verify - -s " + folder + "rsa.sig -n unittest <" + signed_data});
  EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
  EXPECT_EQ(run_fob({"verify", "-", "-n", "unittest"}).status, 2);
}

TEST(Verify, SaysWhoMaySignByAllowedSigners) {
  const TempDir place;
  const std::string line = read_data("openssh/sshsig/ed25519.pub");
  write_file(place.file("signers"), "alice@example.org namespaces=\"unittest\" " + line);
  const auto check = [&](const std::string& identity) {
    return run_fob(verify("ed25519", {"-f", place.file("signers"), "-I", identity}));
  };
  const FobOutcome good = check("alice@example.org");
  EXPECT_EQ(good.status, 0) << good.err;
  EXPECT_TRUE(has(good.out, "signature for alice@example.org with ED25519 key SHA256:"));
  EXPECT_EQ(good.err, "");
  const FobOutcome bad = check("bob@example.org");
  EXPECT_EQ(bad.status, 1);
  EXPECT_EQ(bad.out, "");
  EXPECT_TRUE(has(bad.err, "its key is there for alice@example.org")) << bad.err;
  EXPECT_EQ(run_fob(verify("ed25519", {"-f", place.file("signers")})).status, 2);
  EXPECT_EQ(run_fob(verify("ed25519", {"-I", "alice"})).status, 2);
  EXPECT_EQ(run_fob(verify("ed25519", {"-f", place.file("none"), "-I", "alice"})).status, 1);
}

TEST(Verify, TakesAnEmptyNameForAMistake) {
  for (const char* option : {"-f", "-I", "-s"}) {
    const FobOutcome outcome = run_fob(verify("ed25519", {option, ""}));
    EXPECT_EQ(outcome.status, 2) << option << outcome.out;
  }
  EXPECT_EQ(run_fob(verify("ed25519", {"-f", "", "-I", ""})).status, 2);
}

TEST(Verify, SaysWhatDoesNotFit) {
  const TempDir place;
  write_file(place.file("other"), "other text");
  const auto fault = [](const std::vector<std::string>& words) {
    const FobOutcome outcome = run_fob(words);
    EXPECT_EQ(outcome.status, 1) << outcome.out;
    return outcome.err;
  };
  const std::string signature = folder + "ed25519.sig";
  EXPECT_TRUE(
      has(fault({"verify", place.file("other"), "-s", signature, "-n", "unittest"}), "one of them was changed"));
  EXPECT_TRUE(has(fault({"verify", signed_data, "-s", signature, "-n", "git"}), "for the namespace unittest"));
  EXPECT_TRUE(has(fault({"verify", signed_data, "-s", signed_data, "-n", "git"}), "no signature of a file"));
  EXPECT_TRUE(has(fault({"verify", place.file("other"), "-n", "git"}), "cannot read " + place.file("other.sig")));
}

TEST(Verify, SaysItInJson) {
  const json out = json::parse(run_fob(verify("ecdsa", {"--json"})).out);
  EXPECT_EQ(out["good"], true);
  EXPECT_EQ(out["namespace"], "unittest");
  EXPECT_EQ(out["hash"], "sha512");
  EXPECT_EQ(out["type"], "ecdsa-sha2-nistp256");
  EXPECT_TRUE(out["key"].is_null() && out["identity"].is_null());
}

TEST(Sign, RefusesToOverwriteBeforeTheAgentIsAsked) {
  const TempDir place;
  FakeAgent agent(serve);
  write_file(place.file("text"), "text");
  write_file(place.file("text.sig"), "mine");
  const FobOutcome outcome = run_fob({"sign", place.file("text"), "-n", "file"}, {agent.environment()});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(has(outcome.err, "is there already"));
  EXPECT_EQ(read_file(place.file("text.sig")), "mine");
  EXPECT_EQ(agent.requests(), 0U);
}

TEST(Sign, WantsANamespaceAndOneKey) {
  FakeAgent agent([](const control::Request&, Peer& peer) {
    peer.send(control::Keys{false, {sample_key("work"), sample_key("home")}});
  });
  EXPECT_EQ(run_fob({"sign", "file"}, {agent.environment()}).status, 2);
  EXPECT_EQ(run_fob({"sign", "file", "-n", ""}, {agent.environment()}).status, 2);
  EXPECT_EQ(agent.requests(), 0U);
  const FobOutcome several = run_fob({"sign", "/dev/null", "-n", "file", "-o", "-"}, {agent.environment()});
  EXPECT_EQ(several.status, 1);
  EXPECT_TRUE(has(several.err, "say which with --key (work, home)")) << several.err;
  const FobOutcome none = run_fob({"sign", "/dev/null", "-n", "x", "-o", "-", "-k", "x"}, {agent.environment()});
  EXPECT_TRUE(has(none.err, "no key is named x: there are work, home")) << none.err;
}

TEST(Sign, OpensALockedVaultFirst) {
  bool unlocked = false;
  FakeAgent agent([&](const control::Request& request, Peer& peer) {
    unlocked = unlocked || std::holds_alternative<control::UnlockVault>(request);
    serve_vault(request, peer);
  });
  run_fob({"sign", "/dev/null", "-n", "file", "-o", "-"}, {agent.environment()});
  EXPECT_TRUE(unlocked);
}

}  // namespace
}  // namespace fob::test
