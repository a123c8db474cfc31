#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "protocol/fingerprint.h"
#include "tests/unit/cli/vault_runs.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::test {
namespace {

using control::Request;
using nlohmann::json;

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
}

/// fob with a home of its own, whose agent has a vault; its askpass program answers "pass phrase".
class ForService : public testing::Test {
 protected:
  ForService() { write_file(folder_.file("askpass"), "#!/bin/sh\necho 'pass phrase'\n", 0700); }

  FobOutcome make(std::vector<std::string> line, const FakeAgent::Handle& handle = serve_vault) {
    line.insert(line.begin(), "new");
    return run(line, handle);
  }
  FobOutcome run(const std::vector<std::string>& line, const FakeAgent::Handle& handle = serve_vault) {
    made_.reset();
    changed_.reset();
    FakeAgent agent([&](const Request& request, Peer& peer) {
      if (const auto* made = std::get_if<control::NewKey>(&request)) made_ = *made;
      if (const auto* changed = std::get_if<control::ChangeKey>(&request)) {
        changed_ = *changed;
        return peer.send(control::Keys{false, {sample_key(changed->name)}});
      }
      handle(request, peer);
    });
    FobOutcome out = run_fob(line, {agent.environment(), "HOME=" + folder_.path(), "XDG_CONFIG_HOME=/nonexistent",
                                    "SSH_ASKPASS=" + folder_.file("askpass"), "SSH_ASKPASS_REQUIRE=force"});
    requests_ = agent.requests();
    return out;
  }
  void expect_refused(const std::vector<std::string>& line, const std::string& reason) {
    const FobOutcome outcome = make(line);
    EXPECT_EQ(outcome.status, 2) << outcome.err;
    EXPECT_NE(outcome.err.find(reason), std::string::npos) << outcome.err;
    EXPECT_EQ(requests_, 0U);
  }
  bool is_there(const std::string& name) const { return exists(folder_.file(name)); }

  TempDir folder_;
  std::optional<control::NewKey> made_;
  std::optional<control::ChangeKey> changed_;
  std::size_t requests_ = 0;
};

/// As serve_vault, without tokens.
void serve_without_tokens(const Request& request, Peer& peer) {
  if (std::holds_alternative<control::ListTokens>(request)) return peer.send(control::Tokens{});
  serve_vault(request, peer);
}

TEST_F(ForService, TakesATokenWhereTheServiceDoes) {
  EXPECT_EQ(make({"work", "--for", "github"}).status, 0);
  ASSERT_TRUE(made_);
  EXPECT_EQ(made_->on, "fido");
  EXPECT_EQ(made_->kind, KeyKind::sk_ecdsa_p256);
  EXPECT_EQ(made_->services, std::vector<std::string>{"github"});
  EXPECT_EQ(make({"work", "--for", "gitlab"}).status, 0);
  EXPECT_EQ(made_->kind, KeyKind::sk_ed25519);
  EXPECT_EQ(make({"work", "--for", "github"}, serve_without_tokens).status, 0);
  EXPECT_EQ(made_->on, "vault");
  EXPECT_EQ(made_->kind, KeyKind::ed25519);
  EXPECT_EQ(made_->application, "");
  EXPECT_EQ(make({"work", "--for", "bitbucket"}).status, 0);
  EXPECT_EQ(made_->on, "vault");
}

TEST_F(ForService, ChoosesTypeAndSize) {
  const auto made = [&](const std::vector<std::string>& line) {
    EXPECT_EQ(make(line).status, 0);
    const control::NewKey key = made_.value_or(control::NewKey());
    return std::tuple(key.on, key.kind, key.rsa_bits);
  };
  EXPECT_EQ(made({"work", "--for", "enscale"}), std::tuple("vault", KeyKind::rsa, 4096U));
  EXPECT_EQ(made({"work", "--for", "enscale", "-b", "2048"}), std::tuple("vault", KeyKind::rsa, 2048U));
  EXPECT_EQ(made({"work", "--for", "enscale", "--on", "pkcs11:serial=1"}),
            std::tuple("pkcs11:serial=1", KeyKind::rsa, 2048U));
  EXPECT_EQ(made({"work", "--for", "github", "--on", "vault"}), std::tuple("vault", KeyKind::ed25519, 0U));
  EXPECT_EQ(made({"work", "--for", "github", "-t", "rsa"}), std::tuple("vault", KeyKind::rsa, 4096U));
  EXPECT_EQ(made({"work", "--for", "github", "--resident"}), std::tuple("fido", KeyKind::sk_ecdsa_p256, 0U));
  EXPECT_EQ(made({"work", "--for", "gitlab", "--on", "fido:815"}), std::tuple("fido:815", KeyKind::sk_ed25519, 0U));
}

