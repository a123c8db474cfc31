#include <gtest/gtest.h>

#include <algorithm>

#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"
#include "tests/daemon/session.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

const TestKey& server() { return TestKey::any(KeyKind::ed25519); }

MessageType bind_with(Client& client, ByteView contents) {
  return type_of(client.request(Extension{SessionBind::name, contents}));
}

TEST(SessionBind, IsVerifiedWithEveryKindOfHostKey) {
  Daemon daemon;
  for (const KeyKind kind : host_key_kinds) {
    Client client(daemon);
    EXPECT_EQ(client.bind(TestKey::any(kind), "session", false), MessageType::success) << traits(kind).name;
  }
}

TEST(SessionBind, IsVerifiedWithBothRsaAlgorithms) {
  Daemon daemon;
  for (const std::string_view algorithm : {"rsa-sha2-256", "rsa-sha2-512"}) {
    Client client(daemon);
    EXPECT_EQ(bind_with(client, session_bind(TestKey::any(KeyKind::rsa), "session", false, algorithm)),
              MessageType::success)
        << algorithm;
  }
}

TEST(SessionBind, IsVerifiedWithHostCertificatesOfEveryKind) {
  Daemon daemon;
  for (const KeyKind kind : host_key_kinds) {
    const TestKey& key = TestKey::any(kind);
    const TestKey certified = key.with_certificate(certify(server(), key, {.host = true}));
    Client client(daemon);
    EXPECT_EQ(client.bind(certified, "session", false), MessageType::success) << traits(kind).name;
  }
}

TEST(SessionBind, WithASignatureThatDoesNotVerifyIsRefused) {
  Daemon daemon;
  for (const KeyKind kind : host_key_kinds) {
    Client client(daemon);
    const TestKey& key = TestKey::any(kind);
    const auto contents = [&](ByteView signature) {
      Writer out;
      out.string(key.blob()).string("session").string(signature).boolean(false);
      return out.take();
    };
    const Bytes of_other_data = key.sign(as_bytes("another session"));
    EXPECT_EQ(bind_with(client, contents(of_other_data)), MessageType::extension_failure) << traits(kind).name;
    const Bytes of_other_key = TestKey::make(kind).sign(as_bytes("session"));
    EXPECT_EQ(bind_with(client, contents(of_other_key)), MessageType::extension_failure) << traits(kind).name;
    Bytes spoilt = key.sign(as_bytes("session"));
    spoilt[spoilt.size() - 8] ^= 1;
    EXPECT_EQ(bind_with(client, contents(spoilt)), MessageType::extension_failure) << traits(kind).name;
    EXPECT_EQ(bind_with(client, contents({})), MessageType::extension_failure) << traits(kind).name;
    EXPECT_EQ(bind_with(client, contents(key.sign(as_bytes("session")))), MessageType::success) << traits(kind).name;
  }
}

TEST(SessionBind, WithACertificateThatItsAuthorityDidNotSignIsRefused) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::ecdsa_p256);
  Bytes certificate = certify(server(), key, {.host = true});
  certificate.back() ^= 1;
  EXPECT_EQ(client.bind(key.with_certificate(certificate), "session", false), MessageType::extension_failure);
}

TEST(SessionBind, MayBeMadeSixteenTimes) {
  Daemon daemon;
  Client client(daemon);
  for (int i = 0; i < 16; ++i) {
    ASSERT_EQ(client.bind(server(), "session " + std::to_string(i), true), MessageType::success) << i;
  }
  EXPECT_EQ(client.bind(server(), "one too many", true), MessageType::extension_failure);
  EXPECT_EQ(client.bind(server(), "one too many", false), MessageType::extension_failure);
  EXPECT_EQ(client.bind(server(), "session 0", true), MessageType::success) << "this one is there";
  EXPECT_EQ(Client(daemon).bind(server(), "session", true), MessageType::success) << "the limit is a connection's";
}

TEST(SessionBind, OfTheSameSessionAndKeyIsFine) {
  Daemon daemon;
  Client client(daemon);
  for (int i = 0; i < 40; ++i) ASSERT_EQ(client.bind(server(), "session", true), MessageType::success);
  for (int i = 1; i < 16; ++i) {
    EXPECT_EQ(client.bind(server(), "session " + std::to_string(i), true), MessageType::success)
        << "the repeated one counts once";
  }
}

TEST(SessionBind, OfTheSameSessionWithAnotherKeyIsRefused) {
  Daemon daemon;
  Client client(daemon);
  ASSERT_EQ(client.bind(server(), "session", true), MessageType::success);
  EXPECT_EQ(client.bind(TestKey::any(KeyKind::ecdsa_p256), "session", true), MessageType::extension_failure);
  EXPECT_EQ(client.bind(TestKey::any(KeyKind::ecdsa_p256), "another", true), MessageType::success);
}

