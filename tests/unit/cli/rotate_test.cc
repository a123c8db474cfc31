#include <ctime>

#include <nlohmann/json.hpp>

#include "cli/text.h"
#include "protocol/fingerprint.h"
#include "protocol/limits.h"
#include "tests/unit/cli/vault_runs.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::test {
namespace {

using control::Request;
using nlohmann::json;

std::string today() { return cli::day_of(static_cast<std::uint64_t>(time(nullptr))); }

control::Key vault_key(const std::string& name, const std::string& file = "key_files/software.pub") {
  control::Key out = sample_key(name, file);
  out.where = "vault";
  out.token.clear();
  out.sk_flags = 0;
  out.confirm = true;
  out.services = {"github", "the desk"};
  return out;
}

/// An agent that has some keys, makes keys and renames them; what it was told to make is kept.
class Rotate : public testing::Test {
 protected:
  Rotate() : agent_([this](const Request& request, Peer& peer) { handle(request, peer); }) {}

  FobOutcome rotate(std::vector<std::string> line) {
    line.insert(line.begin(), "rotate");
    return run_fob(line, {agent_.environment()});
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const control::Key& key : keys_.keys) out.push_back(key.name);
    return out;
  }

  control::Keys keys_;
  control::Tokens tokens_;
  std::optional<control::NewKey> made_;
  std::size_t renamings_ = 100;  ///< how many succeed
  FakeAgent agent_;

 private:
  void handle(const Request& request, Peer& peer) {
    if (std::holds_alternative<control::ListKeys>(request)) return peer.send(keys_);
    if (std::holds_alternative<control::ListTokens>(request)) return peer.send(tokens_);
    if (const auto* wanted = std::get_if<control::NewKey>(&request)) return make(*wanted, peer);
    const auto& change = std::get<control::ChangeKey>(request);
    if (renamings_ == 0) return peer.send(control::Failed{Errc::system, "the disk is full"});
    --renamings_;
    for (control::Key& key : keys_.keys) {
      if (key.name != change.name) continue;
      key.name = change.new_name;
      return peer.send(control::Keys{false, {key}});
    }
    peer.send(control::Failed{Errc::not_found, "no such key"});
  }
  void make(const control::NewKey& wanted, Peer& peer) {
    made_ = wanted;
    control::Kept kept;
    kept.key = sample_key(wanted.name, "key_files/software_p256.pub");
    kept.key.comment = wanted.comment;
    kept.recovery_code = wanted.on == "vault" && keys_.keys[0].where != "vault" ? sample_code() : SecretBytes();
    keys_.keys.push_back(kept.key);
    peer.send(std::move(kept));
  }
};

