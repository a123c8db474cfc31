#include <gtest/gtest.h>

#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"
#include "tests/daemon/session.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

/// The key that is constrained, and the hosts of these tests.
const TestKey& key() { return TestKey::any(KeyKind::ed25519); }
const TestKey& server() { return TestKey::any(KeyKind::ecdsa_p256); }
const TestKey& stranger() { return TestKey::any(KeyKind::ecdsa_p384); }

constexpr std::string_view session = "session identifier";

/// A daemon with `key()` constrained, and beside it a free key.
class ConstrainedDaemon {
 public:
  explicit ConstrainedDaemon(std::vector<DestinationConstraint> list) {
    Client owner(daemon_);
    EXPECT_TRUE(owner.add(key(), "constrained", destinations(std::move(list))));
    EXPECT_TRUE(owner.add(stranger(), "free"));
  }
  operator const Daemon&() const { return daemon_; }  // NOLINT: it stands for its daemon

 private:
  Daemon daemon_;
};

ConstrainedDaemon for_server(std::string_view user = "") {
  return ConstrainedDaemon({from_origin(host("server", server().public_key(), user))});
}

bool is_listed(Client& client) { return client.comments() == std::vector<std::string>{"constrained", "free"}; }
bool is_hidden(Client& client) { return client.comments() == std::vector<std::string>{"free"}; }

bool logs_in(Client& client, std::string_view user, std::string_view session_id = session) {
  return client.sign(key().blob(), login(key().public_key(), session_id, user)).has_value();
}
bool logs_in_hostbound(Client& client, std::string_view user, const TestKey& to,
                       std::string_view session_id = session) {
  const Bytes data = hostbound_login(key().public_key(), session_id, user, to.public_key());
  return client.sign(key().blob(), data).has_value();
}

TEST(Destination, KeyIsListedToLocalClients) {
  const auto daemon = for_server();
  Client client(daemon);
  EXPECT_TRUE(is_listed(client));
}

TEST(Destination, KeySignsNothingOnAnUnboundConnection) {
  const auto daemon = for_server();
  Client client(daemon);
  EXPECT_FALSE(logs_in(client, "alice"));
  EXPECT_FALSE(logs_in_hostbound(client, "alice", server()));
  EXPECT_FALSE(client.sign(key().blob(), as_bytes("data")));
  EXPECT_TRUE(client.sign(stranger().blob(), as_bytes("data"))) << "the other key is free";
}

TEST(Destination, KeyLogsInAtItsHost) {
  const auto daemon = for_server();
  Client client(daemon);
  ASSERT_EQ(client.bind(server(), session, false), MessageType::success);
  EXPECT_TRUE(is_listed(client));
  EXPECT_TRUE(logs_in(client, "alice")) << "on the first hop the host key may be missing";
  EXPECT_TRUE(logs_in_hostbound(client, "alice", server()));
}

TEST(Destination, KeyIsHiddenFromOtherHostsAndDoesNotLogInThere) {
  const auto daemon = for_server();
  Client client(daemon);
  ASSERT_EQ(client.bind(stranger(), session, false), MessageType::success);
  EXPECT_TRUE(is_hidden(client));
  EXPECT_FALSE(logs_in(client, "alice"));
  EXPECT_FALSE(logs_in_hostbound(client, "alice", stranger()));
  EXPECT_FALSE(logs_in_hostbound(client, "alice", server()));
}

TEST(Destination, KeySignsOnlyLoginsOfItsOwn) {
  const auto daemon = for_server();
  Client client(daemon);
  ASSERT_EQ(client.bind(server(), session, false), MessageType::success);
  EXPECT_FALSE(client.sign(key().blob(), as_bytes("data")));
  EXPECT_FALSE(client.sign(key().blob(), {}));
  EXPECT_FALSE(client.sign(key().blob(), sshsig_message()));
  EXPECT_FALSE(client.sign(key().blob(), login(stranger().public_key(), session, "alice"))) << "of another key";
  Bytes with_more = login(key().public_key(), session, "alice");
  with_more.push_back(0);
  EXPECT_FALSE(client.sign(key().blob(), with_more));
}

TEST(Destination, KeySignsOnlyForTheService) {
  const auto daemon = for_server();
  Client client(daemon);
  ASSERT_EQ(client.bind(server(), session, false), MessageType::success);
  for (const std::string_view service : {"ssh-connection", "ssh-userauth", "other"}) {
    Writer data;
    data.string(session).u8(50).string("alice").string(service).string("publickey").boolean(true);
    data.string("ssh-ed25519").string(key().blob());
    EXPECT_EQ(client.sign(key().blob(), data.bytes()).has_value(), service == "ssh-connection") << service;
  }
}

TEST(Destination, KeySignsOnlyForTheBoundSession) {
  const auto daemon = for_server();
  Client client(daemon);
  ASSERT_EQ(client.bind(server(), session, false), MessageType::success);
  EXPECT_FALSE(logs_in(client, "alice", "another session"));
  EXPECT_FALSE(logs_in(client, "alice", ""));
  EXPECT_FALSE(logs_in_hostbound(client, "alice", server(), "another session"));
  EXPECT_TRUE(logs_in(client, "alice"));
}

