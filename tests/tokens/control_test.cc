// The control socket: what fob asks of the agent.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "protocol/verify.h"
#include "tests/daemon/test_key.h"
#include "tests/tokens/token_rig.h"

namespace fob {
namespace {

constexpr std::string_view data = "what is to be signed";

TEST(Control, ListsTokensWithTheirState) {
  virt::Personality small;
  small.resident_slots = 3;
  small.ed25519 = false;
  TokenRig rig({.sticks = 2, .personalities = {{}, small}});
  rig.set_pin("123456", "fido:0");
  ControlClient control(rig.daemon());
  const auto tokens = control.expect<control::Tokens>(control::ListTokens()).tokens;
  ASSERT_EQ(tokens.size(), 2U);
  EXPECT_EQ(tokens[0].id, "fido:0");
  EXPECT_EQ(tokens[0].product, "stick 0");
  EXPECT_EQ(tokens[0].fault, "");
  EXPECT_TRUE(tokens[0].info.is_fido2);
  EXPECT_TRUE(tokens[0].info.pin_set);
  EXPECT_EQ(tokens[0].info.pin_tries, 8U);
  EXPECT_EQ(tokens[0].info.key_kinds.size(), 2U);
  EXPECT_EQ(tokens[0].info.aaguid, virt::Personality().aaguid);
  EXPECT_EQ(tokens[0].info.firmware, virt::Personality().firmware);
  EXPECT_FALSE(tokens[1].info.pin_set);
  EXPECT_EQ(tokens[1].info.resident_left, 3U);
  EXPECT_EQ(tokens[1].info.key_kinds, std::vector<KeyKind>{KeyKind::sk_ecdsa_p256});
}

TEST(Control, NamesATokenOnlyWhereItIsClear) {
  TokenRig rig({.sticks = 2});
  ControlClient control(rig.daemon());
  EXPECT_NE(control.failure(rig.wish("key")).find("fido:0, fido:1"), std::string::npos);
  control::NewKey wish = rig.wish("key");
  wish.on = "fido:7";
  EXPECT_NE(control.failure(wish).find("no token fido:7"), std::string::npos);
  wish.on = "fido:1";
  EXPECT_EQ(control.failure(wish), "");
}

TEST(Control, KeepsNamesApart) {
  TokenRig rig;
  rig.generate(rig.wish("key"));
  ControlClient control(rig.daemon());
  const unsigned touches = rig.stick().status().touch_requests;
  EXPECT_NE(control.failure(rig.wish("key")).find("already"), std::string::npos);
  EXPECT_EQ(rig.stick().status().touch_requests, touches) << "refused before any touch";
}

TEST(Control, KeepsSeveralKeysOfOneToken) {
  TokenRig rig;
  rig.generate(rig.wish("one"));
  rig.generate(rig.wish("two"));
  ControlClient control(rig.daemon());
  EXPECT_EQ(control.expect<control::Keys>(control::ListKeys()).keys.size(), 2U);
}

TEST(Control, RefusesWebApplications) {
  TokenRig rig;
  ControlClient control(rig.daemon());
  control::NewKey wish = rig.wish("key");
  wish.application = "example.org";
  EXPECT_NE(control.failure(wish), "");
  EXPECT_EQ(rig.stick().status().touch_requests, 0U);
}

TEST(Control, ShowsKeptKeysAndThoseInMemory) {
  TokenRig rig;
  control::NewKey wish = rig.wish("work");
  const PublicKey key = rig.generate(wish);
  Client client(rig.daemon());
  ASSERT_TRUE(client.add(TestKey::any(KeyKind::ed25519), "in memory"));
  ControlClient control(rig.daemon());
  const auto keys = control.expect<control::Keys>(control::ListKeys()).keys;
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[0].name, "work");
  EXPECT_EQ(keys[0].where, "fido");
  EXPECT_EQ(keys[0].sk_flags, 0x01);
  EXPECT_EQ(keys[0].public_key.blob, key.blob);
  EXPECT_TRUE(keys[0].loaded);
  EXPECT_EQ(keys[1].name, "");
  EXPECT_EQ(keys[1].where, "memory");
  EXPECT_EQ(keys[1].comment, "in memory");
  client.remove_all();
  EXPECT_FALSE(control.expect<control::Keys>(control::ListKeys()).keys.at(0).loaded);
}

TEST(Control, RemovesAKeyForGood) {
  TokenRig rig;
  rig.generate(rig.wish("key"));
  ControlClient control(rig.daemon());
  EXPECT_NE(control.failure(control::RemoveKey{"key", true}).find("not resident"), std::string::npos);
  control.expect<control::Done>(control::RemoveKey{"key", false});
  EXPECT_TRUE(control.expect<control::Keys>(control::ListKeys()).keys.empty());
  EXPECT_TRUE(Client(rig.daemon()).list().empty());
  EXPECT_NE(control.failure(control::RemoveKey{"key", false}).find("no key called key"), std::string::npos);
}

TEST(Control, ExportsWhatImportTakes) {
  TokenRig rig;
  const PublicKey key = rig.generate(rig.wish("key"));
  ControlClient control(rig.daemon());
  auto exported = control.expect<control::Exported>(control::ExportKey{"key"});
  EXPECT_EQ(exported.comment, "key comment");
  control::ImportKey import;
  import.name = "second";
  import.comment = "comment";
  import.key = {exported.key.public_key, SecretBytes(exported.key.secret.view())};
  const control::Request again = std::move(import);
  EXPECT_NE(control.failure(again).find("kept already, as key"), std::string::npos);
  control.expect<control::Done>(control::RemoveKey{"key", false});
  control.expect<control::Kept>(again);
  const auto signature = Client(rig.daemon()).sign(key.blob, as_bytes(data));
  ASSERT_TRUE(signature);
  EXPECT_NO_THROW(verify_signature(key, *signature, as_bytes(data)));
}

TEST(Control, ManagesResidentKeys) {
  TokenRig rig;
  rig.set_pin("123456");
  control::NewKey wish = rig.wish("resident");
  wish.resident = true;
  wish.application = "ssh:work";
  wish.user = "alice";
  const PublicKey key = rig.generate(wish, "123456");
  ControlClient control(rig.daemon());
  const auto list = [&] {
    control.will_type("123456");
    return control.expect<control::Residents>(control::ListResident{"fido"}).keys;
  };
  auto found = list();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].public_key.blob, key.blob);
  EXPECT_EQ(found[0].user, "alice");
  control.will_type("123456");
  control.expect<control::Done>(control::RenameResident{"fido", found[0].key_handle, "bob"});
  EXPECT_EQ(list().at(0).user, "bob");
  control.will_type("123456");
  const std::string taken = control.failure([&] {
    control::NewKey same = wish;
    same.name = "other";
    return same;
  }());
  EXPECT_NE(taken, "") << "an existing credential is not overwritten";
  control.will_type("123456");
  control.expect<control::Done>(control::RemoveKey{"resident", true});
  EXPECT_TRUE(list().empty());
}

