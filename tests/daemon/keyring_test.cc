#include <gtest/gtest.h>

#include "protocol/limits.h"
#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"
#include "tests/daemon/session.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

using Comments = std::vector<std::string>;

TEST(Keyring, IsEmptyAtFirst) {
  Daemon daemon;
  Client client(daemon);
  EXPECT_EQ(client.comments(), Comments{});
}

TEST(Keyring, ListsEveryKindInOrderOfInsertionWithBlobAndComment) {
  Daemon daemon;
  Client client(daemon);
  for (const KeyKind kind : host_key_kinds) {
    ASSERT_TRUE(client.add(TestKey::any(kind), "comment of " + std::string(traits(kind).name)));
  }
  const auto listed = Client(daemon).list();
  ASSERT_EQ(listed.size(), std::size(host_key_kinds));
  for (std::size_t i = 0; i < listed.size(); ++i) {
    EXPECT_TRUE(equal(listed[i].key_blob, TestKey::any(host_key_kinds[i]).blob()));
    EXPECT_EQ(listed[i].comment, "comment of " + std::string(traits(host_key_kinds[i]).name));
  }
}

TEST(Keyring, AddingAgainKeepsThePlaceAndReplacesTheComment) {
  Daemon daemon;
  Client client(daemon);
  const TestKey first = TestKey::make(KeyKind::ed25519);
  ASSERT_TRUE(client.add(first, "first"));
  ASSERT_TRUE(client.add(TestKey::any(KeyKind::ecdsa_p256), "second"));
  ASSERT_TRUE(client.add(first, "first, renamed"));
  EXPECT_EQ(client.comments(), (Comments{"first, renamed", "second"}));
}

TEST(Keyring, AddingAgainReplacesConstraints) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  Constraints lifetime;
  lifetime.lifetime_seconds = 1;
  ASSERT_TRUE(client.add(key, "short", lifetime));
  ASSERT_TRUE(client.add(key, "long"));
  pause_for(std::chrono::milliseconds(2200));
  EXPECT_EQ(client.comments(), Comments{"long"});

  Constraints confirm;
  confirm.confirm = true;
  ASSERT_TRUE(client.add(key, "to be confirmed", confirm));
  EXPECT_FALSE(client.sign(key.blob(), as_bytes("data"))) << "no askpass, so denied";
  ASSERT_TRUE(client.add(key, "free"));
  EXPECT_TRUE(client.sign(key.blob(), as_bytes("data")));
}

TEST(Keyring, AddingAgainReplacesDestinations) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  const TestKey& server = TestKey::any(KeyKind::ecdsa_p256);
  ASSERT_TRUE(client.add(key, "bound", destinations({from_origin(host("server", server.public_key()))})));
  EXPECT_FALSE(client.sign(key.blob(), as_bytes("data")));
  ASSERT_TRUE(client.add(key, "free"));
  EXPECT_TRUE(client.sign(key.blob(), as_bytes("data")));
  ASSERT_TRUE(client.add(key, "bound", destinations({from_origin(host("server", server.public_key()))})));
  EXPECT_FALSE(client.sign(key.blob(), as_bytes("data")));
}

TEST(Keyring, RemovesOneKey) {
  Daemon daemon;
  Client client(daemon);
  for (const KeyKind kind : software_kinds) ASSERT_TRUE(client.add(TestKey::any(kind), std::string(traits(kind).name)));
  const TestKey& gone = TestKey::any(KeyKind::ecdsa_p384);
  EXPECT_TRUE(client.remove(gone.blob()));
  EXPECT_EQ(client.comments(), (Comments{"ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp521", "ssh-ed25519"}));
  EXPECT_FALSE(client.sign(gone.blob(), as_bytes("data")));
  EXPECT_FALSE(client.remove(gone.blob())) << "it is not there any more";
}

TEST(Keyring, RemovingAKeyThatWasNeverThereFails) {
  Daemon daemon;
  Client client(daemon);
  ASSERT_TRUE(client.add(TestKey::any(KeyKind::ed25519)));
  EXPECT_FALSE(client.remove(TestKey::make(KeyKind::ed25519).blob()));
  EXPECT_FALSE(client.remove(as_bytes("no key blob")));
  EXPECT_EQ(client.list().size(), 1U);
}

TEST(Keyring, RemovesAllByEitherMessage) {
  Daemon daemon;
  Client client(daemon);
  for (const MessageType type : {MessageType::remove_all_identities, MessageType::remove_all_rsa1}) {
    ASSERT_TRUE(client.add(TestKey::any(KeyKind::ed25519)));
    ASSERT_TRUE(client.add(TestKey::any(KeyKind::ecdsa_p256)));
    EXPECT_TRUE(client.succeeds_raw(message(type, {})));
    EXPECT_EQ(client.comments(), Comments{});
    EXPECT_FALSE(client.sign(TestKey::any(KeyKind::ed25519).blob(), as_bytes("data")));
  }
  EXPECT_TRUE(client.remove_all()) << "of nothing too";
}

