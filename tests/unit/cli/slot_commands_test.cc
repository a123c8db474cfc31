#include <nlohmann/json.hpp>

#include "tests/unit/cli/vault_runs.h"

namespace fob::test {
namespace {

using control::Request;
using nlohmann::json;

TEST(Unlock, LeavesItToTheAgentHowOrSaysIt) {
  const auto [outcome, request] = run_and_get<control::UnlockVault>({"unlock"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "The vault is open.\n");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->kind, std::nullopt);
  for (const KeyslotKind kind : keyslot_kinds) {
    EXPECT_EQ(run_and_get<control::UnlockVault>({"unlock", "--with", std::string(name_of(kind))}).second->kind, kind);
  }
  expect_refused({"unlock", "--with", "luck"}, "--with");
  EXPECT_EQ(json::parse(run_with_agent({"unlock", "--json"}).out), (json{{"done", true}, {"vault", "open"}}));
}

TEST(Lock, Locks) {
  const auto [outcome, request] = run_and_get<control::LockVault>({"lock"});
  EXPECT_TRUE(request);
  EXPECT_EQ(outcome.out, "The vault is locked.\n");
  EXPECT_EQ(json::parse(run_with_agent({"lock", "--json"}).out), (json{{"done", true}, {"vault", "locked"}}));
}

TEST(Slot, ListsWhatOpensTheVault) {
  const FobOutcome outcome = run_with_agent({"slot"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "ID  KIND        NAME                            WANTS                CREATED\n"
            "1   passphrase  -                               passphrase           2023-11-14\n"
            "2   recovery    -                               recovery code        2023-11-14\n"
            "3   fido        Example Key 5 815               PIN and touch        2023-11-14\n"
            "4   pkcs11      pkcs11:token=work;object=vault  what its token asks  2023-11-14\n"
            "\nThe vault is locked; its file is /home/alice/.local/share/fob/vault.db\n");
}

TEST(Slot, ListsInJsonToo) {
  const json out = json::parse(run_with_agent({"slot", "--json"}).out);
  EXPECT_EQ(out["exists"], true);
  EXPECT_EQ(out["locked"], true);
  EXPECT_EQ(out["path"], "/home/alice/.local/share/fob/vault.db");
  ASSERT_EQ(out["slots"].size(), 4U);
  EXPECT_EQ(out["slots"][0], (json{{"id", 1},
                                   {"kind", "passphrase"},
                                   {"name", nullptr},
                                   {"uri", nullptr},
                                   {"touch", false},
                                   {"pin", false},
                                   {"created", 1'700'000'000}}));
  EXPECT_EQ(out["slots"][2]["pin"], true);
  EXPECT_EQ(out["slots"][2]["touch"], true);
  EXPECT_EQ(out["slots"][3]["uri"], "pkcs11:token=work;id=%01;object=vault;type=private");
  EXPECT_EQ(json::parse(run_with_agent({"--json", "slot"}).out), out);
}

TEST(Slot, SaysThatThereIsNoVault) {
  FakeAgent agent([](const Request&, Peer& peer) { peer.send(control::Slots{false, true, "/x/vault.db", {}}); });
  const FobOutcome outcome = run_fob({"slot"}, {agent.environment()});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "There is no vault yet: fob new NAME --on vault makes it, at /x/vault.db\n");
  EXPECT_EQ(json::parse(run_fob({"slot", "--json"}, {agent.environment()}).out)["exists"], false);
}

TEST(SlotAdd, NamesWhatIsToOpenTheVault) {
  const auto added = [](std::vector<std::string> line) {
    line.insert(line.begin(), {"slot", "add"});
    const auto [outcome, request] = run_and_get<control::AddSlot>(line);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    const control::AddSlot slot = request.value_or(control::AddSlot());
    return std::tuple(slot.kind, slot.on, slot.pin);
  };
  using enum control::AddSlot::Pin;
  EXPECT_EQ(added({"passphrase"}), std::tuple(KeyslotKind::passphrase, "", if_set));
  EXPECT_EQ(added({"recovery"}), std::tuple(KeyslotKind::recovery, "", if_set));
  EXPECT_EQ(added({"--on", "fido"}), std::tuple(KeyslotKind::fido, "fido", if_set));
  EXPECT_EQ(added({"--on", "fido:815", "--pin"}), std::tuple(KeyslotKind::fido, "fido:815", always));
  EXPECT_EQ(added({"--on", "fido:815", "--no-pin"}), std::tuple(KeyslotKind::fido, "fido:815", never));
  const std::string uri = "pkcs11:token=work;object=vault";
  EXPECT_EQ(added({"--on", uri}), std::tuple(KeyslotKind::pkcs11, uri, if_set));
}

TEST(SlotAdd, SaysWhatOpensTheVaultNow) {
  EXPECT_EQ(run_with_agent({"slot", "add", "passphrase"}).out, "Slot 1 opens the vault now: passphrase.\n");
  EXPECT_EQ(run_with_agent({"slot", "add", "--on", "fido"}).out,
            "Slot 3 opens the vault now: fido, Example Key 5 815.\n");
}

TEST(SlotAdd, ShowsARecoveryCodeOnce) {
  const FobOutcome people = run_with_agent({"slot", "add", "recovery"});
  EXPECT_EQ(people.out, "Slot 2 opens the vault now: recovery.\n" + code_for_people);
  const FobOutcome programs = run_with_agent({"slot", "add", "recovery", "--json"});
  EXPECT_EQ(json::parse(programs.out)["recovery_code"], std::string(sample_recovery_code));
  EXPECT_EQ(json::parse(programs.out)["id"], 2);
  EXPECT_EQ(programs.err, code_warning);
  const FobOutcome none = run_with_agent({"slot", "add", "passphrase", "--json"});
  EXPECT_EQ(json::parse(none.out)["recovery_code"], nullptr);
  EXPECT_EQ(none.err, "");
}

TEST(SlotAdd, RefusesWhatDoesNotFitTogether) {
  expect_refused({"slot", "add"}, "say what is to open the vault");
  expect_refused({"slot", "add", "passphrase", "--on", "fido"}, "say what is to open the vault");
  expect_refused({"slot", "add", "fido"}, "KIND");
  expect_refused({"slot", "add", "--on", "vault"}, "--on takes fido");
  expect_refused({"slot", "add", "--on", "pkcs11:token=a b"}, "%XX");
  expect_refused({"slot", "add", "--on", "pkcs11:token=work?pin-value=1234"}, "no PIN belongs in a URI");
  expect_refused({"slot", "add", "passphrase", "--pin"}, "are for FIDO2 tokens");
  expect_refused({"slot", "add", "--on", "pkcs11:token=work", "--no-pin"}, "are for FIDO2 tokens");
  expect_refused({"slot", "add", "--on", "fido", "--pin", "--no-pin"}, "exclude each other");
}

TEST(SlotRemove, NamesItsNumber) {
  const auto [outcome, request] = run_and_get<control::RemoveSlot>({"slot", "remove", "3"});
  EXPECT_EQ(outcome.out, "Slot 3 does not open the vault any more.\n");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->id, 3U);
  EXPECT_EQ(json::parse(run_with_agent({"slot", "remove", "3", "--json"}).out),
            (json{{"done", true}, {"removed", "3"}}));
  for (const char* id : {"", "x", "-1", "4294967296", "0x1"}) {
    expect_refused({"slot", "remove", id}, "ID");
  }
}

}  // namespace
}  // namespace fob::test