TEST(Control, ResetsATokenOnlyWhenItsNameIsTyped) {
  TokenRig rig;
  rig.set_pin("123456");
  ControlClient control(rig.daemon());
  for (const char* wrong : {"", "yes", "fido", "fido:1"}) {
    control.will_type(wrong);
    EXPECT_NE(control.failure(control::ResetToken{"fido"}), "") << wrong;
  }
  EXPECT_TRUE(control.expect<control::Tokens>(control::ListTokens()).tokens.at(0).info.pin_set);
  control.will_type("fido:0");
  control.expect<control::Done>(control::ResetToken{"fido"});
  EXPECT_FALSE(control.expect<control::Tokens>(control::ListTokens()).tokens.at(0).info.pin_set);
}

TEST(Control, ServesNothingButTokensWhileLocked) {
  TokenRig rig;
  rig.generate(rig.wish("key"));
  Client client(rig.daemon());
  ASSERT_TRUE(client.lock("x"));
  ControlClient control(rig.daemon());
  control.expect<control::Tokens>(control::ListTokens());
  for (const char* name : {"list", "export", "new"}) {
    control::Request request = control::ListKeys();
    if (name == std::string_view("export")) request = control::ExportKey{"key"};
    if (name == std::string_view("new")) request = rig.wish("other");
    EXPECT_NE(control.failure(request).find("locked"), std::string::npos) << name;
  }
  ASSERT_TRUE(client.unlock("x"));
}

TEST(Control, SocketIsForItsUserOnlyAndGoesWithTheAgent) {
  std::string path;
  {
    Daemon daemon;
    path = daemon.socket() + ".control";
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    EXPECT_EQ(daemon.stop(SIGTERM), 2);
    EXPECT_FALSE(exists(path));
  }
}

TEST(Control, AnswerWithoutAQuestionIsRefused) {
  TokenRig rig({.sticks = 0});
  ControlClient control(rig.daemon());
  control::Answer stray;
  stray.given = true;
  EXPECT_NE(control.failure(control::Request(std::move(stray))), "");
}

TEST(Control, OfAFobThatEndsWhileItIsAskedIsLoggedAsThat) {
  TokenRig rig;
  ControlClient control(rig.daemon());
  control.send(control::ResetToken{"fido"});  // asks for the token's name
  control.close();
  EXPECT_TRUE(rig.daemon().logs("fob: ended before it was answered\n"));
}

