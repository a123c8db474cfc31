#include <gtest/gtest.h>

#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"
#include "tests/daemon/session.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

const TestKey& local_key() { return TestKey::any(KeyKind::ed25519); }
const TestKey& remote_key() { return TestKey::any(KeyKind::ecdsa_p384); }
const TestKey& server() { return TestKey::any(KeyKind::ecdsa_p256); }

/// A connection that came through ssh's agent forwarding to the host of this session.
Client forwarded(const Daemon& daemon, std::string_view session = "session") {
  Client client(daemon);
  EXPECT_EQ(client.bind(server(), session, true), MessageType::success);
  return client;
}

using Comments = std::vector<std::string>;

TEST(Remote, ClientMayListAndSign) {
  Daemon daemon;
  ASSERT_TRUE(Client(daemon).add(local_key(), "local"));
  Client remote = forwarded(daemon);
  EXPECT_EQ(remote.comments(), Comments{"local"});
  EXPECT_TRUE(remote.sign(local_key().blob(), as_bytes("data")));
}

TEST(Remote, ClientMayAddUseReplaceAndRemoveItsOwn) {
  Daemon daemon;
  ASSERT_TRUE(Client(daemon).add(local_key(), "local"));
  Client remote = forwarded(daemon);
  ASSERT_TRUE(remote.add(remote_key(), "remote"));
  EXPECT_TRUE(remote.sign(remote_key().blob(), as_bytes("data")));
  EXPECT_TRUE(remote.add(remote_key(), "remote, renamed"));
  EXPECT_EQ(remote.comments(), (Comments{"local", "remote, renamed"}));
  EXPECT_TRUE(remote.remove(remote_key().blob()));
  EXPECT_EQ(remote.comments(), Comments{"local"});
}

TEST(Remote, ClientMayRemoveWhatAnotherConnectionOfItsSessionAdded) {
  Daemon daemon;
  ASSERT_TRUE(forwarded(daemon).add(remote_key(), "remote"));
  EXPECT_TRUE(forwarded(daemon).remove(remote_key().blob()));
}

TEST(Remote, ClientMayNotRemoveLocalKeys) {
  Daemon daemon;
  Client local(daemon);
  ASSERT_TRUE(local.add(local_key(), "local"));
  Client remote = forwarded(daemon);
  EXPECT_FALSE(remote.remove(local_key().blob()));
  EXPECT_EQ(local.comments(), Comments{"local"});
  EXPECT_TRUE(local.remove(local_key().blob()));
}

TEST(Remote, ClientMayNotReplaceLocalKeys) {
  Daemon daemon;
  Client local(daemon);
  ASSERT_TRUE(local.add(local_key(), "local"));
  Client remote = forwarded(daemon);
  Constraints lifetime;
  lifetime.lifetime_seconds = 0;
  EXPECT_FALSE(remote.add(local_key(), "replaced"));
  EXPECT_FALSE(remote.add(local_key(), "replaced", lifetime)) << "this would remove it";
  EXPECT_EQ(local.comments(), Comments{"local"});
}

TEST(Remote, ClientMayNotRemoveOrReplaceKeysOfAnotherSession) {
  Daemon daemon;
  ASSERT_TRUE(forwarded(daemon, "one").add(remote_key(), "remote"));
  Client other = forwarded(daemon, "other");
  EXPECT_FALSE(other.remove(remote_key().blob()));
  EXPECT_FALSE(other.add(remote_key(), "replaced"));
  EXPECT_FALSE(other.remove_all());
  EXPECT_EQ(other.comments(), Comments{"remote"});
}

TEST(Remote, ClientMayRemoveAllOnlyIfAllIsItsOwn) {
  Daemon daemon;
  Client local(daemon);
  Client remote = forwarded(daemon);
  ASSERT_TRUE(remote.add(remote_key(), "remote"));
  ASSERT_TRUE(local.add(local_key(), "local"));
  EXPECT_FALSE(remote.succeeds_raw(message(MessageType::remove_all_identities, {})));
  EXPECT_FALSE(remote.succeeds_raw(message(MessageType::remove_all_rsa1, {})));
  EXPECT_EQ(local.comments(), (Comments{"remote", "local"}));
  ASSERT_TRUE(local.remove(local_key().blob()));
  EXPECT_TRUE(remote.remove_all());
  EXPECT_EQ(local.comments(), Comments{});
}

TEST(Remote, ClientMayNeitherLockNorUnlock) {
  Daemon daemon;
  Client local(daemon);
  ASSERT_TRUE(local.add(local_key(), "local"));
  Client remote = forwarded(daemon);
  EXPECT_FALSE(remote.lock("its own passphrase"));
  EXPECT_EQ(local.comments(), Comments{"local"});
  ASSERT_TRUE(local.lock("passphrase"));
  EXPECT_FALSE(remote.unlock("passphrase"));
  EXPECT_EQ(local.comments(), Comments{});
  EXPECT_TRUE(local.unlock("passphrase"));
}

TEST(Remote, RefusalsAreExplainedInTheLog) {
  Daemon daemon;
  Client local(daemon);
  ASSERT_TRUE(local.add(local_key(), "local"));
  Client remote = forwarded(daemon);
  const auto is_logged = [&daemon](auto refused) {
    const std::size_t before = daemon.log().size();
    EXPECT_FALSE(refused());
    return eventually([&] { return daemon.log().size() > before; }, std::chrono::seconds(2));
  };
  EXPECT_TRUE(is_logged([&] { return remote.lock("passphrase"); }));
  EXPECT_TRUE(is_logged([&] { return remote.remove(local_key().blob()); }));
  EXPECT_TRUE(is_logged([&] { return remote.remove_all(); }));
  EXPECT_TRUE(is_logged([&] { return remote.add(local_key(), "replaced"); }));
}