TEST_F(Rotate, MakesTheSameKindAndKeepsTheOldKey) {
  keys_.keys = {vault_key("work")};
  const FobOutcome outcome = rotate({"work"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const std::string old = "work-" + today();
  EXPECT_EQ(names(), (std::vector<std::string>{old, "work"}));
  ASSERT_TRUE(made_);
  EXPECT_EQ(made_->on, "vault");
  EXPECT_EQ(made_->kind, KeyKind::ed25519);
  EXPECT_EQ(made_->comment, "alice@desk");
  EXPECT_TRUE(made_->confirm);
  EXPECT_EQ(made_->services, (std::vector<std::string>{"github", "the desk"}));
  for (const std::string& text :
       {std::string("new  work"), "old  " + old, fingerprint(public_key("key_files/software.pub")),
        fingerprint(public_key("key_files/software_p256.pub")), std::string("ecdsa-sha2-nistp256 "),
        std::string("  github\n"), std::string("https://github.com/settings/ssh/new"),
        std::string("ssh -T git@github.com"), std::string("  the desk\n"), "  fob remove " + old + '\n'}) {
    EXPECT_NE(outcome.out.find(text), std::string::npos) << text << '\n' << outcome.out;
  }
}

TEST_F(Rotate, SaysHowTheFileOfAServiceIsWrittenAnew) {
  const TempDir home;
  keys_.keys = {vault_key("work")};
  keys_.keys[0].services = {"jasmin", "bitbucket-pipelines"};
  const FobOutcome outcome = run_fob({"rotate", "work"}, {agent_.environment(), "HOME=" + home.path()});
  for (const std::string& text :
       {"fob export work --format pem -o " + home.file(".ssh/id_ecdsa_jasmin") + "\n",
        "once the old file is away: fob export work --no-passphrase -o " + home.file(".ssh/id_work") + "\n"}) {
    EXPECT_NE(outcome.out.find(text), std::string::npos) << text << '\n' << outcome.out;
  }
}

TEST_F(Rotate, PrintsJson) {
  keys_.keys = {vault_key("work")};
  const json out = json::parse(rotate({"work", "--json"}).out);
  const std::string old = "work-" + today();
  EXPECT_EQ(out["old"]["name"], old);
  EXPECT_EQ(out["new"]["name"], "work");
  EXPECT_EQ(out["new"]["recovery_code"], nullptr);
  EXPECT_EQ(out["places"][0]["name"], "github");
  EXPECT_EQ(out["places"][1], (json{{"name", "the desk"}, {"paste", nullptr}, {"test", nullptr}, {"file", nullptr}}));
  EXPECT_EQ(out["then"], "fob remove " + old);
}

TEST_F(Rotate, FindsNamesThatAreFree) {
  keys_.keys = {vault_key("work"), vault_key("work-since-" + today() + "-2"), vault_key("work-" + today())};
  EXPECT_EQ(rotate({"work"}).status, 0);
  EXPECT_EQ(made_->name, "work-since-" + today() + "-2-2");
  EXPECT_EQ(names(), (std::vector<std::string>{"work-" + today() + "-2", "work-since-" + today() + "-2",
                                               "work-" + today(), "work"}));
}

TEST_F(Rotate, KeepsLongNamesWithinTheLimit) {
  const std::string name(limits::key_name_bytes, 'x');
  keys_.keys = {vault_key(name)};
  EXPECT_EQ(rotate({name}).status, 0);
  EXPECT_EQ(names()[0], std::string(limits::key_name_bytes - 11, 'x') + "-" + today());
  EXPECT_EQ(names()[1], name);
}

TEST_F(Rotate, MakesNoSmallerRsaKeyThanIsMadeToday) {
  for (const auto& [file, bits] : std::vector<std::pair<std::string, unsigned>>{
           {"key_files/software_rsa.pub", 3072}, {"key_files/software_rsa_encrypted.pub", 3072}}) {
    keys_.keys = {vault_key("work", file)};
    EXPECT_EQ(rotate({"work"}).status, 0);
    EXPECT_EQ(made_->kind, KeyKind::rsa);
    EXPECT_EQ(made_->rsa_bits, bits);
  }
}

TEST_F(Rotate, TakesAnotherTypeAndPlace) {
  keys_.keys = {vault_key("work")};
  EXPECT_EQ(rotate({"work", "--type", "ecdsa-p384"}).status, 0);
  EXPECT_EQ(made_->kind, KeyKind::ecdsa_p384);
  keys_.keys = {vault_key("work")};
  EXPECT_EQ(rotate({"work", "--on", "fido"}).status, 0);
  EXPECT_EQ(made_->kind, std::nullopt);
  EXPECT_EQ(made_->application, "ssh:");
  keys_.keys = {sample_key("work")};
  const FobOutcome outcome = rotate({"work", "--on", "vault"});
  EXPECT_EQ(made_->kind, std::nullopt);
  EXPECT_TRUE(outcome.out.ends_with(code_for_people)) << outcome.out;
}

TEST_F(Rotate, GoesToTheTokenOfTheOldKey) {
  keys_.keys = {sample_key("work", "openssh/sshkey/ed25519_sk1.pub")};
  keys_.keys[0].token = "Example Key 5 (815)";
  keys_.keys[0].sk_flags = 0x25;
  tokens_.tokens = {sample_token("fido:815"), sample_token("fido:816")};
  tokens_.tokens[1].serial = "816";
  const FobOutcome outcome = rotate({"work"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(made_->on, "fido:815");
  EXPECT_EQ(made_->kind, KeyKind::sk_ed25519);
  EXPECT_TRUE(made_->resident && made_->verify_required && !made_->no_touch && !made_->replace);
  EXPECT_EQ(made_->application, keys_.keys[0].public_key.application);
  EXPECT_EQ(made_->user, "work-since-" + today());
  EXPECT_NE(outcome.out.find("fob remove --from-token work-" + today()), std::string::npos) << outcome.out;
  keys_.keys.back() = sample_key("work", "openssh/sshkey/ed25519_sk1.pub");
  keys_.keys.back().token.clear();
  keys_.keys.back().sk_flags = 0x21;
  EXPECT_EQ(rotate({"work"}).status, 0);
  EXPECT_EQ(made_->on, "fido");
  EXPECT_EQ(made_->user, "work-since-" + today() + "-2");
}

TEST_F(Rotate, WantsTheTokenOfTheOldKey) {
  keys_.keys = {sample_key("work")};
  keys_.keys[0].token = "Example Key 5 (814)";
  tokens_.tokens = {sample_token("fido:815")};
  const FobOutcome outcome = rotate({"work"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err,
            "fob: work is on the token Example Key 5 (814), which is not here: plug it in, or let --on name the place "
            "of the new key\n");
  EXPECT_FALSE(made_);
}

TEST_F(Rotate, LeavesTheSlotOfAPivCardAlone) {
  keys_.keys = {sample_pkcs11_key("work")};
  keys_.keys[0].uri = "pkcs11:serial=815;id=%01;object=work;type=private";
  tokens_.tokens = {sample_pkcs11_token("work", "70a1"), sample_piv_token()};
  const FobOutcome outcome = rotate({"work"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("--slot"), std::string::npos) << outcome.err;
  EXPECT_FALSE(made_);
  EXPECT_EQ(rotate({"work", "--slot", "9c"}).status, 0);
  EXPECT_EQ(made_->on, tokens_.tokens[1].pkcs11->uri);
  EXPECT_EQ(made_->piv.slot, "9c");
}

TEST_F(Rotate, SaysWhichNamesThereAreWhereItFails) {
  keys_.keys = {vault_key("work")};
  renamings_ = 0;
  const FobOutcome first = rotate({"work"});
  const std::string old = "work-" + today();
  EXPECT_EQ(first.status, 1);
  const std::string fresh = "work-since-" + today();
  EXPECT_EQ(names(), (std::vector<std::string>{"work", fresh}));
  EXPECT_EQ(first.err, "The new key is called " + fresh +
                           ", the old one work, for they could not be renamed; to end it: fob rename work " + old +
                           ", then fob rename " + fresh + " work\nfob: the disk is full\n");
  keys_.keys = {vault_key("work")};
  renamings_ = 1;
  const FobOutcome second = rotate({"work"});
  EXPECT_EQ(second.status, 1);
  EXPECT_EQ(names(), (std::vector<std::string>{old, fresh}));
  EXPECT_EQ(second.err, "The new key is called " + fresh + ", the old one " + old +
                            ", for they could not be renamed; to end it: fob rename " + fresh +
                            " work\nfob: the disk is full\n");
}

TEST_F(Rotate, ShowsTheRecoveryCodeWhereItFails) {
  keys_.keys = {sample_key("work")};
  renamings_ = 0;
  EXPECT_NE(rotate({"work", "--on", "vault"}).out.find(sample_recovery_code), std::string::npos);
  keys_.keys = {sample_key("work")};
  EXPECT_EQ(json::parse(rotate({"work", "--on", "vault", "--json"}).out)["new"]["recovery_code"],
            std::string(sample_recovery_code));
}

TEST_F(Rotate, NeedsAKeyThatIsKept) {
  EXPECT_EQ(rotate({"work"}).err, "fob: no key is named work: fob list shows which there are\n");
  expect_refused({"rotate", "work", "--type", "dsa"}, "--type");
}

/// An agent whose vault has slots as a test says; what it does, in order.
class VaultPassphrase : public testing::Test {
 protected:
  FobOutcome change(std::vector<std::string> line = {}) {
    FakeAgent agent([this](const Request& request, Peer& peer) {
      if (std::holds_alternative<control::ListSlots>(request)) return peer.send(slots_);
      if (const auto* added = std::get_if<control::AddSlot>(&request)) {
        did_.push_back(added->kind == KeyslotKind::passphrase ? "add" : "add another");
        if (cannot_add_) return peer.send(control::Failed{Errc::cancelled, "no answer"});
        return peer.send(control::SlotAdded{slots_.slots[0], {}});
      }
      did_.push_back("remove " + std::to_string(std::get<control::RemoveSlot>(request).id));
      if (cannot_remove_) return peer.send(control::Failed{Errc::refused, "wrong passphrase"});
      peer.send(control::Done{});
    });
    line.insert(line.begin(), "passphrase");
    return run_fob(line, {agent.environment()});
  }
  void add_passphrase(std::uint32_t id) {
    control::Slot slot = slots_.slots[0];
    slot.id = id;
    slots_.slots.push_back(slot);
  }

  control::Slots slots_ = sample_slots();
  bool cannot_add_ = false;
  bool cannot_remove_ = false;
  std::vector<std::string> did_;
};

TEST_F(VaultPassphrase, IsAddedBeforeTheOldOneGoes) {
  const FobOutcome outcome = change();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(did_, (std::vector<std::string>{"add", "remove 1"}));
  EXPECT_EQ(outcome.out, "The vault has a new passphrase; the old one does not open it any more.\n");
}

TEST_F(VaultPassphrase, IsOneMoreWayWhereThereWasNone) {
  slots_.slots[0].kind = KeyslotKind::fido;
  EXPECT_EQ(change().out, "The vault has a passphrase now, beside what opened it before.\n");
  EXPECT_EQ(did_, std::vector<std::string>{"add"});
}

TEST_F(VaultPassphrase, StaysWhereNoNewOneIsAdded) {
  cannot_add_ = true;
  EXPECT_EQ(change().status, 1);
  EXPECT_EQ(did_, std::vector<std::string>{"add"});
}

TEST_F(VaultPassphrase, IsSaidToOpenItStillWhereItCannotBeRemoved) {
  cannot_remove_ = true;
  const FobOutcome outcome = change();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("the new passphrase opens the vault, and so does the old one still"), std::string::npos)
      << outcome.err;
  EXPECT_NE(outcome.err.find("fob slot remove 1 tries again"), std::string::npos) << outcome.err;
}

TEST_F(VaultPassphrase, TakesThePlaceOfSeveralOnlyWhereThatIsSaid) {
  add_passphrase(7);
  const FobOutcome outcome = change();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("the vault has 2 passphrases: --all"), std::string::npos) << outcome.err;
  EXPECT_TRUE(did_.empty());
  EXPECT_EQ(change({"--all"}).status, 0);
  EXPECT_EQ(did_, (std::vector<std::string>{"add", "remove 1", "remove 7"}));
}

TEST_F(VaultPassphrase, NeedsAVault) {
  slots_ = {};
  EXPECT_EQ(change().err, "fob: there is no vault yet: fob new NAME --on vault makes it, with a passphrase\n");
}

}  // namespace
}  // namespace fob::test
