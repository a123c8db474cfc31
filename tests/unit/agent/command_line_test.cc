#include "agent/command_line.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/agent/support.h"

namespace fob {
namespace {

using Action = CommandLine::Action;
using Words = std::vector<std::string>;

CommandLine parse(Words words) {
  words.insert(words.begin(), "fob-agent");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  optind = 0;  // getopt starts anew
  return parse_command_line(static_cast<int>(words.size()), argv.data());
}

/// What is printed where the words are refused; empty where they are not.
std::string refusal(const Words& words) {
  try {
    parse(words);
  } catch (const UsageError& error) {
    return error.what();
  }
  return {};
}

class CommandLineTest : public testing::Test {
  const Variable shell_{"SHELL", "/bin/sh"};
};

TEST_F(CommandLineTest, WithoutOptionsServes) {
  const CommandLine options = parse({});
  EXPECT_EQ(options.action, Action::serve);
  EXPECT_FALSE(options.csh_output || options.foreground || options.debug || options.socket_in_tmp ||
               options.keep_stale_sockets || options.clean_up_other_hosts);
  EXPECT_EQ(options.socket_path, "");
  EXPECT_EQ(options.command, Words{});
  EXPECT_EQ(options.agent.fingerprint_hash, Hash::sha256);
  EXPECT_FALSE(options.agent.default_lifetime_seconds);
  EXPECT_FALSE(options.agent.allow_remote_management || options.agent.providers.allow_remote);
}

TEST_F(CommandLineTest, TakesEveryOption) {
  EXPECT_EQ(parse({"-a", "relative/socket"}).socket_path, "relative/socket");
  EXPECT_EQ(parse({"-a/glued"}).socket_path, "/glued");
  EXPECT_TRUE(parse({"-c"}).csh_output);
  EXPECT_TRUE(parse({"-D"}).foreground);
  EXPECT_FALSE(parse({"-D"}).debug);
  EXPECT_TRUE(parse({"-d"}).foreground);
  EXPECT_TRUE(parse({"-d"}).debug);
  EXPECT_EQ(parse({"-k"}).action, Action::kill);
  EXPECT_TRUE(parse({"-c", "-k"}).csh_output);
  EXPECT_TRUE(parse({"-T"}).socket_in_tmp);
  EXPECT_TRUE(parse({"-U"}).keep_stale_sockets);
  EXPECT_EQ(parse({"-u"}).action, Action::clean_up);
  EXPECT_FALSE(parse({"-u"}).clean_up_other_hosts);
  EXPECT_TRUE(parse({"-uu"}).clean_up_other_hosts);
  EXPECT_TRUE(parse({"-u", "-u"}).clean_up_other_hosts);
  EXPECT_EQ(parse({"-V"}).action, Action::print_version);
  EXPECT_EQ(parse({"-V", "-x"}).action, Action::print_version) << "what follows is not read";
  EXPECT_EQ(parse({"-P", "/opt/*,!/opt/bad"}).agent.providers.allowed, "/opt/*,!/opt/bad");
  EXPECT_EQ(parse({"-t", "1h30m"}).agent.default_lifetime_seconds, 5400U);
  EXPECT_FALSE(parse({"-t", "60", "-t", "0"}).agent.default_lifetime_seconds) << "0: no limit, the last one counts";
  const CommandLine bundle = parse({"-DTUt5"});
  EXPECT_TRUE(bundle.foreground && bundle.socket_in_tmp && bundle.keep_stale_sockets);
  EXPECT_EQ(bundle.agent.default_lifetime_seconds, 5U);
}

TEST_F(CommandLineTest, TakesFingerprintHashesInAnyCase) {
  const std::pair<const char*, Hash> cases[] = {
      {"md5", Hash::md5},       {"MD5", Hash::md5},       {"sha1", Hash::sha1},    {"sha256", Hash::sha256},
      {"SHA256", Hash::sha256}, {"sha384", Hash::sha384}, {"Sha512", Hash::sha512}};
  for (const auto& [name, hash] : cases) EXPECT_EQ(parse({"-E", name}).agent.fingerprint_hash, hash) << name;
  for (const char* name : {"sha2", "sha224", "", "md55", "SHA-256"}) {
    EXPECT_NE(refusal({"-E", name}).find("fingerprint hash"), std::string::npos) << name;
  }
}

TEST_F(CommandLineTest, TakesEachO) {
  EXPECT_TRUE(parse({"-O", "allow-remote-pkcs11"}).agent.providers.allow_remote);
  EXPECT_TRUE(parse({"-Oallow-remote-management"}).agent.allow_remote_management);
  EXPECT_EQ(refusal({"-O", "no-restrict-websafe", "-O", "websafe-allow=ssh:,https://example.org"}), "");
  EXPECT_EQ(refusal({"-O", "websafe-allow="}), "");
  for (const char* value : {"", "unknown", "allow-remote-pkcs11=yes", "ALLOW-REMOTE-PKCS11", "websafe-allow"}) {
    EXPECT_NE(refusal({"-O", value}).find("-O"), std::string::npos) << value;
  }
  EXPECT_NE(refusal({"-O", "websafe-allow=a", "-O", "websafe-allow=b"}), "");
}

TEST_F(CommandLineTest, RefusesASecondProviderList) { EXPECT_NE(refusal({"-P", "/a/*", "-P", "/b/*"}), ""); }

TEST_F(CommandLineTest, RefusesWhatIsUnknownOrLacksItsArgument) {
  for (const char* word : {"-x", "--help", "-a", "-E", "-O", "-P", "-t", "-?", "-:"}) {
    EXPECT_NE(refusal({word}).find("usage:"), std::string::npos) << word;
  }
}

TEST_F(CommandLineTest, RefusesWhatExcludesEachOther) {
  const Words cases[] = {{"-c", "-s"}, {"-s", "-c"}, {"-d", "-D"}, {"-D", "-d"}, {"-d", "-d"}, {"-DD"}};
  for (const Words& words : cases) EXPECT_NE(refusal(words).find("usage:"), std::string::npos) << words[0];
  for (const char* option : {"-c", "-k", "-s", "-d", "-D", "-u"}) {
    EXPECT_NE(refusal({option, "command"}).find("usage:"), std::string::npos) << option;
    EXPECT_NE(refusal({option, "--", "command"}).find("usage:"), std::string::npos) << option;
  }
}

TEST_F(CommandLineTest, LeavesTheCommandItsOwnOptions) {
  EXPECT_EQ(parse({"ls", "-c", "-l"}).command, (Words{"ls", "-c", "-l"}));
  EXPECT_EQ(parse({"-t", "5", "-T", "-U", "ls", "-t"}).command, (Words{"ls", "-t"}));
  EXPECT_EQ(parse({"--", "-ls"}).command, Words{"-ls"});
  EXPECT_EQ(parse({""}).command, Words{""});
}

TEST_F(CommandLineTest, WritesForTheShellOfTheCaller) {
  for (const char* shell : {"/bin/csh", "/bin/tcsh", "csh"}) {
    const Variable variable("SHELL", shell);
    EXPECT_TRUE(parse({}).csh_output) << shell;
    EXPECT_FALSE(parse({"-s"}).csh_output) << shell;
    EXPECT_FALSE(parse({"command"}).csh_output) << shell;
  }
  for (const char* shell : {"", "sh", "/bin/csh2", "cs", "/bin/csh/bash"}) {
    const Variable variable("SHELL", shell);
    EXPECT_FALSE(parse({}).csh_output) << shell;
  }
  const Variable none("SHELL", nullptr);
  EXPECT_FALSE(parse({}).csh_output);
}

TEST(ParseSeconds, TakesTheFormatsOfSshdConfig) {
  const std::pair<const char*, std::uint32_t> cases[] = {{"0", 0},
                                                         {"90", 90},
                                                         {"90s", 90},
                                                         {"90S", 90},
                                                         {"10m", 600},
                                                         {"10M", 600},
                                                         {"2h", 7200},
                                                         {"2H", 7200},
                                                         {"1d", 86'400},
                                                         {"1D", 86'400},
                                                         {"1w", 604'800},
                                                         {"1W", 604'800},
                                                         {"1h30m", 5400},
                                                         {"1h30", 3630},
                                                         {"1m1m1", 121},
                                                         {"1w2d3h4m5s", 788'645},
                                                         {"007", 7},
                                                         {"2147483647", 2147483647},
                                                         {"24855d", 2147472000}};
  for (const auto& [text, seconds] : cases) EXPECT_EQ(parse_seconds(text), seconds) << text;
}

TEST(ParseSeconds, RefusesTheRest) {
  for (const char* text : {"",
                           " ",
                           "s",
                           "m5",
                           "-1",
                           "+1",
                           "1 h",
                           "1h ",
                           " 1",
                           "1.5h",
                           "1x",
                           "1hh",
                           "0x10",
                           "1y",
                           "2147483648",
                           "24856d",
                           "3551w",
                           "4294967296",
                           "18446744073709551616",
                           "99999999999999999999999999",
                           "2147483647s1s"}) {
    EXPECT_THROW(parse_seconds(text), UsageError) << text;
  }
}

}  // namespace
}  // namespace fob