TEST_F(ForService, RefusesWhatTheServiceWould) {
  expect_refused({"work", "--for", "nowhere"}, "no service nowhere is known; there are: authorized-keys");
  expect_refused({"work", "--for", "enscale", "-t", "ed25519"},
                 "Enscale takes no keys of the type ed25519, but of: rsa");
  expect_refused({"work", "--for", "enscale", "--on", "fido"}, "Enscale takes no keys of FIDO2 tokens");
  expect_refused({"work", "--for", "jasmin", "-t", "ecdsa"}, "but of: ecdsa-p521, rsa");
  expect_refused({"work", "--for", "bitbucket", "-t", "ecdsa-sk"},
                 "Bitbucket Cloud takes no keys of the type ecdsa-sk");
  expect_refused({"work", "--for", "seqera", "--on", "fido"}, "that of a token never leaves it");
  expect_refused({"work", "--for", "seqera", "--on", "pkcs11:token=a"}, "that of a token never leaves it");
  expect_refused({"work", "--for", "seqera", "--resident"}, "is for FIDO2 tokens");
  expect_refused({"work", "--for", "jasmin", "--no-passphrase"}, "JASMIN wants a passphrase");
  expect_refused({"work", "--for", "github", "--no-passphrase"}, "GitHub gets the public key only");
  expect_refused({"work", "--for", "github", "-o", "-"}, "GitHub does not");
  expect_refused({"work", "--for", "github", "--account", "a\nb"}, "cannot name a service");
  expect_refused({"work", "--account", "alice"}, "--for");
  expect_refused({"work", "--no-passphrase"}, "--for");
  expect_refused({"work", "-o", "-"}, "see --for");
  expect_refused({"work", "--for", "seqera", "-o", "-", "--json"}, "both want standard output");
}

