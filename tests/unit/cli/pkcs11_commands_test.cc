#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "protocol/fingerprint.h"
#include "protocol/key_kind.h"
#include "tests/unit/cli/fake_agent.h"
#include "tests/unit/cli/fob_process.h"
#include "tests/unit/cli/samples.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::test {
namespace {

using control::Request;
using nlohmann::json;

const std::string work_uri = "pkcs11:token=work";
const std::string key_uri = "pkcs11:token=work;id=%01;object=work;type=private";

/// The outcome of a run, and the last request that is of type `Wanted`.
template <class Wanted>
std::pair<FobOutcome, std::optional<Wanted>> run_and_get(const std::vector<std::string>& arguments) {
  std::pair<FobOutcome, std::optional<Wanted>> out;
  FakeAgent agent([&](const Request& request, Peer& peer) {
    if (const auto* wanted = std::get_if<Wanted>(&request)) out.second = *wanted;
    serve_pkcs11(request, peer);
  });
  out.first = run_fob(arguments, {agent.environment()});
  return out;
}

FobOutcome run_with_agent(const std::vector<std::string>& arguments) {
  FakeAgent agent(serve_pkcs11);
  return run_fob(arguments, {agent.environment()});
}

/// The line is refused with status 2, and with a sentence that has `reason`, before the agent hears of it.
void expect_refused(const std::vector<std::string>& line, const std::string& reason) {
  FakeAgent agent(serve_pkcs11);
  const FobOutcome outcome = run_fob(line, {agent.environment()});
  EXPECT_EQ(outcome.status, 2) << outcome.err;
  EXPECT_NE(outcome.err.find(reason), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(agent.requests(), 0U);
}

std::vector<std::string> with(std::vector<std::string> line, const std::vector<std::string>& more) {
  line.insert(line.end(), more.begin(), more.end());
  return line;
}

TEST(Pkcs11New, SendsKindPlaceAndPolicies) {
  const auto [outcome, request] = run_and_get<control::NewKey>(
      {"new", "work", "--on", "pkcs11:serial=815", "--type", "rsa", "--bits", "3072", "--slot", "9C", "--pin-policy",
       "always", "--touch-policy", "cached", "--replace", "--comment", "a b"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  ASSERT_TRUE(request);
  EXPECT_EQ(request->on, "pkcs11:serial=815");
  EXPECT_EQ(request->kind, KeyKind::rsa);
  EXPECT_EQ(request->rsa_bits, 3072U);
  EXPECT_EQ(request->piv.slot, "9c");
  EXPECT_EQ(request->piv.pin_policy, 3);
  EXPECT_EQ(request->piv.touch_policy, 3);
  EXPECT_TRUE(request->replace);
  EXPECT_EQ(request->comment, "a b");
  EXPECT_EQ(request->application, "");
}

TEST(Pkcs11New, PrintsKeyFingerprintsAndPicture) {
  const FobOutcome outcome = run_with_agent({"new", "work", "--on", work_uri});
  const PublicKey key = public_key("key_files/software_p256.pub");
  EXPECT_NE(outcome.out.find(" alice@desk\n" + fingerprint(key) + "\n"), std::string::npos) << outcome.out;
  EXPECT_EQ(json::parse(run_with_agent({"new", "work", "--on", work_uri, "--json"}).out)["uri"], key_uri);
}

TEST(Pkcs11New, HasKindsAndSizesAsSshKeygenHasThem) {
  const auto made = [](const std::vector<std::string>& options) {
    const auto [outcome, request] = run_and_get<control::NewKey>(with({"new", "work", "--on", work_uri}, options));
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return request ? std::pair(request->kind.value(), request->rsa_bits) : std::pair(KeyKind::mldsa44_ed25519, 0U);
  };
  EXPECT_EQ(made({}), std::pair(KeyKind::ecdsa_p256, 0U));
  EXPECT_EQ(made({"-t", "rsa"}), std::pair(KeyKind::rsa, 2048U));
  EXPECT_EQ(made({"-t", "rsa", "-b", "4096"}), std::pair(KeyKind::rsa, 4096U));
  EXPECT_EQ(made({"-t", "ed25519"}), std::pair(KeyKind::ed25519, 0U));
  EXPECT_EQ(made({"-b", "384"}), std::pair(KeyKind::ecdsa_p384, 0U));
  EXPECT_EQ(made({"-t", "ecdsa", "-b", "521"}), std::pair(KeyKind::ecdsa_p521, 0U));
  EXPECT_EQ(made({"-t", "ecdsa-p384"}), std::pair(KeyKind::ecdsa_p384, 0U));
  EXPECT_EQ(made({"-t", "ecdsa-p521", "-b", "521"}), std::pair(KeyKind::ecdsa_p521, 0U));
}

TEST(Pkcs11New, RefusesSizesThatThereAreNot) {
  const std::vector<std::string> line{"new", "work", "--on", work_uri};
  expect_refused(with(line, {"-t", "rsa", "-b", "1024"}), "2048, 3072 or 4096");
  expect_refused(with(line, {"-t", "ecdsa", "-b", "2048"}), "256, 384 or 521");
  expect_refused(with(line, {"-b", "2048"}), "256, 384 or 521");
  expect_refused(with(line, {"-t", "ecdsa-p384", "-b", "256"}), "have 384 bits");
  expect_refused(with(line, {"-t", "ed25519", "-b", "256"}), "of one size");
  expect_refused({"new", "work", "--on", "fido", "-b", "256"}, "of one size");
}

TEST(Pkcs11New, RefusesWhatIsForFido2Tokens) {
  const std::vector<std::string> line{"new", "work", "--on", work_uri};
  const std::vector<std::vector<std::string>> misfits{
      {"--resident"},      {"--verify-required"}, {"--no-touch"},         {"--application", "ssh:x"},
      {"--user", "alice"}, {"--challenge", "x"},  {"-o", "/tmp/no/such"}, {"--write-attestation", "x"}};
  for (const auto& options : misfits) expect_refused(with(line, options), "is for FIDO2 tokens");
  expect_refused(with(line, {"-t", "ed25519-sk"}), "ecdsa, ed25519 and rsa");
}

TEST(Pkcs11New, LeavesFido2TokensWhatIsTheirs) {
  expect_refused({"new", "work", "--slot", "9a"}, "--slot is for PIV cards");
  expect_refused({"new", "work", "--pin-policy", "once"}, "name the card with --on");
  expect_refused({"new", "work", "--pin-policy", "once", "--on", "fido"}, "--verify-required");
  expect_refused({"new", "work", "--touch-policy", "never", "--on", "fido:815"}, "--no-touch");
  expect_refused({"new", "work", "-t", "rsa", "--on", "fido"}, "--on vault does");
}

TEST(Pkcs11New, KnowsThePivSlots) {
  const auto line = [](const std::string& slot) {
    return std::vector<std::string>{"new", "work", "--on", work_uri, "--slot", slot};
  };
  for (const char* slot : {"9a", "9d", "9e", "82", "8F", "90", "95"}) {
    EXPECT_EQ(run_with_agent(line(slot)).status, 0) << slot;
  }
  for (const char* slot : {"9b", "81", "96", "8g", "9", "9a9", "f9", ""}) expect_refused(line(slot), "PIV slots are");
  expect_refused(with(line("9a"), {"--pin-policy", "cached"}), "--pin-policy");
  expect_refused(with(line("9a"), {"--touch-policy", "once"}), "--touch-policy");
}

TEST(Pkcs11On, IsRefusedWhereItIsNoUriOrHasAPin) {
  expect_refused({"new", "work", "--on", "pkcs11:token=a b"}, "%XX");
  expect_refused({"pin", "set", "--on", "pkcs11:token=work?pin-value=1234"}, "no PIN belongs in a URI");
  expect_refused({"import", key_uri + "?pin-value=1234"}, "no PIN belongs in a URI");
}

TEST(Pkcs11Import, PutsASoftwareKeyOnAToken) {
  const std::string path = FOB_TEST_DATA "/key_files/software_rsa";
  std::optional<PublicKey> sent;
  control::PivPlace place;
  bool replace = false;
  FakeAgent agent([&](const Request& request, Peer& peer) {
    const auto& imported = std::get<control::ImportKey>(request);
    EXPECT_EQ(imported.on, work_uri);
    EXPECT_EQ(imported.comment, "comment of software_rsa");
    sent = imported.key.public_key;
    place = imported.piv;
    replace = imported.replace;
    serve_pkcs11(request, peer);
  });
  const FobOutcome outcome = run_fob({"import", path, "--on", work_uri, "--slot", "9d", "--touch-policy", "never",
                                      "--pin-policy", "once", "--replace"},
                                     {agent.environment()});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  ASSERT_TRUE(sent);
  EXPECT_TRUE(equal(sent->blob, public_key_blob("key_files/software_rsa.pub")));
  EXPECT_EQ(place.slot, "9d");
  EXPECT_EQ(place.pin_policy, 2);
  EXPECT_EQ(place.touch_policy, 1);
  EXPECT_TRUE(replace);
  EXPECT_TRUE(outcome.out.ends_with(" is kept; it needs what its token asks.\n")) << outcome.out;
  EXPECT_EQ(outcome.err,
            path + " still holds the private key: remove it, and its copies, when it is no longer needed.\n");
}

TEST(Pkcs11Import, TakesEachTypeOfKey) {
  for (const char* name : {"software", "software_p256", "software_p521", "software_rsa"}) {
    const FobOutcome outcome =
        run_with_agent({"import", FOB_TEST_DATA "/key_files/" + std::string(name), "--on", work_uri});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
  }
}

TEST(Pkcs11Import, RefusesKeysThatDoNotFitBeforeAPassphraseIsAsked) {
  const std::string data = FOB_TEST_DATA "/key_files/";
  FakeAgent agent(serve_pkcs11);
  const auto failure = [&](const std::vector<std::string>& line) {
    const FobOutcome outcome = run_fob(line, {agent.environment()});
    EXPECT_EQ(outcome.status, 1);
    return outcome.err;
  };
  EXPECT_NE(failure({"import", data + "ecdsa_sk_encrypted", "--on", work_uri}).find("key of a FIDO2 token"),
            std::string::npos);
  EXPECT_EQ(agent.requests(), 0U);
}

TEST(Pkcs11Import, AsksForThePassphraseOfASoftwareKey) {
  FakeAgent agent(serve_pkcs11);
  TerminalFob fob({"import", FOB_TEST_DATA "/key_files/software_p384", "--on", work_uri}, {agent.environment()});
  ASSERT_TRUE(fob.shows("passphrase of "));
  ASSERT_TRUE(fob.becomes(false));
  fob.type("pass phrase\n");
  EXPECT_TRUE(fob.shows("still holds the private key"));
  EXPECT_EQ(fob.status(), 0);
}

TEST(Pkcs11Import, KeepsAKeyThatIsOnATokenAlready) {
  const auto [outcome, request] = run_and_get<control::AdoptKey>({"import", key_uri});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  ASSERT_TRUE(request);
  EXPECT_EQ(request->name, "work");
  EXPECT_EQ(request->uri, key_uri);
  EXPECT_EQ(run_and_get<control::AdoptKey>({"import", key_uri, "--name", "mine"}).second->name, "mine");
  const FobOutcome unnamed = run_with_agent({"import", "pkcs11:token=work;id=%01"});
  EXPECT_EQ(unnamed.status, 1);
  EXPECT_NE(unnamed.err.find("--name"), std::string::npos) << unnamed.err;
  EXPECT_NE(run_with_agent({"import", "pkcs11:object=PIV%20AUTH"}).err.find("give it a name with --name"),
            std::string::npos);
}

TEST(Pkcs11Import, RefusesOptionsThatDoNotFit) {
  const std::string file = FOB_TEST_DATA "/key_files/software";
  expect_refused({"import", key_uri, "--on", work_uri}, "stays there");
  expect_refused({"import", file, "--slot", "9a"}, "name that with --on");
  expect_refused({"import", file, "--replace"}, "name that with --on");
  expect_refused({"import", file, "--on", "fido"}, "PKCS#11 token only");
  expect_refused({"import", key_uri, "--confirm"}, "is for key files");
  expect_refused({"import", key_uri, "--service", "desk"}, "is for key files");
  expect_refused({"import", file, file, "--on", work_uri, "--slot", "9a"}, "a slot holds one key");
}

TEST(Pkcs11Keys, AreListedWithTheirToken) {
  const std::string print = fingerprint(public_key("key_files/software_p256.pub"));
  const std::string out = run_with_agent({"list"}).out;
  EXPECT_NE(out.find("\nwork  ECDSA  pkcs11 SoftHSM v2 work  what its token asks  " + print + "  alice@desk\n"),
            std::string::npos)
      << out;
  EXPECT_EQ(json::parse(run_with_agent({"list", "--json"}).out)[0]["uri"], key_uri);
  EXPECT_EQ(json::parse(run_with_agent({"public", "work", "--json"}).out)["uri"], key_uri);
  EXPECT_TRUE(run_with_agent({"public", "work"}).out.starts_with("ecdsa-sha2-nistp256 "));
}

TEST(Pkcs11Remove, SaysWhatStays) {
  FakeAgent agent(serve_pkcs11);
  TerminalFob kept({"remove", "work"}, {agent.environment()});
  ASSERT_TRUE(
      kept.shows("It stays on its token, from where fob import 'pkcs11:token=work;object=work' keeps it again."));
  kept.type("no\n");
  EXPECT_EQ(kept.status(), 1);
  TerminalFob deleted({"remove", "work", "--from-token"}, {agent.environment()});
  ASSERT_TRUE(deleted.shows("It cannot be brought back. Delete work from its token? (yes/no): "));
  deleted.type("yes\n");
  EXPECT_TRUE(deleted.shows("work is removed, from its token, too."));
  EXPECT_EQ(deleted.status(), 0);
}

TEST(Pkcs11Pin, IsSetChangedAndUnblocked) {
  EXPECT_EQ(run_and_get<control::SetPin>({"pin", "set", "--on", work_uri}).second->on, work_uri);
  EXPECT_EQ(run_and_get<control::ChangePin>({"pin", "change", "--on", work_uri}).second->on, work_uri);
  const auto [outcome, request] = run_and_get<control::UnblockPin>({"pin", "unblock", "--on", work_uri});
  EXPECT_EQ(request->on, work_uri);
  EXPECT_EQ(outcome.out, "The PIN is set anew.\n");
  const json done = json::parse(run_with_agent({"pin", "unblock", "--on", work_uri, "--json"}).out);
  EXPECT_EQ(done["pin_unblocked"], work_uri);
}

TEST(Pkcs11Resident, IsATableOfLabelsAndUris) {
  const std::string out = run_with_agent({"resident", "list", "--on", work_uri}).out;
  EXPECT_TRUE(out.starts_with("LABEL  TYPE   FINGERPRINT")) << out;
  EXPECT_NE(out.find("\nwork   ECDSA  SHA256:"), std::string::npos) << out;
  EXPECT_NE(out.find("  pkcs11:token=work;object=work\n"), std::string::npos) << out;
  const json keys = json::parse(run_with_agent({"resident", "list", "--on", work_uri, "--json"}).out);
  EXPECT_EQ(keys[0]["label"], "work");
  EXPECT_EQ(keys[0]["uri"], key_uri);
  EXPECT_EQ(keys[1]["type"], "ssh-rsa");
}

TEST(Pkcs11Resident, IsDeletedByLabelFingerprintOrUri) {
  const std::string print = fingerprint(public_key("key_files/software_p256.pub"));
  for (const std::string& name :
       {std::string("work"), print.substr(0, 15), key_uri, std::string("pkcs11:token=work;object=work")}) {
    const auto [outcome, request] =
        run_and_get<control::RemoveResident>({"resident", "remove", name, "--on", work_uri, "--yes"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    ASSERT_TRUE(request);
    EXPECT_EQ(as_text(request->key_handle), key_uri);
    EXPECT_EQ(outcome.out, "work (" + print + ") is deleted.\n");
  }
  for (const char* name : {"", "ssh:", "pkcs11:token=work", "pkcs11:token=spare;object=work"}) {
    EXPECT_EQ(run_with_agent({"resident", "remove", name, "--on", work_uri, "--yes"}).status, 1) << name;
  }
}

TEST(Pkcs11Token, IsNeitherErasedNorAreItsKeysRenamed) {
  FakeAgent agent(serve_pkcs11);
  EXPECT_EQ(run_fob({"reset", "--on", work_uri}, {agent.environment()}).status, 1);
  EXPECT_EQ(run_fob({"resident", "rename", "work", "x", "--on", work_uri}, {agent.environment()}).status, 1);
  EXPECT_EQ(agent.requests(), 0U);
}

}  // namespace
}  // namespace fob::test
