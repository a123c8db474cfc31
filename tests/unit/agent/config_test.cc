#include "agent/config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "tests/daemon/temp_dir.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

using Program = Config::Prompt::Program;

class ConfigTest : public testing::Test {
 protected:
  Config load(std::string_view text) {
    write_file(path_, text);
    return load_config(path_);
  }
  /// What the Error says after "FILE:"; "no error" if there is none.
  std::string fault_of(std::string_view text) {
    try {
      load(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::malformed) << error.what();
      const std::string what = error.what();
      EXPECT_TRUE(what.starts_with(path_ + ":")) << what;
      return what.substr(path_.size() + 1);
    }
    return "no error";
  }

  const TempDir directory_;
  const std::string path_ = directory_.file("agent.toml");
};

void expect_defaults(const Config& config) {
  EXPECT_EQ(config.fido.pin_cache, std::chrono::seconds(0));
  EXPECT_TRUE(config.fido.sockets.empty());
  EXPECT_EQ(config.prompt.program, Program::askpass);
  EXPECT_EQ(config.prompt.pinentry, "/usr/bin/pinentry");
  EXPECT_TRUE(config.prompt.notifications);
  EXPECT_EQ(config.vault.path, "");
  EXPECT_EQ(config.vault.lock_after, std::chrono::hours(1));
  EXPECT_TRUE(config.vault.lock_on_sleep);
  EXPECT_TRUE(config.vault.lock_on_screen_lock);
  EXPECT_TRUE(config.vault.lock_on_agent_lock);
  EXPECT_TRUE(config.vault.lock_on_sigusr1);
  EXPECT_FALSE(config.vault.lock_on_idle);
}

TEST_F(ConfigTest, OfNothingIsTheDefaults) {
  for (const char* text : {"", "# a comment\n", "[fido]\n[prompt]\n[vault]\n", "fido = {}", "\xef\xbb\xbf"}) {
    SCOPED_TRACE(text);
    expect_defaults(load(text));
  }
}

TEST_F(ConfigTest, TakesEveryOption) {
  const Config config = load(R"(
[fido]
pin_cache = "1h5m"
[[fido.socket]]
path = "/run/token"
name = "Virtual Token é"
serial = "123"
[[fido.socket]]
path = "/run/other"

[prompt]
program = "pinentry"
pinentry = "/usr/bin/pinentry-gnome3"
notifications = false
[vault]
path = "/srv/keys/vault.db"
lock_after = "15m"
lock_on = ["idle", "SIGUSR1"]
)");
  EXPECT_EQ(config.fido.pin_cache, std::chrono::minutes(65));
  ASSERT_EQ(config.fido.sockets.size(), 2U);
  EXPECT_EQ(config.fido.sockets[0].path, "/run/token");
  EXPECT_EQ(config.fido.sockets[0].name, "Virtual Token é");
  EXPECT_EQ(config.fido.sockets[0].serial, "123");
  EXPECT_EQ(config.fido.sockets[1].path, "/run/other");
  EXPECT_EQ(config.fido.sockets[1].name, "");
  EXPECT_EQ(config.prompt.program, Program::pinentry);
  EXPECT_EQ(config.prompt.pinentry, "/usr/bin/pinentry-gnome3");
  EXPECT_FALSE(config.prompt.notifications);
  EXPECT_EQ(config.vault.path, "/srv/keys/vault.db");
  EXPECT_EQ(config.vault.lock_after, std::chrono::minutes(15));
  EXPECT_FALSE(config.vault.lock_on_sleep);
  EXPECT_FALSE(config.vault.lock_on_screen_lock);
  EXPECT_FALSE(config.vault.lock_on_agent_lock);
  EXPECT_TRUE(config.vault.lock_on_sigusr1);
  EXPECT_TRUE(config.vault.lock_on_idle);
}

TEST_F(ConfigTest, TakesAVaultThatNeverLocksItself) {
  const Config config = load("[vault]\nlock_after = \"0\"\nlock_on = []\n");
  EXPECT_EQ(config.vault.lock_after, std::chrono::seconds(0));
  EXPECT_FALSE(config.vault.lock_on_sleep);
  EXPECT_FALSE(config.vault.lock_on_sigusr1);
}

TEST_F(ConfigTest, TakesOtherSpellingsOfToml) {
  const Config config = load("fido.pin_cache = '90'\r\nfido.socket = [{path = \"/a\"}, {path = \"/b\"}]\r\n");
  EXPECT_EQ(config.fido.pin_cache, std::chrono::seconds(90));
  EXPECT_EQ(config.fido.sockets.size(), 2U);
  EXPECT_EQ(load("[prompt]\nprogram = \"askpass\"").prompt.program, Program::askpass);
}