TEST_F(ForService, SaysWhatToDoThere) {
  const FobOutcome outcome = make({"work", "--for", "clever-cloud", "--account", "alice", "--on", "vault"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(made_->services, std::vector<std::string>{"clever-cloud/alice"});
  EXPECT_TRUE(outcome.out.starts_with("ssh-ed25519 "));
  for (const char* text : {"\nNext, for Clever Cloud:\n", "  Give    the public key above", "  Where   Profile",
                           "  Test    ssh -T git@push-par"}) {
    EXPECT_NE(outcome.out.find(text), std::string::npos) << outcome.out;
  }
  EXPECT_EQ(make({"work", "--for", "github", "--json"}).out.find("Next"), std::string::npos);
}

TEST_F(ForService, WritesTheFileThatJasminUsersExpect) {
  const FobOutcome outcome = make({"work", "--for", "jasmin"}, [](const Request& request, Peer& peer) {
    if (std::holds_alternative<control::ExportKey>(request)) return peer.send(sample_export("software_p256"));
    serve_vault(request, peer);
  });
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(made_->kind, KeyKind::ecdsa_p521);
  const std::string path = folder_.file(".ssh/id_ecdsa_jasmin");
  EXPECT_EQ(mode_of(folder_.file(".ssh")), 0700U);
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_TRUE(fob::read_file(path).starts_with("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"));
  const std::string wanted = read_data("key_files/software_p256.pub");
  const std::string read = fob::run({"ssh-keygen", "-y", "-P", "pass phrase", "-f", path}).output;
  EXPECT_EQ(read.substr(0, read.find_last_not_of('\n') + 1), wanted.substr(0, wanted.find(" comment")));
  EXPECT_EQ(fob::read_file(path + ".pub"), wanted);
  const FobOutcome again = make({"other", "--for", "jasmin"});
  EXPECT_EQ(again.status, 1);
  EXPECT_NE(again.err.find("id_ecdsa_jasmin is there already"), std::string::npos) << again.err;
  EXPECT_FALSE(made_);
}

TEST_F(ForService, WritesAPairWithoutPassphraseForPipelines) {
  const FobOutcome outcome = make({"deploy", "--for", "bitbucket-pipelines"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const std::string path = folder_.file(".ssh/id_deploy");
  EXPECT_NE(outcome.err.find(path + " has no passphrase: whoever gets the file"), std::string::npos) << outcome.err;
  // On a line of its own, as it is to be typed.
  EXPECT_NE(outcome.out.find("          fob export deploy --no-passphrase -o " + path + "\n"), std::string::npos)
      << outcome.out;
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(fob::run({"ssh-keygen", "-y", "-P", "", "-f", path}).output, read_data("key_files/software.pub"));
}

TEST_F(ForService, GivesSeqeraABlockAPassphraseAndAName) {
  const FobOutcome outcome = make({"my.key", "--for", "seqera", "-o", folder_.file("block")});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("  Name    my-key\n"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("/block, and its passphrase"), std::string::npos) << outcome.out;
  EXPECT_TRUE(fob::read_file(folder_.file("block")).starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
  EXPECT_NE(fob::run({"ssh-keygen", "-y", "-P", "", "-f", folder_.file("block")}).exit_status, 0);
  EXPECT_EQ(fob::run({"ssh-keygen", "-y", "-P", "pass phrase", "-f", folder_.file("block")}).output,
            read_data("key_files/software.pub"));
  const FobOutcome open = make({"my.key", "--for", "seqera", "--no-passphrase", "-o", folder_.file("open")});
  EXPECT_EQ(open.status, 0) << open.err;
  EXPECT_EQ(fob::run({"ssh-keygen", "-y", "-P", "", "-f", folder_.file("open")}).exit_status, 0);
}

TEST_F(ForService, GivesStandardOutputThePrivateKeyAlone) {
  const FobOutcome first = make({"my.key", "--for", "seqera", "-o", "-"}, [](const Request& request, Peer& peer) {
    if (std::holds_alternative<control::ListSlots>(request)) return peer.send(control::Slots{});
    serve_vault(request, peer);
  });
  EXPECT_EQ(first.status, 1);
  EXPECT_NE(first.err.find("this key makes the vault, whose recovery code"), std::string::npos) << first.err;
  EXPECT_FALSE(made_);
  const FobOutcome second = make({"my.key", "--for", "seqera", "-o", "-"}, [](const Request& request, Peer& peer) {
    if (!std::holds_alternative<control::NewKey>(request)) return serve_vault(request, peer);
    control::Kept kept;
    kept.key = sample_key("my.key", "key_files/software.pub");
    peer.send(std::move(kept));
  });
  EXPECT_EQ(second.status, 0) << second.err;
  EXPECT_TRUE(second.out.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n")) << second.out;
  EXPECT_TRUE(second.out.ends_with("-----END OPENSSH PRIVATE KEY-----\n")) << second.out;
  EXPECT_NE(second.err.find("Next, for Seqera Platform:"), std::string::npos) << second.err;
}

TEST_F(ForService, MakesNoKeyWithoutAPassphrase) {
  write_file(folder_.file("askpass"), "#!/bin/sh\necho\n", 0700);
  const FobOutcome jasmin = make({"other", "--for", "jasmin"});
  EXPECT_EQ(jasmin.status, 1);
  EXPECT_NE(jasmin.err.find("no passphrase was typed, and JASMIN wants one: no key is made"), std::string::npos);
  EXPECT_FALSE(made_);
  const FobOutcome seqera = make({"other", "--for", "seqera"});
  EXPECT_NE(seqera.err.find("--no-passphrase makes a file without one"), std::string::npos) << seqera.err;
  EXPECT_FALSE(made_);
  EXPECT_FALSE(is_there(".ssh/id_other"));
}

TEST_F(ForService, SaysHowToGetTheFileAfterAll) {
  const auto told = [this](std::vector<std::string> line) {
    const FobOutcome outcome = make(std::move(line), [](const Request& request, Peer& peer) {
      if (!std::holds_alternative<control::ExportKey>(request)) return serve_vault(request, peer);
      peer.send(control::Failed{Errc::refused, "enough"});
    });
    EXPECT_EQ(outcome.status, 1);
    const std::string beginning = "fob: enough; the key is kept all the same; to have its file, type: ";
    const std::size_t at = outcome.err.find(beginning);
    return at == std::string::npos ? outcome.err : outcome.err.substr(at + beginning.size());
  };
  EXPECT_EQ(told({"other", "--for", "seqera"}), "fob export other -o " + folder_.file(".ssh/id_other") + "\n");
  EXPECT_EQ(told({"other", "--for", "seqera", "--no-passphrase", "-o", folder_.file("a file")}),
            "fob export other --no-passphrase -o '" + folder_.file("a file") + "'\n");
  EXPECT_EQ(told({"other", "--for", "bitbucket-pipelines"}),
            "fob export other --no-passphrase -o " + folder_.file(".ssh/id_other") + "\n");
  EXPECT_EQ(told({"other", "--for", "jasmin"}),
            "fob export other --format pem -o " + folder_.file(".ssh/id_ecdsa_jasmin") + "\n");
}

/// As serve_vault, of an agent whose key "safe" was given to these places.
FakeAgent::Handle serve_given(const std::vector<std::string>& places) {
  return [places](const Request& request, Peer& peer) {
    if (!std::holds_alternative<control::ListKeys>(request)) return serve_vault(request, peer);
    control::Key key = sample_key("safe", "key_files/software.pub");
    key.services = places;
    peer.send(control::Keys{false, {key}});
  };
}

TEST_F(ForService, PrintsAndNotesAnOldKey) {
  const FobOutcome outcome = run({"public", "safe", "--for", "github", "--account", "alice"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out.substr(0, 12), "ssh-ed25519 ");
  EXPECT_NE(outcome.err.find("Next, for GitHub:"), std::string::npos);
  ASSERT_TRUE(changed_);
  EXPECT_EQ(changed_->name, "safe");
  EXPECT_EQ(changed_->given_to, std::vector<std::string>{"github/alice"});
  EXPECT_EQ(run({"public", "safe", "--for", "github"}, serve_given({"github"})).status, 0);
  EXPECT_FALSE(changed_);
  const FobOutcome refused = run({"public", "safe", "--for", "enscale"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ(refused.err, "fob: Enscale takes no keys of the type ed25519, but of: rsa\n");
  EXPECT_EQ(refused.out, "");
  EXPECT_FALSE(changed_);
}

TEST_F(ForService, WarnsOfAKeyThatAnotherAccountHas) {
  const auto given = serve_given({"clever-cloud/alice"});
  const FobOutcome refused = run({"public", "safe", "--for", "clever-cloud", "--account", "bob"}, given);
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("takes a key for one account only, and this one was given to clever-cloud/alice"),
            std::string::npos)
      << refused.err;
  EXPECT_EQ(refused.out, "");
  EXPECT_FALSE(changed_);
  const FobOutcome sure = run({"public", "safe", "--for", "clever-cloud", "--account", "bob", "--yes"}, given);
  EXPECT_EQ(sure.status, 0) << sure.err;
  EXPECT_TRUE(sure.err.starts_with("Note: Clever Cloud takes a key for one account only")) << sure.err;
  EXPECT_EQ(changed_->given_to, std::vector<std::string>{"clever-cloud/bob"});
  EXPECT_EQ(run({"public", "safe", "--for", "clever-cloud", "--account", "alice"}, given).err.find("Note: Cl"),
            std::string::npos);
}

TEST(PublicAtTerminal, AsksWhetherAnotherAccountGetsIt) {
  for (const char* typed : {"no\n", "yes\n", "\n"}) {
    bool noted = false;
    FakeAgent agent([&](const Request& request, Peer& peer) {
      noted = noted || std::holds_alternative<control::ChangeKey>(request);
      if (std::holds_alternative<control::ChangeKey>(request)) return peer.send(control::Keys{});
      serve_given({"clever-cloud/alice"})(request, peer);
    });
    TerminalFob fob({"public", "safe", "--for", "clever-cloud", "--account", "bob"},
                    {agent.environment(), "XDG_CONFIG_HOME=/nonexistent"});
    ASSERT_TRUE(fob.shows("Type yes: "));
    fob.type(typed);
    EXPECT_EQ(fob.status(), typed[0] == 'y' ? 0 : 1);
    EXPECT_EQ(noted, typed[0] == 'y');
    EXPECT_EQ(fob.screen().find("\nssh-ed25519 ") != std::string::npos, typed[0] == 'y');
  }
}

TEST_F(ForService, PrintsEveryFormat) {
  const std::string line = read_data("key_files/software.pub");
  const FobOutcome openssh = run({"public", "safe", "--format", "openssh"});
  EXPECT_EQ(openssh.out, line.substr(0, line.find(" comment")) + " alice@desk\n");
  for (const auto& [format, argument] : {std::pair("rfc4716", "RFC4716"), std::pair("pem", "PKCS8")}) {
    const FobOutcome outcome = run({"public", "safe", "--format", format}, [](const Request& request, Peer& peer) {
      if (!std::holds_alternative<control::ListKeys>(request)) return serve_vault(request, peer);
      peer.send(control::Keys{false, {sample_key("safe", "key_files/software_rsa.pub")}});
    });
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    const std::string path = folder_.file("key");
    write_file(path, outcome.out);
    const std::string read = fob::run({"ssh-keygen", "-i", "-m", argument, "-f", path}).output;
    const std::string wanted = read_data("key_files/software_rsa.pub");
    EXPECT_EQ(read, wanted.substr(0, wanted.find(" comment")) + "\n") << outcome.out;
  }
  EXPECT_EQ(run({"public", "safe", "--format", "pgp"}).status, 2);
  EXPECT_EQ(run({"public", "safe", "--format", "pem", "--for", "github"}).status, 2);
}

}  // namespace
}  // namespace fob::test