TEST(Control, KeysLastAcrossRestarts) {
  const TempDir directory;
  const std::string home = "XDG_DATA_HOME=" + directory.path();
  const std::string config = directory.file("agent.toml");
  write_file(config, "[[fido.socket]]\npath = \"" + directory.file("token") + "\"\n");
  Stick stick(directory.file("token"));
  PublicKey key;
  for (int run = 0; run < 3; ++run) {
    Daemon daemon({.arguments = {"-O", "config=" + config}, .environment = {home}});
    stick.plug_in();
    ControlClient control(daemon);
    if (run == 0) {
      control::NewKey wish;
      wish.name = "lasting";
      wish.on = "fido";
      wish.application = "ssh:";
      wish.comment = "a comment";
      ASSERT_TRUE(eventually([&] { return !control.expect<control::Tokens>(control::ListTokens()).tokens.empty(); }));
      key = control.expect<control::Kept>(wish).key.public_key;
    }
    ASSERT_TRUE(eventually([&] { return !control.expect<control::Tokens>(control::ListTokens()).tokens.empty(); }));
    Client client(daemon);
    EXPECT_EQ(client.comments(), std::vector<std::string>{"a comment"});
    const auto signature = client.sign(key.blob, as_bytes(data));
    ASSERT_TRUE(signature) << "run " << run;
    EXPECT_NO_THROW(verify_signature(key, *signature, as_bytes(data)));
  }
}

TEST(Control, AsksForNoTouchWhereTheKeyCannotBeKept) {
  TokenRig first;
  first.generate(first.wish("key"));
  TokenRig second({.data_home = first.directory().file("data")});
  ControlClient control(second.daemon());
  EXPECT_NE(control.failure(second.wish("other")).find("in use"), std::string::npos);
  EXPECT_EQ(second.stick().status().touch_requests, 0U);
}

TEST(Control, ReplacesNoResidentKeyThatATokenWithoutPinHides) {
  TokenRig rig;
  ControlClient control(rig.daemon());
  control::NewKey wish = rig.wish("resident");
  wish.resident = true;
  EXPECT_NE(control.failure(wish).find("fob pin set"), std::string::npos);
  EXPECT_EQ(rig.stick().status().touch_requests, 0U);
  wish.replace = true;
  EXPECT_EQ(control.failure(wish), "");
}

TEST(Control, RefusesAKeyWithoutTouchOnATokenThatAlwaysWantsOne) {
  virt::Personality old;
  old.ctap2 = false;
  TokenRig rig({.personalities = {old}});
  ControlClient control(rig.daemon());
  control::NewKey wish = rig.wish("quiet");
  wish.no_touch = true;
  EXPECT_NE(control.failure(wish), "");
  EXPECT_EQ(rig.stick().status().touch_requests, 0U);
}

TEST(Control, ServesNoProgramThatTheAgentStarted) {
  TokenRig rig;
  rig.set_pin("123456");
  control::NewKey wish = rig.wish("verified");
  wish.verify_required = true;
  const PublicKey key = rig.generate(wish, "123456");
  const std::string script = "import socket; s = socket.socket(socket.AF_UNIX); s.connect('" + rig.daemon().socket() +
                             ".control'); s.sendall(bytes([0, 0, 0, 1, 1])); print(len(s.recv(9)))";
  rig.set_askpass("python3 -c \"" + script + "\" > $DIR/got 2>&1; exit 1");
  Client(rig.daemon()).sign(key.blob, as_bytes(data));
  EXPECT_TRUE(rig.daemon().logs("refused a control connection of python3"));
  EXPECT_EQ(read_file(rig.directory().file("got")).find("9"), std::string::npos);
}

TEST(Control, GivesTokensPlainNames) {
  const TempDir directory;
  const std::string config = directory.file("agent.toml");
  write_file(config, "[[fido.socket]]\npath = \"" + directory.file("token") + "\"\nserial = \"a`b`$(c) d\"\n");
  Daemon daemon({.arguments = {"-O", "config=" + config}});
  Stick stick(directory.file("token"));
  stick.plug_in();
  ControlClient control(daemon);
  const auto tokens = [&] { return control.expect<control::Tokens>(control::ListTokens()).tokens; };
  ASSERT_TRUE(eventually([&] { return !tokens().empty(); }));
  EXPECT_EQ(tokens()[0].id, "fido:a_b___c__d");
}

TEST(Control, ASecondAgentIsToldThatTheStoreIsInUse) {
  TokenRig rig;
  rig.generate(rig.wish("key"));
  Daemon second({.environment = {"XDG_DATA_HOME=" + rig.directory().file("data")}});
  EXPECT_TRUE(second.logs("in use")) << second.log();
  EXPECT_TRUE(Client(second).list().empty());
}

}  // namespace
}  // namespace fob