TEST_F(ConfigTest, NamesWhatIsUnknownAndWhere) {
  EXPECT_EQ(fault_of("\nfidoo = 1"), "2: fidoo is unknown; see fob-agent.toml(5)");
  EXPECT_EQ(fault_of("[prompt]\nprogramm = 'askpass'"), "2: prompt.programm is unknown; see fob-agent.toml(5)");
  EXPECT_EQ(fault_of("[fido]\n\n\npin_cash = '5m'"), "4: fido.pin_cash is unknown; see fob-agent.toml(5)");
  EXPECT_EQ(fault_of("[[fido.socket]]\npath='/a'\n[[fido.socket]]\npath='/b'\nmode=1"),
            "5: fido.socket.mode is unknown; see fob-agent.toml(5)");
  EXPECT_EQ(fault_of("[\"a\\u001b[2J\"]"), "1: a?[2J is unknown; see fob-agent.toml(5)") << "fit for a terminal";
}

TEST_F(ConfigTest, NamesWhatHasAWrongTypeAndWhere) {
  EXPECT_EQ(fault_of("[fido]\npin_cache = 300"), "2: fido.pin_cache: wanted a string in quotes");
  EXPECT_EQ(fault_of("[prompt]\nnotifications = 'no'"), "2: prompt.notifications: wanted true or false");
  EXPECT_EQ(fault_of("prompt = 'askpass'"), "1: prompt: wanted a section [prompt]");
  EXPECT_EQ(fault_of("[fido.socket]\npath = '/a'"), "1: fido.socket: wanted sections [[fido.socket]]");
  EXPECT_EQ(fault_of("[fido]\nsocket = [1]"), "2: fido.socket is a list of values, wanted sections [[fido.socket]]");
  EXPECT_EQ(fault_of("[[vault]]\npath = '/a'"), "1: vault: wanted a section [vault]");
}

TEST_F(ConfigTest, NamesWhatHasAWrongValueAndWhere) {
  EXPECT_EQ(fault_of("[fido]\npin_cache = 'soon'"), "2: fido.pin_cache is \"soon\", wanted a time such as \"5m\"");
  EXPECT_EQ(fault_of("[fido]\npin_cache = ''"), "2: fido.pin_cache is \"\", wanted a time such as \"5m\"");
  EXPECT_EQ(fault_of("[fido]\npin_cache = '-5'"), "2: fido.pin_cache is \"-5\", wanted a time such as \"5m\"");
  EXPECT_EQ(fault_of("[prompt]\nprogram = 'zenity'"),
            "2: prompt.program is \"zenity\", wanted \"askpass\" or \"pinentry\"");
  EXPECT_EQ(fault_of("[prompt]\npinentry = 'pinentry'"), "2: prompt.pinentry is \"pinentry\", wanted a path from /");
  EXPECT_EQ(fault_of("[vault]\nlock_on = ['sleep', 'lid']"),
            "2: vault.lock_on: wanted a list of \"SIGUSR1\" \"agent-lock\" \"idle\" \"screen-lock\" \"sleep\"");
  EXPECT_EQ(fault_of("[vault]\npath = '~/keys'"), "2: vault.path is \"~/keys\", wanted a path from /");
  EXPECT_EQ(fault_of("[vault]\npath = ''"), "2: vault.path is \"\", wanted a path from /");
  EXPECT_EQ(fault_of("[vault]\npath = \"/a\\u0000b\""), "2: vault.path holds a control character");
  EXPECT_EQ(fault_of("\n[[fido.socket]]\nname = 'x'"), "2: fido.socket.path is missing");
  EXPECT_EQ(fault_of("[[fido.socket]]\npath='/a'\n[[fido.socket]]\npath='/a'"), "4: fido.socket.path is given twice");
}

TEST_F(ConfigTest, SaysWhereItIsNotToml) {
  for (const char* text : {"\n[fido", "\nkey", "\n= 1", "\na = 'x", "\na = 1\na = 2", "\na = \xff",
                           "\na = \"\xc3\x28\"", "\na = \x01", "\na = 99999999999999999999", "\n[a]\n[a]"}) {
    const std::string fault = fault_of(text);
    EXPECT_NE(fault.find("not TOML: "), std::string::npos) << text << fault;
    EXPECT_GE(fault[0], '2') << fault;
  }
  EXPECT_NE(fault_of(std::string(4, '\0')), "no error");
}