TEST(Remote, LocalClientsMayDoAllToRemoteKeys) {
  Daemon daemon;
  Client local(daemon);
  ASSERT_TRUE(forwarded(daemon).add(remote_key(), "remote"));
  EXPECT_TRUE(local.add(remote_key(), "renamed"));
  EXPECT_TRUE(local.remove(remote_key().blob()));
}

TEST(Remote, ClientOfSshItselfIsLocal) {
  Daemon daemon;
  Client client(daemon);
  ASSERT_TRUE(client.add(local_key(), "local"));
  ASSERT_EQ(client.bind(server(), "session", false), MessageType::success);
  EXPECT_TRUE(client.lock("passphrase"));
  EXPECT_TRUE(client.unlock("passphrase"));
  EXPECT_TRUE(client.remove_all());
}

TEST(Remote, StaysRemoteWithALoginAtItsEnd) {
  Daemon daemon;
  Client local(daemon);
  ASSERT_TRUE(local.add(local_key(), "local"));
  Client remote = forwarded(daemon);
  ASSERT_EQ(remote.bind(TestKey::any(KeyKind::rsa), "further", false), MessageType::success);
  EXPECT_FALSE(remote.lock("passphrase"));
  EXPECT_FALSE(remote.remove_all());
}

TEST(Remote, ClientMayDoAllThisWhereTheUserAllowsIt) {
  Daemon daemon({.arguments = {"-O", "allow-remote-management"}});
  Client local(daemon);
  ASSERT_TRUE(local.add(local_key(), "local"));
  Client remote = forwarded(daemon);
  EXPECT_TRUE(remote.lock("passphrase"));
  EXPECT_TRUE(remote.unlock("passphrase"));
  EXPECT_TRUE(remote.add(local_key(), "replaced"));
  EXPECT_EQ(local.comments(), Comments{"replaced"});
  EXPECT_TRUE(remote.remove(local_key().blob()));
  ASSERT_TRUE(local.add(local_key(), "local"));
  EXPECT_TRUE(remote.remove_all());
  EXPECT_EQ(local.comments(), Comments{});
}

/// Adds of an sk key whose provider is a file that -P allows.
class ProviderDaemon {
 public:
  explicit ProviderDaemon(std::vector<std::string> arguments) : daemon_(options(std::move(arguments))) {}
  Daemon& daemon() { return daemon_; }
  bool add_through(Client& client) {
    Constraints constraints;
    constraints.sk_provider = provider();
    return client.add(TestKey::any(KeyKind::sk_ed25519), "sk", constraints);
  }
  std::string provider() const { return folder_.file("provider.so"); }

 private:
  DaemonOptions options(std::vector<std::string> arguments) const {
    write_file(provider(), "");
    arguments.insert(arguments.end(), {"-P", folder_.path() + "/*"});
    return {.arguments = std::move(arguments)};
  }
  TempDir folder_;
  Daemon daemon_;
};

TEST(RemoteProvider, OfASkKeyIsRefused) {
  ProviderDaemon agent({});
  Client remote = forwarded(agent.daemon());
  EXPECT_FALSE(agent.add_through(remote));
  EXPECT_EQ(remote.list().size(), 0U);
  Client local(agent.daemon());
  EXPECT_TRUE(agent.add_through(local)) << "a local client may";
}

TEST(RemoteProvider, NeedsMoreThanRemoteManagement) {
  ProviderDaemon agent({"-O", "allow-remote-management"});
  Client remote = forwarded(agent.daemon());
  EXPECT_FALSE(agent.add_through(remote));
}

TEST(RemoteProvider, OfASkKeyIsTakenWhereTheUserAllowsIt) {
  ProviderDaemon agent({"-O", "allow-remote-pkcs11"});
  Client remote = forwarded(agent.daemon());
  EXPECT_TRUE(agent.add_through(remote));
}

TEST(RemoteProvider, InternalIsNoProvider) {
  Daemon daemon;
  Client remote = forwarded(daemon);
  Constraints constraints;
  constraints.sk_provider = "internal";
  EXPECT_TRUE(remote.add(TestKey::any(KeyKind::sk_ed25519), "sk", constraints));
}

TEST(RemoteProvider, OfASmartcardIsRefused) {
  ProviderDaemon agent({"-O", "allow-remote-management"});
  Client remote = forwarded(agent.daemon());
  const std::size_t before = agent.daemon().log().size();
  EXPECT_FALSE(remote.succeeds(AddSmartcardKey{agent.provider(), as_bytes("1234"), {}}));
  EXPECT_TRUE(eventually([&] { return agent.daemon().log().size() > before; }));
  EXPECT_EQ(agent.daemon().log().find("1234"), std::string::npos) << "the PIN is in the log";
  EXPECT_FALSE(remote.succeeds(RemoveSmartcardKey{agent.provider(), {}}));
}

TEST(RemoteProvider, IsRefusedThoughTheBindCameWhileLocked) {
  ProviderDaemon agent({});
  Client local(agent.daemon());
  ASSERT_TRUE(local.lock("passphrase"));
  Client remote = forwarded(agent.daemon());
  ASSERT_TRUE(local.unlock("passphrase"));
  EXPECT_FALSE(agent.add_through(remote));
}

TEST(RemoteProvider, IsRefusedAfterABindThatFailed) {
  ProviderDaemon agent({});
  Client client(agent.daemon());
  ASSERT_EQ(type_of(client.request(Extension{SessionBind::name, as_bytes("malformed")})),
            MessageType::extension_failure);
  EXPECT_FALSE(agent.add_through(client)) << "as OpenSSH: it may well be remote";
}

}  // namespace
}  // namespace fob