TEST(Keyring, HoldsACertificateBesideItsPlainKey) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& authority = TestKey::any(KeyKind::ed25519);
  for (const KeyKind kind : software_kinds) {
    ASSERT_TRUE(client.remove_all());
    const TestKey key = TestKey::make(kind);
    const TestKey certified = key.with_certificate(certify(authority, key));
    ASSERT_TRUE(client.add(key, "plain"));
    ASSERT_TRUE(client.add(certified, "certificate"));
    EXPECT_EQ(client.comments(), (Comments{"plain", "certificate"}));
    EXPECT_TRUE(equal(client.list().at(1).key_blob, certified.blob()));
    EXPECT_TRUE(client.sign(certified.blob(), as_bytes("data")));
    EXPECT_TRUE(client.remove(key.blob()));
    EXPECT_EQ(client.comments(), Comments{"certificate"});
    EXPECT_TRUE(client.sign(certified.blob(), as_bytes("data"))) << "it lives without the plain key";
  }
}

TEST(Keyring, HoldsCertificatesOfSkKeys) {
  Daemon daemon;
  Client client(daemon);
  for (const KeyKind kind : sk_kinds) {
    const TestKey& key = TestKey::any(kind);
    EXPECT_TRUE(client.add(key.with_certificate(certify(TestKey::any(KeyKind::ed25519), key))));
  }
  EXPECT_EQ(client.list().size(), std::size(sk_kinds));
}

TEST(Keyring, KeepsCommentsAsTheyAre) {
  Daemon daemon;
  Client client(daemon);
  const std::string comments[] = {
      "", "with space", "grüße \xe2\x82\xac", "\x1b[31mcontrol\x07", "not utf-8 \xff\xfe", std::string(10'000, 'c')};
  for (const std::string& comment : comments) {
    ASSERT_TRUE(client.add(TestKey::any(KeyKind::ed25519), comment));
    EXPECT_EQ(client.comments(), Comments{comment});
  }
}

TEST(Keyring, ServesSeveralConnectionsAtOnce) {
  Daemon daemon;
  Client first(daemon);
  ASSERT_TRUE(first.add(TestKey::any(KeyKind::ed25519)));
  Client second(daemon);
  Client third(daemon);
  for (Client* client : {&third, &first, &second}) EXPECT_EQ(client->list().size(), 1U);
}

TEST(Keyring, ServesManyRequestsOnOneConnection) {
  Daemon daemon;
  Client client(daemon);
  ASSERT_TRUE(client.add(TestKey::any(KeyKind::ed25519)));
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client.list().size(), 1U);
}

std::size_t frame_bytes(const std::vector<IdentitiesAnswer::Identity>& identities) {
  return frame_reply(IdentitiesAnswer{identities}).size() - 4;
}

/// Adds `count` Ed25519 keys in one go; returns the last.
TestKey add_many(Client& client, int count, const std::string& comment) {
  constexpr int in_flight = 50;
  TestKey last;
  for (int i = 0; i < count; i += in_flight) {
    for (int j = 0; j < in_flight; ++j) {
      last = TestKey::make(KeyKind::ed25519);
      client.send(AddIdentity{last.private_key(), comment, {}});
    }
    for (int j = 0; j < in_flight; ++j) EXPECT_TRUE(std::holds_alternative<Success>(client.reply()));
  }
  return last;
}

TEST(Keyring, ListsNoMoreKeysThanClientsTake) {
  Daemon daemon;
  Client client(daemon);
  const TestKey first = TestKey::make(KeyKind::ed25519);
  ASSERT_TRUE(client.add(first, "first"));
  const TestKey last = add_many(client, 3000, "k");
  const auto listed = client.list();
  EXPECT_EQ(listed.size(), limits::listed_keys);
  EXPECT_EQ(listed.front().comment, "first");
  EXPECT_LE(frame_bytes(listed), limits::message_bytes);
  EXPECT_TRUE(client.sign(last.blob(), as_bytes("data"))) << "what is not listed is still held";
}

TEST(Keyring, ListsNoMoreBytesThanAMessageHolds) {
  Daemon daemon;
  Client client(daemon);
  const TestKey last = add_many(client, 1000, std::string(400, 'c'));
  const auto listed = client.list();
  const std::size_t bytes = frame_bytes(listed);
  EXPECT_LE(bytes, limits::message_bytes);
  EXPECT_GE(bytes, limits::message_bytes - 1000) << "as many as fit";
  EXPECT_TRUE(client.sign(last.blob(), as_bytes("data")));
}

}  // namespace
}  // namespace fob