TEST_F(ConfigTest, OfGarbageIsAnErrorAndNoCrash) {
  const unsigned seed = std::random_device()();
  std::mt19937 random(seed);
  const std::string sound =
      "[fido]\npin_cache = \"5m\"\n[[fido.socket]]\npath = \"/a\"\n[prompt]\nnotifications = "
      "true\n[vault]\npath='/b'\n";
  std::size_t refused = 0;
  for (int round = 0; round < 500; ++round) {
    std::string text = sound;
    for (int i = 0; i <= round % 5; ++i) text[random() % text.size()] = static_cast<char>(random() & 0xff);
    try {
      load(text);
    } catch (const Error& error) {
      ++refused;
      ASSERT_EQ(error.code(), Errc::malformed) << "seed " << seed << ": " << error.what();
    }
  }
  EXPECT_GT(refused, 250U);
  for (const std::string& text : {std::string(4000, '['), std::string(4000, '{'), "a=" + std::string(4000, '['),
                                  "a=" + std::string(4000, '{'), "a" + std::string(4000, '.')}) {
    EXPECT_NE(fault_of(text), "no error");
  }
}

TEST_F(ConfigTest, OfADeepTreeIsRefused) {
  std::string dotted = "a";
  for (int i = 0; i < 2000; ++i) dotted += ".a";
  EXPECT_EQ(fault_of(dotted + " = 1"), "1: a is unknown; see fob-agent.toml(5)");
  EXPECT_EQ(fault_of("[" + dotted + "]"), "1: a is unknown; see fob-agent.toml(5)");
  EXPECT_EQ(fault_of("\n\n" + dotted + dotted + "=1\n"), "3: line of 8004 bytes, at most 4096 are allowed");
}

TEST_F(ConfigTest, RefusesFilesThatOthersMayHaveWritten) {
  write_file(path_, "");
  for (const unsigned mode : {0620U, 0602U, 0666U}) {
    chmod(path_.c_str(), mode);
    EXPECT_EQ(error_of([&] { load_config(path_); }), Errc::refused) << mode;
  }
  chmod(path_.c_str(), 0644);
  EXPECT_NO_THROW(load_config(path_));
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(chown(path_.c_str(), 65534, 65534), 0);
  EXPECT_EQ(error_of([&] { load_config(path_); }), Errc::refused);
}

TEST_F(ConfigTest, RefusesWhatIsNoFileOrTooLarge) {
  EXPECT_EQ(error_of([&] { load_config(directory_.path()); }), Errc::refused);
  EXPECT_EQ(error_of([&] { load_config("/dev/null"); }), Errc::refused);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(error_of([&] { load_config(path_); }), Errc::refused) << "and does not wait for a writer";
  std::filesystem::remove(path_);
  EXPECT_NO_THROW(load(std::string(64 * 1024, '\n')));
  EXPECT_EQ(error_of([&] { load(std::string(64 * 1024 + 1, '\n')); }), Errc::too_large);
}

TEST_F(ConfigTest, FollowsASymbolicLink) {
  write_file(directory_.file("real"), "[fido]\npin_cache='9'");
  std::filesystem::create_symlink(directory_.file("real"), path_);
  EXPECT_EQ(load_config(path_).fido.pin_cache, std::chrono::seconds(9)) << "as dotfile managers make them";
}

TEST_F(ConfigTest, MustBeThereIfItIsNamed) {
  EXPECT_EQ(error_of([&] { load_config(path_); }), Errc::system);
  EXPECT_EQ(error_of([&] { load_config(directory_.file("a/b")); }), Errc::system);
}

TEST_F(ConfigTest, IsFoundInItsDefaultPlaceAndMayBeMissingThere) {
  const Variable home("HOME", directory_.path().c_str());
  const Variable none("XDG_CONFIG_HOME", nullptr);
  expect_defaults(load_config(""));
  std::filesystem::create_directories(directory_.file(".config/fob"));
  expect_defaults(load_config(""));
  write_file(directory_.file(".config/fob/agent.toml"), "[fido]\npin_cache='1'");
  EXPECT_EQ(load_config("").fido.pin_cache, std::chrono::seconds(1));
  std::filesystem::create_directories(directory_.file("xdg/fob"));
  write_file(directory_.file("xdg/fob/agent.toml"), "[fido]\npin_cache='2'");
  const Variable xdg("XDG_CONFIG_HOME", directory_.file("xdg").c_str());
  EXPECT_EQ(load_config("").fido.pin_cache, std::chrono::seconds(2));
  write_file(directory_.file("xdg/fob/agent.toml"), "x");
  EXPECT_EQ(error_of([&] { load_config(""); }), Errc::malformed);
  write_file(path_, "[fido]\npin_cache='3'");
  EXPECT_EQ(load_config(path_).fido.pin_cache, std::chrono::seconds(3)) << "the named one only";
}

}  // namespace
}  // namespace fob
