#include <gtest/gtest.h>

#include "protocol/error.h"
#include "protocol/signature.h"
#include "protocol/verify.h"
#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"
#include "tests/daemon/session.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

constexpr std::string_view data = "what is to be signed";

testing::AssertionResult verifies(const TestKey& key, const std::optional<Bytes>& signature,
                                  std::string_view signed_data = data) {
  if (!signature) return testing::AssertionFailure() << "refused";
  try {
    verify_signature(key.public_key(), *signature, as_bytes(signed_data));
  } catch (const Error& error) {
    return testing::AssertionFailure() << error.what();
  }
  return testing::AssertionSuccess();
}

/// The algorithm in the signature, or why there is none.
std::string algorithm(const TestKey& key, const std::optional<Bytes>& signature) {
  const testing::AssertionResult good = verifies(key, signature);
  return good ? std::string(Signature::parse(*signature).algorithm) : good.message();
}

TEST(Signing, EveryKindVerifies) {
  Daemon daemon;
  Client client(daemon);
  for (const KeyKind kind : software_kinds) {
    const TestKey& key = TestKey::any(kind);
    ASSERT_TRUE(client.add(key));
    EXPECT_TRUE(verifies(key, client.sign(key.blob(), as_bytes(data), SignRequest::flag_rsa_sha2_256)));
  }
}

TEST(Signing, EmptyAndLargeDataVerify) {
  Daemon daemon;
  Client client(daemon);
  for (const KeyKind kind : software_kinds) {
    const TestKey& key = TestKey::any(kind);
    ASSERT_TRUE(client.add(key));
    for (const std::size_t size : {0UL, 1UL, 1'000UL, 250'000UL}) {
      const std::string text(size, 'd');
      EXPECT_TRUE(verifies(key, client.sign(key.blob(), as_bytes(text)), text)) << size;
    }
  }
}

TEST(Signing, FlagsChooseTheRsaAlgorithm) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::rsa);
  ASSERT_TRUE(client.add(key));
  EXPECT_EQ(algorithm(key, client.sign(key.blob(), as_bytes(data), 0)), "ssh-rsa") << "SHA-1, as OpenSSH";
  EXPECT_EQ(algorithm(key, client.sign(key.blob(), as_bytes(data), 2)), "rsa-sha2-256");
  EXPECT_EQ(algorithm(key, client.sign(key.blob(), as_bytes(data), 4)), "rsa-sha2-512");
  EXPECT_EQ(algorithm(key, client.sign(key.blob(), as_bytes(data), 6)), "rsa-sha2-256") << "both";
}

TEST(Signing, FlagsChooseTheAlgorithmOfRsaCertificatesToo) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& plain = TestKey::any(KeyKind::rsa);
  const TestKey key = plain.with_certificate(certify(TestKey::any(KeyKind::ed25519), plain));
  ASSERT_TRUE(client.add(key));
  EXPECT_EQ(algorithm(key, client.sign(key.blob(), as_bytes(data), 2)), "rsa-sha2-256");
  EXPECT_EQ(algorithm(key, client.sign(key.blob(), as_bytes(data), 4)), "rsa-sha2-512");
}

TEST(Signing, TheOldFlagIsIgnored) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& rsa = TestKey::any(KeyKind::rsa);
  const TestKey& ed25519 = TestKey::any(KeyKind::ed25519);
  ASSERT_TRUE(client.add(rsa));
  ASSERT_TRUE(client.add(ed25519));
  EXPECT_TRUE(verifies(ed25519, client.sign(ed25519.blob(), as_bytes(data), 1)));
  EXPECT_EQ(algorithm(rsa, client.sign(rsa.blob(), as_bytes(data), 1 | 4)), "rsa-sha2-512");
}

TEST(Signing, RsaFlagsMeanNothingToOtherKinds) {
  Daemon daemon;
  Client client(daemon);
  for (const KeyKind kind : {KeyKind::ed25519, KeyKind::ecdsa_p256}) {
    const TestKey& key = TestKey::any(kind);
    ASSERT_TRUE(client.add(key));
    for (const std::uint32_t flags : {2U, 4U, 6U}) {
      EXPECT_TRUE(verifies(key, client.sign(key.blob(), as_bytes(data), flags))) << flags;
    }
  }
}

TEST(Signing, UnknownFlagsAreRefused) {
  Daemon daemon;
  Client client(daemon);
  for (const KeyKind kind : {KeyKind::rsa, KeyKind::ed25519}) {
    const TestKey& key = TestKey::any(kind);
    ASSERT_TRUE(client.add(key));
    for (const std::uint32_t flags : {8U, 2U | 8U, 0x80000000U, 0xffffffffU}) {
      EXPECT_FALSE(client.sign(key.blob(), as_bytes(data), flags)) << flags;
    }
  }
}

TEST(Signing, AMissingFlagsWordIsRefused) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  ASSERT_TRUE(client.add(key));
  Writer body;
  body.string(key.blob()).string(data);
  EXPECT_FALSE(client.succeeds_raw(message(MessageType::sign_request, body.bytes())));
  body.u8(0);
  EXPECT_FALSE(client.succeeds_raw(message(MessageType::sign_request, body.bytes())));
  EXPECT_TRUE(verifies(key, client.sign(key.blob(), as_bytes(data))));
}

TEST(Signing, TrailingBytesAreRefused) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  ASSERT_TRUE(client.add(key));
  Writer body;
  body.string(key.blob()).string(data).u32(0).u8(0);
  EXPECT_FALSE(client.succeeds_raw(message(MessageType::sign_request, body.bytes())));
}

TEST(Signing, WithAKeyThatIsNotThereIsRefused) {
  Daemon daemon;
  Client client(daemon);
  ASSERT_TRUE(client.add(TestKey::any(KeyKind::ed25519)));
  EXPECT_FALSE(client.sign(TestKey::make(KeyKind::ed25519).blob(), as_bytes(data)));
  EXPECT_FALSE(client.sign(as_bytes("not a key"), as_bytes(data)));
  EXPECT_FALSE(client.sign({}, as_bytes(data)));
}

TEST(Signing, SkKeysAreRefusedWithAReasonWithoutTheirToken) {
  Daemon daemon;
  Client client(daemon);
  for (const KeyKind kind : sk_kinds) {
    const TestKey& key = TestKey::any(kind);
    ASSERT_TRUE(client.add(key, "sk key"));
    const std::size_t before = daemon.log().size();
    const Bytes request = login(key.public_key(), "session", "alice");
    EXPECT_FALSE(client.sign(key.blob(), request));
    EXPECT_TRUE(eventually([&] { return daemon.log().size() > before; })) << "no reason in the log";
  }
  EXPECT_EQ(client.list().size(), std::size(sk_kinds));
}

TEST(Signing, SignaturesOfConcurrentClientsAreTheirOwn) {
  Daemon daemon;
  Client owner(daemon);
  for (const KeyKind kind : software_kinds) ASSERT_TRUE(owner.add(TestKey::any(kind)));
  std::vector<Client> clients;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 40; ++i) {
    const TestKey& key = TestKey::any(software_kinds[i % std::size(software_kinds)]);
    texts.push_back("data of client " + std::to_string(i));
    clients.emplace_back(daemon);
    clients.back().send(SignRequest{key.blob(), as_bytes(texts.back()), 4});
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const TestKey& key = TestKey::any(software_kinds[i % std::size(software_kinds)]);
    EXPECT_TRUE(verifies(key, std::get<SignResponse>(clients[i].reply()).signature, texts[i]));
  }
}

}  // namespace
}  // namespace fob