TEST(Destination, KeySignsOnlyForTheBoundHostKey) {
  const auto daemon = for_server();
  Client client(daemon);
  ASSERT_EQ(client.bind(server(), session, false), MessageType::success);
  EXPECT_FALSE(logs_in_hostbound(client, "alice", stranger()));
  EXPECT_FALSE(logs_in_hostbound(client, "alice", key()));
  EXPECT_TRUE(logs_in_hostbound(client, "alice", server()));
}

TEST(Destination, KeySignsForAnyOfSeveralHostKeysAndHosts) {
  const TestKey& second = TestKey::any(KeyKind::rsa);
  Hop two_keys = host("server", server().public_key());
  two_keys.keys.push_back({second.public_key(), false});
  const TestKey& third = TestKey::any(KeyKind::ecdsa_p521);
  const ConstrainedDaemon daemon({from_origin(two_keys), from_origin(host("other", third.public_key()))});
  for (const TestKey* to : {&server(), &second, &third}) {
    Client client(daemon);
    ASSERT_EQ(client.bind(*to, session, false), MessageType::success);
    EXPECT_TRUE(is_listed(client));
    EXPECT_TRUE(logs_in_hostbound(client, "alice", *to));
  }
}

TEST(Destination, UserIsMatchedByPattern) {
  const auto daemon = for_server("ali*");
  Client client(daemon);
  ASSERT_EQ(client.bind(server(), session, false), MessageType::success);
  EXPECT_TRUE(is_listed(client));
  for (const std::string_view user : {"alice", "ali", "alibaba"}) EXPECT_TRUE(logs_in(client, user)) << user;
  for (const std::string_view user : {"bob", "", "al", "root", "Alice", "xalice"}) {
    EXPECT_FALSE(logs_in(client, user)) << user;
    EXPECT_FALSE(logs_in_hostbound(client, user, server())) << user;
  }
}

TEST(Destination, UserIsMatchedPerHost) {
  const ConstrainedDaemon daemon({from_origin(host("server", server().public_key(), "alice")),
                                  from_origin(host("other", stranger().public_key(), "bob"))});
  Client client(daemon);
  ASSERT_EQ(client.bind(stranger(), session, false), MessageType::success);
  EXPECT_TRUE(logs_in(client, "bob"));
  EXPECT_FALSE(logs_in(client, "alice"));
}

TEST(Destination, KeyIsConstrainedAfterAFailedBind) {
  const auto daemon = for_server();
  Client client(daemon);
  EXPECT_EQ(type_of(client.request(Extension{SessionBind::name, as_bytes("malformed")})),
            MessageType::extension_failure);
  EXPECT_TRUE(is_hidden(client));
  EXPECT_FALSE(logs_in(client, "alice"));
  EXPECT_FALSE(client.remove(key().blob()));
  EXPECT_TRUE(client.sign(stranger().blob(), as_bytes("data")));
  ASSERT_EQ(client.bind(server(), session, false), MessageType::success);
  EXPECT_TRUE(logs_in(client, "alice")) << "the attempt that succeeds counts";
}

TEST(Destination, KeyThatIsHiddenCanBeNeitherRemovedNorReplaced) {
  const auto daemon = for_server();
  Client client(daemon);
  ASSERT_EQ(client.bind(stranger(), session, false), MessageType::success);
  EXPECT_FALSE(client.remove(key().blob()));
  EXPECT_FALSE(client.add(key(), "replaced"));
  Client local(daemon);
  EXPECT_TRUE(is_listed(local));
  EXPECT_FALSE(local.sign(key().blob(), as_bytes("data"))) << "still constrained";
}

TEST(Destination, HoldsForCertificatesToo) {
  Daemon daemon;
  Client owner(daemon);
  const TestKey& plain = TestKey::any(KeyKind::rsa);
  const TestKey certified = plain.with_certificate(certify(stranger(), plain));
  const Constraints constraints = destinations({from_origin(host("server", server().public_key()))});
  ASSERT_TRUE(owner.add(certified, "certificate", constraints));
  Client client(daemon);
  ASSERT_EQ(client.bind(server(), session, false), MessageType::success);
  EXPECT_TRUE(client.sign(certified.blob(), login(certified.public_key(), session, "alice"), 4));
  EXPECT_FALSE(client.sign(certified.blob(), login(plain.public_key(), session, "alice"), 4)) << "another blob";
  EXPECT_FALSE(client.sign(certified.blob(), as_bytes("data"), 4));
}

TEST(Destination, AcceptsTheRsaAlgorithmNamesOfRfc8332) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& rsa = TestKey::any(KeyKind::rsa);
  ASSERT_TRUE(client.add(rsa, "rsa", destinations({from_origin(host("server", server().public_key()))})));
  ASSERT_EQ(client.bind(server(), session, false), MessageType::success);
  for (const std::string_view algorithm : {"rsa-sha2-256", "rsa-sha2-512", "ssh-ed25519"}) {
    Writer data;
    data.string(session).u8(50).string("alice").string("ssh-connection").string("publickey").boolean(true);
    data.string(algorithm).string(rsa.blob());
    EXPECT_EQ(client.sign(rsa.blob(), data.bytes(), 2).has_value(), algorithm != "ssh-ed25519") << algorithm;
  }
}

}  // namespace
}  // namespace fob