TEST(SessionBind, OfAnotherSessionWithTheSameKeyIsFine) {
  Daemon daemon;
  Client client(daemon);
  ASSERT_EQ(client.bind(server(), "session", true), MessageType::success);
  EXPECT_EQ(client.bind(server(), "another", true), MessageType::success);
}

TEST(SessionBind, AfterOneForAuthenticationIsRefused) {
  Daemon daemon;
  Client client(daemon);
  ASSERT_EQ(client.bind(server(), "forwarded", true), MessageType::success);
  ASSERT_EQ(client.bind(server(), "login", false), MessageType::success);
  EXPECT_EQ(client.bind(server(), "more", true), MessageType::extension_failure);
  EXPECT_EQ(client.bind(server(), "more", false), MessageType::extension_failure);
  EXPECT_EQ(client.bind(TestKey::any(KeyKind::ecdsa_p256), "more", false), MessageType::extension_failure);
}

TEST(SessionBind, TakesSessionIdsOfOneTo128Bytes) {
  Daemon daemon;
  Client client(daemon);
  EXPECT_EQ(client.bind(server(), std::string(128, 's'), true), MessageType::success);
  EXPECT_EQ(client.bind(server(), std::string(1, 's'), true), MessageType::success);
  EXPECT_EQ(client.bind(server(), std::string("\0\0\xff", 3), true), MessageType::success);
  EXPECT_EQ(client.bind(server(), std::string(129, 's'), true), MessageType::extension_failure);
  EXPECT_EQ(client.bind(server(), "", true), MessageType::extension_failure);
}

TEST(SessionBind, ThatIsMalformedIsAFailureOfTheExtension) {
  Daemon daemon;
  Client client(daemon);
  const Bytes good = session_bind(server(), "session", false);
  for (std::size_t size = 0; size < good.size(); ++size) {
    ASSERT_EQ(bind_with(client, ByteView(good).first(size)), MessageType::extension_failure) << size;
  }
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_EQ(bind_with(client, longer), MessageType::extension_failure);
  Writer other_key;
  other_key.string("not a key").string("session").string(server().sign(as_bytes("session"))).boolean(false);
  EXPECT_EQ(bind_with(client, other_key.bytes()), MessageType::extension_failure);
  EXPECT_EQ(bind_with(client, good), MessageType::success);
}

TEST(SessionBind, IsServedWhileLocked) {
  Daemon daemon;
  Client owner(daemon);
  const TestKey& key = TestKey::any(KeyKind::ecdsa_p256);
  ASSERT_TRUE(owner.add(key, "constrained", destinations({from_origin(host("server", server().public_key()))})));
  ASSERT_TRUE(owner.lock("passphrase"));
  Client right(daemon);
  EXPECT_EQ(right.bind(server(), "session", false), MessageType::success);
  Client wrong(daemon);
  EXPECT_EQ(wrong.bind(TestKey::any(KeyKind::ecdsa_p384), "session", false), MessageType::success);
  Client bad(daemon);
  EXPECT_EQ(bind_with(bad, as_bytes("malformed")), MessageType::extension_failure);
  ASSERT_TRUE(owner.unlock("passphrase"));
  EXPECT_EQ(right.list().size(), 1U);
  EXPECT_EQ(wrong.list().size(), 0U) << "the bind was recorded";
  EXPECT_EQ(bad.list().size(), 0U) << "the attempt was recorded";
}

TEST(Extension, ThatIsUnknownIsAPlainFailure) {
  Daemon daemon;
  Client client(daemon);
  for (const std::string_view name :
       {"unknown@example.org", "", "session-bind", "QUERY", "session-bind@openssh.comx"}) {
    EXPECT_EQ(type_of(client.request(Extension{name, {}})), MessageType::failure) << name;
  }
  EXPECT_EQ(type_of(client.request_raw(message(MessageType::extension, {}))), MessageType::failure) << "no name";
  EXPECT_EQ(client.list().size(), 0U);
}

TEST(Extension, QueryNamesWhatThereIs) {
  Daemon daemon;
  Client client(daemon);
  const Reply reply = client.request(Extension{"query", {}});
  const auto* response = std::get_if<ExtensionResponse>(&reply);
  ASSERT_NE(response, nullptr);
  EXPECT_EQ(response->name, "query");
  std::vector<std::string> names;
  for (Reader in(response->contents); !in.empty();) names.emplace_back(in.text());
  EXPECT_NE(std::find(names.begin(), names.end(), "session-bind@openssh.com"), names.end());
}

}  // namespace
}  // namespace fob
