#include "cli/doctor_host.h"

#include <gtest/gtest.h>

#include "cli/login.h"
#include "protocol/fingerprint.h"
#include "tests/daemon/temp_dir.h"
#include "tests/unit/cli/finding_texts.h"
#include "tests/unit/cli/samples.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::cli {
namespace {

using test::has;
using test::text;
using test::texts;

/// An agent with these keys; the first one is taken for the one in a log.
AgentView agent_with(const std::vector<std::string>& services = {}) {
  AgentView out;
  out.answers = true;
  out.keys.keys = {test::sample_key("work", "openssh/sshkey/ed25519_1.pub")};
  out.keys.keys[0].services = services;
  return out;
}
SshLog with_our_key(SshLog log) {
  const std::string ours = fingerprint(test::public_key("openssh/sshkey/ed25519_1.pub"));
  for (SshLog::Key& key : log.offered) key.fingerprint = ours;
  return log;
}
SshLog log_of(const std::string& name) {
  return with_our_key(parse_ssh_log(test::read_data("ssh_logs/" + name + ".log")));
}
/// A log of a key in a file, as if that file were here.
SshLog log_of(const std::string& name, const TempDir& home) {
  std::string out = test::read_data("ssh_logs/" + name + ".log");
  constexpr std::string_view recorded = "/home/alice";
  for (std::size_t at = 0; (at = out.find(recorded, at)) != std::string::npos; at += home.path().size()) {
    out.replace(at, recorded.size(), home.path());
  }
  return parse_ssh_log(out);
}

const HostView host{{"alice@host", 0, {}}, {{"port", {"22"}}, {"hostname", {"host"}}}};
const HostView host_elsewhere{{"alice@host", 2222, {"-F", "/etc/my config"}},
                              {{"port", {"2222"}}, {"hostname", {"host.example"}}, {"user", {"alice"}}}};

TEST(DoctorHost, NamesTheKeyThatIsNotAuthorized) {
  const std::string found = text(findings_of_login(log_of("denied"), host, agent_with(), ""));
  EXPECT_TRUE(has(found, "not-authorized: ") && has(found, "(work)")) << found;
  EXPECT_TRUE(has(found, "fob authorize work alice@host\n")) << found;
}

TEST(DoctorHost, GivesCommandsForThePortAndTheOptionsThatWereTyped) {
  const std::string found = text(findings_of_login(log_of("denied"), host_elsewhere, agent_with(), ""));
  EXPECT_TRUE(has(found, "they are not in the authorized_keys of the user alice there.")) << found;
  EXPECT_TRUE(has(found, "fob authorize work alice@host -p 2222 -- -F '/etc/my config'\n")) << found;
  EXPECT_TRUE(
      has(text(findings_of_login({}, host_elsewhere, {}, "")), "ssh -v -p 2222 -F '/etc/my config' alice@host"));
  const std::string lines = text(findings_of_login(log_of("too_many"), host_elsewhere, agent_with(), ""));
  EXPECT_TRUE(has(lines, "at the beginning of '/etc/my config':\nHost host\n")) << lines;
}

TEST(DoctorHost, SaysWhatIsWantedBesideTheKey) {
  const std::string found = text(findings_of_login(log_of("two_factors"), host, agent_with(), ""));
  EXPECT_TRUE(has(found, "more-factors: alice@host takes the key work, and also wants a password. | ")) << found;
  EXPECT_TRUE(has(found, "where ssh asks you for that: ssh alice@host")) << found;
  EXPECT_TRUE(has(text(findings_of_login(log_of("two_keys"), host, agent_with(), "")), "and also wants a second key."));
  SshLog log = log_of("two_factors");
  log.methods = {"keyboard-interactive", "hostbased"};
  EXPECT_TRUE(has(text(findings_of_login(log, host, agent_with(), "")), "a one-time code or hostbased."));
}

TEST(DoctorHost, SaysThatAKeyFileNeedsItsPassphrase) {
  const TempDir home;
  write_file(home.file("locked_ed25519"), "");
  const std::string found = text(findings_of_login(log_of("encrypted_file", home), host, agent_with(), ""));
  EXPECT_TRUE(has(found, "passphrase-needed: alice@host takes the key in " + home.file("locked_ed25519"))) << found;
  EXPECT_TRUE(has(found, "fob import " + home.file("locked_ed25519"))) << found;
  EXPECT_TRUE(has(found, "ssh-add " + home.file("locked_ed25519"))) << found;
}

TEST(DoctorHost, SaysThatAFileShowsNothingWithoutItsPassphrase) {
  const TempDir home;
  const SshLog log = log_of("encrypted_pem", home);
  EXPECT_TRUE(text(findings_of_login(log, host, {true, false, {}, {}, {}}, "")).starts_with("no-keys: "));
  write_file(home.file("locked_rsa"), "");
  const std::string found = text(findings_of_login(log, host, agent_with(), ""));
  EXPECT_TRUE(has(found, "passphrase-needed: ssh cannot try the key in " + home.file("locked_rsa"))) << found;
}

TEST(DoctorHost, SaysWhyAKeyFileCannotBeUsed) {
  const TempDir home;
  write_file(home.file("locked_ed25519"), "");
  const std::string open = text(findings_of_login(log_of("open_file", home), host, agent_with(), ""));
  EXPECT_TRUE(has(open, "key-file: ") && has(open, "bad permissions. | Type: chmod 600 " + home.path())) << open;
  const TempDir empty;
  const std::string none = text(findings_of_login(log_of("no_private_file", empty), host, agent_with(), ""));
  EXPECT_TRUE(has(none, "key-not-in-agent: ")) << none;
  // Then the agent is what has to be seen to.
  EXPECT_TRUE(findings_of_login(log_of("no_private_file", empty), host, {}, "").empty());
}

TEST(DoctorHost, SaysWhyAKeyFileCannotBeTried) {
  const TempDir home;
  write_file(home.file("damaged"), "");
  write_file(home.file("plain_rsa"), "");
  const std::string damaged = text(findings_of_login(log_of("damaged_file", home), host, agent_with(), ""));
  EXPECT_TRUE(has(damaged, "key-file: ssh cannot try the key in " + home.file("damaged") +
                               " at alice@host: error in libcrypto. | Put the file right"))
      << damaged;
  const std::string open = text(findings_of_login(log_of("open_pem", home), host, agent_with(), ""));
  EXPECT_TRUE(has(open, "key-file: ") && has(open, "bad permissions. | Type: chmod 600 " + home.path())) << open;
  EXPECT_FALSE(has(open, "passphrase")) << open;
}

TEST(DoctorHost, TakesWhatRunsAfterALoginForNoLoginThatHangs) {
  LoginTrial trial;
  trial.timed_out = true;
  EXPECT_TRUE(trial.hangs());
  trial.log = log_of("logged_in");
  EXPECT_FALSE(trial.hangs());
}

TEST(DoctorHost, EndsNoSentenceTwice) {
  EXPECT_EQ(clause("Cannot fork into background without a command to execute."),
            "Cannot fork into background without a command to execute");
}

TEST(DoctorHost, SaysThatASignatureIsNotTaken) {
  SshLog log = log_of("refused_by_agent");
  log.offered[0].refused = false;
  log.offered[0].rejected = true;
  EXPECT_TRUE(has(text(findings_of_login(log, host, agent_with(), "")), "not-let-in: alice@host knows the key work, "));
  AgentView agent = agent_with();
  agent.keys.keys[0] = test::sample_key("untouched");
  agent.keys.keys[0].sk_flags = 0;
  log.offered[0].fingerprint = fingerprint(agent.keys.keys[0].public_key);
  const std::string found = text(findings_of_login(log, host, agent, ""));
  EXPECT_TRUE(has(found, "touch-required: ") && has(found, "Put no-touch-required in front of")) << found;
}

TEST(DoctorHost, KnowsARefusedAlgorithmByTheServersList) {
  SshLog log = log_of("denied");
  log.server_algorithms = {"rsa-sha2-512", "ecdsa-sha2-nistp256"};
  EXPECT_TRUE(has(text(findings_of_login(log, host, agent_with(), "")),
                  "algorithm-refused: alice@host takes no signatures by keys of type ED25519."));
}

TEST(DoctorHost, BlamesTheServersListOnlyIfItHasNoTypeThatWasOffered) {
  SshLog log = log_of("too_many");
  log.end = SshLog::End::denied;
  log.server_algorithms = {"rsa-sha2-512", "ecdsa-sha2-nistp256"};
  log.offered[1].type = "RSA-CERT";
  EXPECT_TRUE(has(text(findings_of_login(log, host, agent_with(), "")), "not-authorized: "));
  log.offered[1].unusable = true;
  EXPECT_TRUE(has(text(findings_of_login(log, host, agent_with(), "")), "keys of type ED25519, RSA-CERT."));
}

TEST(DoctorHost, KnowsThatOldServersListOnlyWhatIsNewOfRsa) {
  SshLog log = log_of("denied");
  log.server_algorithms = {"rsa-sha2-256", "rsa-sha2-512"};
  EXPECT_TRUE(has(text(findings_of_login(log, host, agent_with(), "")), "not-authorized: "));
}

TEST(DoctorHost, KnowsARefusedAlgorithmByAKeyThatWasLetIn) {
  const std::string found = text(findings_of_login(log_of("denied"), host, agent_with({"alice@host"}), ""));
  EXPECT_TRUE(has(found, "algorithm-refused: ") && has(found, "though it was let in there")) << found;
}

TEST(DoctorHost, KnowsThatRsaWithSha2IsRefused) {
  const SshLog log = parse_ssh_log(
      "debug1: Offering public key: work RSA SHA256:x agent\ndebug1: send_pubkey_test: no mutual signature algorithm\n"
      "alice@host: Permission denied (publickey).\n");
  EXPECT_TRUE(has(text(findings_of_login(log, host, {}, "")),
                  "algorithm-refused: alice@host takes no signatures by keys of type RSA."));
}

TEST(DoctorHost, GivesTheLinesAgainstTooManyKeys) {
  const std::string found = text(findings_of_login(log_of("too_many"), host, agent_with(), ""));
  EXPECT_TRUE(has(found, "too-many-keys: alice@host hung up after 3 keys")) << found;
  EXPECT_TRUE(has(found, "fob public work >~/.ssh/work")) << found;
  EXPECT_TRUE(has(found, "Host host\n  IdentitiesOnly yes\n  IdentityFile ~/.ssh/work")) << found;
}

TEST(DoctorHost, PassesTheAgentsReasonOn) {
  EXPECT_TRUE(has(text(findings_of_login(log_of("refused_by_agent"), host, agent_with(), "the user said no")),
                  "agent-refused: alice@host takes the key work, but the agent refused to sign: the user said no."));
}

/// What is found where ssh, with this setting, offered nothing.
std::string found_with(const std::string& keyword, const std::string& value) {
  HostView view = host;
  view.settings[keyword] = {value};
  const std::vector<std::string> found = texts(findings_of_login(log_of("nothing_offered"), view, agent_with(), ""));
  return found.empty() ? "" : found[0];
}

TEST(DoctorHost, NamesTheSettingThatKeepsKeysBack) {
  const std::string off = found_with("pubkeyauthentication", "false");
  EXPECT_TRUE(has(off, "keys-off: ") && has(off, "(PubkeyAuthentication no)")) << off;
  EXPECT_TRUE(has(off, "Host host\n  PubkeyAuthentication yes")) << off;
  const std::string preferred = found_with("preferredauthentications", "keyboard-interactive,password");
  EXPECT_TRUE(has(preferred, "keys-off: ") && has(preferred, "(PreferredAuthentications)")) << preferred;
  EXPECT_TRUE(has(preferred, "PreferredAuthentications publickey,keyboard-interactive,password")) << preferred;
  const std::string only = found_with("identitiesonly", "yes");
  EXPECT_TRUE(has(only, "none-offered: ") && has(only, "by IdentitiesOnly it offers")) << only;
  EXPECT_TRUE(has(only, "  IdentityFile ~/.ssh/work")) << only;
  EXPECT_TRUE(has(found_with("preferredauthentications", "publickey"), "its own configuration keeps them back."));
  // That finding is another check's.
  EXPECT_EQ(found_with("identityagent", "none"), "");
}

TEST(DoctorHost, TellsOtherFaultsApart) {
  AgentView agent;
  agent.answers = true;
  for (const auto& [name, id] :
       std::vector<std::pair<std::string, std::string>>{{"unresolved", "unresolved"},
                                                        {"unreachable", "unreachable"},
                                                        {"no_common_algorithm", "no-common-algorithm"},
                                                        {"host_key_unknown", "host-key-unknown"},
                                                        {"host_key_changed", "host-key-changed"},
                                                        {"skipped_by_client", "algorithm-disabled"},
                                                        {"nothing_offered", "no-keys"}}) {
    EXPECT_TRUE(text(findings_of_login(log_of(name), host, agent, "")).starts_with(id + ": ")) << name;
  }
  EXPECT_TRUE(findings_of_login(log_of("logged_in"), host, {}, "").empty());
  EXPECT_TRUE(text(findings_of_login(parse_ssh_log("a@b: Permission denied (password).\n"), host, {}, ""))
                  .starts_with("no-public-keys: "));
  EXPECT_TRUE(text(findings_of_login({}, host, {}, "")).starts_with("login-fails: "));
}

TEST(DoctorHost, NamesTheLineOfKnownHosts) {
  const SshLog log = log_of("host_key_changed");
  EXPECT_TRUE(
      has(text(findings_of_login(log, host, {}, "")), "ssh-keygen -R host -f /home/alice/changed_hosts\nOtherwise"));
  EXPECT_TRUE(has(text(findings_of_login(log, host_elsewhere, {}, "")), "ssh-keygen -R '[host.example]:2222' -f "));
  HostView alias = host_elsewhere;
  alias.settings["hostkeyalias"] = {"alpha"};
  EXPECT_TRUE(has(text(findings_of_login(log, alias, {}, "")), "ssh-keygen -R alpha -f "));
}

TEST(DoctorHost, LetsAHostKeyBeAnsweredForWhereSshWouldNotAsk) {
  HostView strict = host;
  EXPECT_TRUE(text(findings_of_login(log_of("host_key_unknown"), strict, {}, "")).ends_with(": ssh alice@host"));
  strict.settings["stricthostkeychecking"] = {"true"};
  EXPECT_TRUE(text(findings_of_login(log_of("host_key_unknown"), strict, {}, ""))
                  .ends_with(": ssh -o 'StrictHostKeyChecking=ask' alice@host"));
}

TEST(DoctorHost, TellsWhatAJumpHostSaysOfTheHostBehind) {
  HostView view = host;
  view.settings["proxyjump"] = {"jump"};
  const auto found = [&](const std::string& said) { return text({finding_of_way({}, view, said)}); };
  EXPECT_TRUE(
      has(found("banner\nchannel 0: open failed: connect failed: Connection refused\r\nstdio forwarding failed\n"),
          "unreachable: The jump host jump lets you in, but does not reach alice@host (host, port 22): Connection "
          "refused."));
  EXPECT_TRUE(
      found("channel 0: open failed: administratively prohibited: open failed\n").starts_with("jump-forbids: "));
  EXPECT_TRUE(found("").starts_with("login-fails: "));
}

TEST(DoctorHost, TellsWhatAProxyCommandSays) {
  HostView view = host;
  view.settings["proxycommand"] = {"nc -x 100%% %h %p"};
  const std::string found = text({finding_of_way({}, view, "\nsh: nc: not found\nmore\n")});
  EXPECT_TRUE(has(found, "proxy-command: The ProxyCommand that leads to alice@host fails: sh: nc: not found. | "))
      << found;
  EXPECT_TRUE(has(found, ": nc -x 100% host 22")) << found;
}

TEST(DoctorHost, NamesAJumpHostAsOne) {
  const HostView jump{{"jump", 2222, {}}, {}, "alpha"};
  const std::string found = text(findings_of_login(log_of("denied"), jump, agent_with(), ""));
  EXPECT_TRUE(has(found, "not-authorized: jump (the jump host for alpha) takes none of the keys")) << found;
  EXPECT_TRUE(has(found, "fob authorize work jump -p 2222")) << found;
}

TEST(DoctorHost, PrintsNothingThatATerminalObeys) {
  const SshLog log = parse_ssh_log("ssh: connect to host \x1b[2J\x07 port 22: no\n");
  for (const char c : text(findings_of_login(log, host, {}, ""))) EXPECT_GE(c, ' ');
}

}  // namespace
}  // namespace fob::cli
