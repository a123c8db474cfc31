#include "cli/ssh.h"

#include <gtest/gtest.h>

#include "tests/unit/cli/fake_agent.h"
#include "tests/unit/cli/fob_process.h"
#include "tests/unit/cli/samples.h"

namespace fob::cli {
namespace {

TEST(Destination, TakesWhatNamesAHost) {
  for (const char* name : {"host", "alice@host.example.org", "10.0.0.1", "fe80::1", "[::1]", "a_b", "alice.b+c@x",
                           "alice@corp.example@host"}) {
    EXPECT_EQ(check_destination(name), "") << name;
  }
}

TEST(Destination, RefusesWhatCouldBeAnythingElse) {
  for (const std::string& name : std::vector<std::string>{"",
                                                          "-oProxyCommand=id",
                                                          "-l",
                                                          "@host",
                                                          "alice@",
                                                          "-u@host",
                                                          "alice@-host",
                                                          "a b",
                                                          "a\tb",
                                                          "a\nb",
                                                          "a;b",
                                                          "$(id)",
                                                          "`id`",
                                                          "a|b",
                                                          "a&b",
                                                          "a>b",
                                                          "a'b",
                                                          "a\"b",
                                                          "a\\b",
                                                          "a%h",
                                                          "a*",
                                                          "~",
                                                          "ssh://host",
                                                          "al ice@host",
                                                          "a;b@host",
                                                          std::string("a\0b", 3),
                                                          "\xc3\xa4"}) {
    EXPECT_NE(check_destination(name), "") << name;
  }
}

TEST(SshOptions, AreOptionsAndTheirValues) {
  using Words = std::vector<std::string>;
  for (const Words& words : std::vector<Words>{{},
                                               {"-v"},
                                               {"-vvv"},
                                               {"-o", "User=x"},
                                               {"-oUser=x"},
                                               {"-J", "jump"},
                                               {"-4", "-F", "/dev/null"},
                                               {"-vo", "User=x"},
                                               {"-i", "-strange"}}) {
    EXPECT_EQ(check_ssh_options(words), "");
  }
  for (const Words& words : std::vector<Words>{
           {"host"}, {"-v", "host"}, {"-o"}, {"-"}, {""}, {"--"}, {"-Z"}, {"-o", "User=x", "host"}, {"-vo"}}) {
    EXPECT_NE(check_ssh_options(words), "");
  }
}

TEST(SshOptions, LeaveFobTheCommandAndTheLog) {
  using Words = std::vector<std::string>;
  for (const Words& words : std::vector<Words>{{"-E", "log"}, {"-Elog"}, {"-f"}, {"-vN"}, {"-q"}, {"-G"}, {"-n"}}) {
    EXPECT_TRUE(check_ssh_options(words).ends_with("reads what ssh says of it")) << words[0];
  }
  // In values they are nobody's business.
  EXPECT_EQ(check_ssh_options({"-oEscapeChar=none", "-F", "-E", "-lGNq"}), "");
}

TEST(SshCommand, CanBePasted) {
  EXPECT_EQ(ssh_command({"host", 0, {}}), "ssh host");
  EXPECT_EQ(ssh_command({"alice@host", 2222, {"-F", "my config"}}, {"-v"}), "ssh -v -p 2222 -F 'my config' alice@host");
  EXPECT_EQ(fob_words({"host", 0, {}}), "host");
  EXPECT_EQ(fob_words({"[::1]", 2222, {"-o", "User=a b"}}), "'[::1]' -p 2222 -- -o 'User=a b'");
}

TEST(NamedConfig, IsTheLastOne) {
  EXPECT_EQ(named_config({"host", 0, {"-F", "a"}}), "a");
  EXPECT_EQ(named_config({"host", 0, {"-Fa", "-vF", "b"}}), "b");
  EXPECT_EQ(named_config({"host", 0, {"-o", "-Fa", "-l", "F"}}), "");
}

TEST(JumpHost, IsTheLastOneAndGoesByTheOthers) {
  const auto jump = [](const std::string& said) {
    return jump_host({"host", 2222, {"-F", "cfg", "-i", "key", "-J", "x"}}, {{"proxyjump", {said}}});
  };
  EXPECT_FALSE(jump("none"));
  EXPECT_FALSE(jump_host({"host", 0, {}}, {}));
  EXPECT_EQ(jump("bob@jump:33")->name, "bob@jump");
  EXPECT_EQ(jump("bob@jump:33")->port, 33U);
  EXPECT_EQ(jump("jump")->port, 0U);
  EXPECT_EQ(jump("[::1]")->name, "::1");
  EXPECT_EQ(jump("a@b@[fe80::1]:22")->name, "a@b@fe80::1");
  EXPECT_EQ(jump("a:1,b,c:2")->name, "c");
  EXPECT_EQ(jump("a:1,b,c:2")->options, (std::vector<std::string>{"-F", "cfg", "-J", "a:1,b"}));
}

TEST(KnownHosts, AreNamedAsSshDoes) {
  EXPECT_EQ(known_hosts_name({{"hostname", {"host"}}, {"port", {"22"}}}), "host");
  EXPECT_EQ(known_hosts_name({{"hostname", {"::1"}}, {"port", {"2222"}}}), "[::1]:2222");
  EXPECT_EQ(known_hosts_name({{"hostname", {"host"}}, {"port", {"2222"}}, {"hostkeyalias", {"alpha"}}}), "alpha");
}

TEST(SshArguments, PutTheHostBehindWhatEndsOptions) {
  const Destination destination{"alice@host", 2222, {"-v"}};
  EXPECT_EQ(ssh_arguments(destination, {"-T"}, "true"),
            (std::vector<std::string>{"ssh", "-T", "-p", "2222", "-v", "--", "alice@host", "true"}));
  EXPECT_EQ(ssh_arguments({"host", 0, {}}, {}, ""), (std::vector<std::string>{"ssh", "--", "host"}));
}

TEST(SessionOptions, AreThoseThatThisSshKnows) {
  EXPECT_TRUE(session_options({{"port", {"22"}}}).empty());
  EXPECT_EQ(session_options({{"sessiontype", {"none"}}, {"stdinnull", {"yes"}}, {"forkafterauthentication", {"yes"}}}),
            (std::vector<std::string>{"-osessiontype=default", "-ostdinnull=no", "-oforkafterauthentication=no"}));
}

TEST(Place, HasTheUserThatSshWouldTake) {
  EXPECT_EQ(place_of({"host", 0, {}}, {{"user", {"alice"}}}), "alice@host");
  EXPECT_EQ(place_of({"bob@host", 0, {}}, {{"user", {"alice"}}}), "bob@host");
  EXPECT_EQ(place_of({"host", 2222, {}}, {{"user", {"alice"}}}), "alice@host:2222");
}

TEST(Authorize, RefusesHostileWordsBeforeAnythingRuns) {
  test::FakeAgent agent(test::serve);
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"authorize", "work", "-oProxyCommand=id"},
                                             {"authorize", "work", "a b"},
                                             {"authorize", "work"},
                                             {"authorize", "-x", "host"},
                                             {"authorize", "work", "host", "--", "other"},
                                             {"authorize", "work", "host", "-p", "0"},
                                             {"authorize", "work", "host", "-p", "65536"},
                                             {"doctor", "$(id)"}}) {
    EXPECT_EQ(test::run_fob(words, {agent.environment()}).status, 2) << words.back();
  }
  EXPECT_EQ(agent.requests(), 0U);
}

}  // namespace
}  // namespace fob::cli
