// ssh-add -s and -e: which keys come, which libraries may be loaded, and from where.

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/pkcs11/rig.h"

namespace fob {
namespace {

using Comments = std::vector<std::string>;

struct AddingRig : Pkcs11Rig {
  explicit AddingRig(Options options = {}) : Pkcs11Rig(std::move(options)) {
    hsm().add_token("one");
    hsm().generate("one", {KeyKind::ecdsa_p256, "first", 1});
    hsm().generate("one", {KeyKind::ed25519, "second", 2});
    start();
  }
  Comments comments() { return Client(daemon()).comments(); }
  std::string loads() const { return read_file(directory().file("telltale")); }
};

/// A connection that came through ssh's agent forwarding.
Client forwarded(const Daemon& daemon) {
  Client out(daemon);
  EXPECT_EQ(out.bind(TestKey::any(KeyKind::ed25519), "session", true), MessageType::success);
  return out;
}

TEST(AddToken, BringsItsKeysWithTheirLabels) {
  AddingRig rig;
  ASSERT_TRUE(rig.add()) << rig.daemon().log();
  EXPECT_EQ(rig.comments(), (Comments{"first", "second"}));
  EXPECT_TRUE(rig.signs("first"));
  EXPECT_TRUE(rig.signs("second"));
}

TEST(AddToken, WithoutLabelIsCalledAsItsLibrary) {
  AddingRig rig;
  rig.hsm().generate("one", {KeyKind::ecdsa_p384, "", 3});
  ASSERT_TRUE(rig.add());
  EXPECT_EQ(rig.comments(), (Comments{"first", "second", rig.module()}));
}

TEST(AddToken, AgainReplacesConstraintsAndKeepsThePlaces) {
  AddingRig rig;
  Constraints short_lived;
  short_lived.lifetime_seconds = 1;
  ASSERT_TRUE(rig.add("1234", short_lived));
  ASSERT_TRUE(rig.add()) << "it succeeds though all keys are there";
  pause_for(std::chrono::milliseconds(1600));
  EXPECT_EQ(rig.comments(), (Comments{"first", "second"}));
}

/// Which keys there are everybody can read: only who has the PIN may loosen what binds them.
TEST(AddToken, AgainWithoutThePinLeavesConstraintsAsTheyAre) {
  AddingRig rig;
  Constraints confirmed;
  confirmed.confirm = true;
  ASSERT_TRUE(rig.add("1234", confirmed));
  EXPECT_TRUE(rig.add(""));
  EXPECT_FALSE(rig.signs("first"));
  EXPECT_NE(rig.dialogs().find("Allow use of key first?"), std::string::npos);
}

TEST(AddToken, LeavesASoftwareKeyThatIsTheSameAlone) {
  AddingRig rig;
  ASSERT_TRUE(rig.add());
  const PublicKey key = rig.key("first");
  Client client(rig.daemon());
  ASSERT_TRUE(client.add(TestKey::any(KeyKind::ed25519), "software"));
  EXPECT_TRUE(rig.add());
  EXPECT_EQ(rig.comments(), (Comments{"first", "second", "software"}));
  EXPECT_TRUE(equal(rig.key("first").blob, key.blob));
}

TEST(RemoveToken, TakesItsKeysAway) {
  AddingRig rig;
  Client client(rig.daemon());
  ASSERT_TRUE(client.add(TestKey::any(KeyKind::rsa), "software"));
  ASSERT_TRUE(rig.add());
  ASSERT_TRUE(rig.remove());
  EXPECT_EQ(rig.comments(), Comments{"software"});
  EXPECT_FALSE(rig.remove()) << "there is nothing left";
  EXPECT_TRUE(rig.host_is_ended()) << "what was logged in has ended";
  EXPECT_FALSE(client.succeeds(RemoveSmartcardKey{"/no/such/library.so", {}}));
}

TEST(RemoveToken, ByAnotherNameOfTheSameFile) {
  AddingRig rig;
  ASSERT_TRUE(rig.add());
  const std::string link = rig.directory().file("link.so");
  ASSERT_EQ(symlink(rig.module().c_str(), link.c_str()), 0);
  EXPECT_TRUE(Client(rig.daemon()).succeeds(RemoveSmartcardKey{link, {}}));
  EXPECT_EQ(rig.comments(), Comments{});
}

TEST(Provider, IsNeverLoadedIntoTheAgent) {
  AddingRig rig;
  ASSERT_TRUE(rig.add());
  EXPECT_TRUE(rig.signs("first"));
  ASSERT_NE(rig.loads(), "") << "it was loaded somewhere";
  EXPECT_EQ(rig.loads().find("fob-agent"), std::string::npos) << rig.loads();
  EXPECT_EQ(rig.loads().find(std::to_string(rig.daemon().pid()) + " "), std::string::npos) << rig.loads();
  EXPECT_NE(rig.loads().find("fob-token-host"), std::string::npos);
}

TEST(Provider, OutsideTheListIsNotLoadedWhateverNamesIt) {
  AddingRig rig;
  const std::string outside = rig.directory().file("outside.so");
  std::filesystem::copy_file(rig.module(), outside);
  // In the folder that is allowed there is but a name of it.
  const std::string inside = rig.directory().file("lib");
  ASSERT_EQ(symlink(outside.c_str(), (inside + "/link.so").c_str()), 0);
  std::filesystem::create_directory(inside + "/folder");
  ASSERT_EQ(symlink((inside + "/link.so").c_str(), (inside + "/link2.so").c_str()), 0);
  Client client(rig.daemon());
  for (const std::string& path :
       {outside, inside + "/link.so", inside + "/link2.so", inside + "/../outside.so",
        inside + "/folder/../../outside.so", inside + "//..//outside.so", inside + "/./../outside.so",
        std::string("/proc/self/cwd") + outside, inside + "/no-such.so", inside, std::string(), std::string("."),
        std::string("internal"), std::string("module.so"), inside + "/module.so/", inside + "/module.so\n"}) {
    EXPECT_FALSE(rig.add(client, path, "1234")) << path;
  }
  EXPECT_EQ(rig.loads(), "");
  EXPECT_EQ(rig.comments(), Comments{});
}

TEST(Provider, ThatOthersCouldReplaceIsNotLoaded) {
  AddingRig rig;
  Client client(rig.daemon());
  ASSERT_EQ(chmod(rig.module().c_str(), 0666), 0);
  EXPECT_FALSE(rig.add(client, rig.module(), "1234"));
  EXPECT_TRUE(rig.daemon().logs("everybody can write"));
  ASSERT_EQ(chmod(rig.module().c_str(), 0600), 0);
  ASSERT_EQ(chmod(rig.directory().file("lib").c_str(), 0777), 0);
  EXPECT_FALSE(rig.add(client, rig.module(), "1234"));
  EXPECT_EQ(rig.loads(), "");
  ASSERT_EQ(chmod(rig.directory().file("lib").c_str(), 0700), 0);
  EXPECT_TRUE(rig.add(client, rig.module(), "1234")) << rig.daemon().log();
}

TEST(Provider, DefaultListHasSystemFoldersOnly) {
  Pkcs11Rig::Options options;
  options.allow_module = false;
  AddingRig rig(options);
  EXPECT_FALSE(rig.add());
  EXPECT_EQ(rig.loads(), "");
  Client client(rig.daemon());
  EXPECT_TRUE(rig.add(client, SoftHsm::library(), "1234")) << rig.daemon().log();
}

TEST(Provider, IsNotAddedByAForwardedClient) {
  AddingRig rig;
  Client remote = forwarded(rig.daemon());
  EXPECT_FALSE(rig.add(remote, rig.module(), "1234"));
  EXPECT_TRUE(rig.daemon().logs("allow-remote-pkcs11"));
  EXPECT_EQ(rig.loads(), "");
}

TEST(Provider, IsNotAddedAfterABindThatFailed) {
  AddingRig rig;
  Client client(rig.daemon());
  Extension bind{"session-bind@openssh.com", as_bytes("nonsense")};
  client.request(bind);
  EXPECT_FALSE(rig.add(client, rig.module(), "1234")) << "it tried to say that it is forwarded, perhaps";
  EXPECT_EQ(rig.loads(), "");
}

TEST(Provider, IsAddedByAForwardedClientWhereThatIsAllowed) {
  Pkcs11Rig::Options options;
  options.arguments = {"-O", "allow-remote-pkcs11"};
  AddingRig rig(options);
  Client remote = forwarded(rig.daemon());
  EXPECT_TRUE(rig.add(remote, rig.module(), "1234")) << rig.daemon().log();
  EXPECT_TRUE(remote.succeeds(RemoveSmartcardKey{rig.module(), {}}));
}

TEST(Provider, OfALocalClientIsNotRemovedByAForwardedOne) {
  AddingRig rig;
  ASSERT_TRUE(rig.add());
  Client remote = forwarded(rig.daemon());
  EXPECT_FALSE(remote.succeeds(RemoveSmartcardKey{rig.module(), {}}));
  EXPECT_EQ(rig.comments(), (Comments{"first", "second"}));
  EXPECT_TRUE(rig.signs("first"));
  EXPECT_EQ(rig.pin_dialogs(), 0U) << "it is logged in still";
}

TEST(Provider, ThatIsNoModuleIsRefused) {
  AddingRig rig;
  const std::string text = rig.directory().file("lib") + "/text.so";
  write_file(text, "not a library");
  Client client(rig.daemon());
  EXPECT_FALSE(rig.add(client, text, "1234"));
  EXPECT_TRUE(rig.daemon().logs("text.so"));
  EXPECT_TRUE(rig.add()) << "another is not harmed";
}

TEST(Provider, IsNotAddedWhileTheAgentIsLocked) {
  AddingRig rig;
  Client client(rig.daemon());
  ASSERT_TRUE(client.lock("secret"));
  EXPECT_FALSE(rig.add());
  EXPECT_FALSE(rig.remove());
  EXPECT_EQ(rig.loads(), "");
}

TEST(Provider, WithoutTokenOrKeysIsRefusedWithTheReason) {
  Pkcs11Rig rig;
  rig.start();
  EXPECT_FALSE(rig.add());
  EXPECT_TRUE(rig.daemon().logs("no token")) << rig.daemon().log();
  rig.hsm().add_token("empty");
  EXPECT_FALSE(rig.add());
  EXPECT_TRUE(rig.daemon().logs("no key")) << rig.daemon().log();
}

}  // namespace
}  // namespace fob
