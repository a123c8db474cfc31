#include "cli/ssh_log.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/unit/protocol/vectors.h"

namespace fob::cli {
namespace {

using End = SshLog::End;

SshLog log_of(const std::string& name) { return parse_ssh_log(test::read_data("ssh_logs/" + name + ".log")); }

TEST(SshLog, KnowsHowALoginEnds) {
  for (const auto& [name, end] :
       std::vector<std::pair<std::string, End>>{{"logged_in", End::logged_in},
                                                {"denied", End::denied},
                                                {"refused_by_agent", End::denied},
                                                {"skipped_by_client", End::denied},
                                                {"nothing_offered", End::denied},
                                                {"unresolved", End::unresolved},
                                                {"unreachable", End::unreachable},
                                                {"no_common_algorithm", End::no_common_algorithm},
                                                {"host_key_unknown", End::host_key_unknown},
                                                {"host_key_changed", End::host_key_changed},
                                                {"too_many", End::too_many_failures}}) {
    EXPECT_EQ(log_of(name).end, end) << name;
  }
  EXPECT_EQ(parse_ssh_log("").end, End::unknown);
  EXPECT_EQ(parse_ssh_log("Bad owner or permissions on /home/alice/.ssh/config\r\n").end, End::bad_configuration);
  EXPECT_EQ(parse_ssh_log("kex_exchange_identification: Connection closed by remote host\n").end, End::hung_up);
}

TEST(SshLog, TellsWhatWasOffered) {
  const SshLog log = log_of("logged_in");
  ASSERT_EQ(log.offered.size(), 1U);
  EXPECT_EQ(log.offered[0].type, "ED25519");
  EXPECT_TRUE(log.offered[0].fingerprint.starts_with("SHA256:"));
  EXPECT_TRUE(log.offered[0].of_agent && log.offered[0].accepted);
  EXPECT_EQ(log.accepted(), &log.offered[0]);
  EXPECT_EQ(log.methods, std::vector<std::string>{"publickey"});
  EXPECT_EQ(log_of("too_many").offered.size(), 3U);
  EXPECT_EQ(log_of("denied").accepted(), nullptr);
  EXPECT_TRUE(log_of("nothing_offered").offered.empty());
  EXPECT_EQ(log_of("skipped_by_client").skipped.size(), 1U);
}

TEST(SshLog, TellsWhetherTheAgentRefused) {
  const SshLog log = log_of("refused_by_agent");
  ASSERT_NE(log.accepted(), nullptr);
  EXPECT_TRUE(log.accepted()->refused);
  EXPECT_FALSE(log_of("logged_in").accepted()->refused);
}

TEST(SshLog, TellsWhetherMoreIsWantedThanTheKey) {
  const SshLog log = log_of("two_factors");
  ASSERT_NE(log.accepted(), nullptr);
  EXPECT_TRUE(log.accepted()->passed && !log.accepted()->rejected);
  EXPECT_EQ(log.methods, std::vector<std::string>{"password"});
  EXPECT_EQ(log.end, End::denied);
  const SshLog keys = log_of("two_keys");
  ASSERT_EQ(keys.offered.size(), 2U);
  EXPECT_TRUE(keys.offered[0].passed && !keys.offered[1].accepted);
  EXPECT_FALSE(log_of("logged_in").accepted()->passed);
}

TEST(SshLog, TellsWhatBecameOfAKeyInAFile) {
  for (const auto& [name, fault] :
       std::vector<std::pair<std::string, std::string>>{{"encrypted_file", ""}, {"open_file", "bad permissions"}}) {
    const SshLog log = log_of(name);
    ASSERT_NE(log.accepted(), nullptr) << name;
    EXPECT_EQ(log.accepted()->name, "/home/alice/locked_ed25519");
    EXPECT_EQ(log.accepted()->fault, fault);
    EXPECT_FALSE(log.accepted()->refused || log.accepted()->rejected || log.accepted()->passed) << name;
  }
  EXPECT_EQ(log_of("encrypted_pem").untried, std::vector<std::string>{"/home/alice/locked_rsa"});
  EXPECT_TRUE(log_of("denied").untried.empty());
}

TEST(SshLog, TellsWhyAFileCannotBeShown) {
  for (const auto& [name, path, fault] :
       std::vector<std::array<std::string, 3>>{{"damaged_file", "/home/alice/damaged", "error in libcrypto"},
                                               {"open_pem", "/home/alice/plain_rsa", "bad permissions"}}) {
    const SshLog log = log_of(name);
    EXPECT_TRUE(log.untried.empty()) << name;
    ASSERT_EQ(log.unreadable.size(), 1U) << name;
    EXPECT_EQ(log.unreadable[0].path, path);
    EXPECT_EQ(log.unreadable[0].fault, fault);
  }
  EXPECT_TRUE(log_of("encrypted_pem").unreadable.empty());
  EXPECT_TRUE(log_of("open_file").unreadable.empty());
}

TEST(SshLog, TellsWhetherASignatureWasTaken) {
  const std::string text =
      "debug1: Offering public key: work ED25519 SHA256:abc agent\n"
      "debug1: Server accepts key: work ED25519 SHA256:abc agent\n"
      "debug1: Authentications that can continue: publickey\n";
  EXPECT_TRUE(parse_ssh_log(text).offered.at(0).rejected);
  EXPECT_FALSE(log_of("refused_by_agent").offered.at(0).rejected);
  EXPECT_FALSE(log_of("denied").offered.at(0).rejected);
}

TEST(SshLog, TellsWhetherAServerAnswered) {
  EXPECT_TRUE(log_of("host_key_changed").greeted);
  EXPECT_EQ(log_of("host_key_changed").known_in, "/home/alice/changed_hosts");
  EXPECT_FALSE(log_of("unreachable").greeted);
}

TEST(SshLog, BelievesNothingThatComesAfterTheLogin) {
  const SshLog log = parse_ssh_log(test::read_data("ssh_logs/logged_in.log") +
                                   "debug1: Offering public key: x RSA SHA256:x agent\n"
                                   "debug1: Server accepts key: x RSA SHA256:x agent\n"
                                   "root@host: Permission denied (publickey).\n");
  EXPECT_TRUE(log.logged_in());
  EXPECT_EQ(log.offered.size(), 1U);
}

TEST(SshLog, TellsWhetherTheServerAnsweredTheCommand) {
  EXPECT_TRUE(log_of("logged_in").answered);
  std::string text = test::read_data("ssh_logs/logged_in.log");
  text.resize(text.find("debug1: client_input_channel_req"));
  EXPECT_FALSE(parse_ssh_log(text).answered);
  EXPECT_TRUE(parse_ssh_log(text + "exec request failed on channel 0\n").answered);
  EXPECT_TRUE(parse_ssh_log(text + "debug1: client_input_channel_req: channel 0 rtype exit-signal reply 0\n").answered);
  EXPECT_TRUE(
      parse_ssh_log(text + "no end of line: debug1: client_input_channel_req: channel 0 rtype exit-status reply 0\n")
          .answered);
  EXPECT_FALSE(log_of("denied").answered);
}

TEST(SshLog, ReadsTheServersAlgorithms) {
  const SshLog log = log_of("denied");
  EXPECT_NE(std::find(log.server_algorithms.begin(), log.server_algorithms.end(), "rsa-sha2-512"),
            log.server_algorithms.end());
  const SshLog unusable = parse_ssh_log(
      "debug1: Offering public key: work RSA SHA256:abc agent\ndebug1: send_pubkey_test: no mutual signature "
      "algorithm\n");
  EXPECT_TRUE(unusable.offered.at(0).unusable);
}

TEST(SshLog, TakesPathsWithSpaces) {
  const SshLog log = parse_ssh_log("debug1: Offering public key: /home/a b/my key RSA-CERT SHA256:abc explicit\r\n");
  ASSERT_EQ(log.offered.size(), 1U);
  EXPECT_EQ(log.offered[0].type, "RSA-CERT");
  EXPECT_EQ(log.offered[0].fingerprint, "SHA256:abc");
  EXPECT_FALSE(log.offered[0].of_agent);
}

TEST(SshLog, TakesAnyText) {
  for (const char* text : {"debug1: Offering public key: ", "debug1: Offering public key: x SHA256:",
                           "debug1: Server accepts key: SHA256:", "Permission denied (", "Permission denied ().",
                           "server-sig-algs=<", "Authentications that can continue: ", "\n\n\r\n\r", "Load key \"",
                           "Offending ", "sign_and_send_pubkey: signing failed", "Authenticated using ",
                           "debug1: Offering public key: x\ndebug1: Server accepts key: x\nLoad key \"x"}) {
    EXPECT_NO_THROW(parse_ssh_log(text)) << text;
  }
}

}  // namespace
}  // namespace fob::cli
