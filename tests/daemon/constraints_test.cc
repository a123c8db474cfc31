#include <gtest/gtest.h>

#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

using std::chrono::milliseconds;

constexpr std::uint8_t lifetime = 1;
constexpr std::uint8_t confirm = 2;
constexpr std::uint8_t extension = 255;

Constraints seconds(std::uint32_t count) {
  Constraints out;
  out.lifetime_seconds = count;
  return out;
}

/// ADD of a fresh key with these octets after the comment.
struct RawAdd {
  explicit RawAdd(MessageType message_type = MessageType::add_id_constrained) : type(message_type) {}
  Bytes with(ByteView constraints) const {
    Writer body;
    key.private_key().write(body);
    body.string("comment").raw(constraints);
    return message(type, body.bytes());
  }
  MessageType type;
  TestKey key = TestKey::make(KeyKind::ed25519);
};

bool signs(Client& client, const TestKey& key) { return client.sign(key.blob(), as_bytes("data")).has_value(); }

TEST(Lifetime, EndsAKeyForListAndSign) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  ASSERT_TRUE(client.add(key, "short", seconds(4)));
  ASSERT_TRUE(client.add(TestKey::any(KeyKind::ecdsa_p256), "for ever"));
  EXPECT_TRUE(signs(client, key));
  EXPECT_TRUE(
      eventually([&] { return client.comments() == std::vector<std::string>{"for ever"}; }, milliseconds(7000)));
  EXPECT_FALSE(signs(client, key));
  EXPECT_FALSE(client.remove(key.blob()));
}

TEST(Lifetime, EndsAKeyForSigningToTheSecond) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  ASSERT_TRUE(client.add(key, "short", seconds(1)));
  pause_for(milliseconds(2100));
  EXPECT_FALSE(signs(client, key)) << "though nobody asked for the list";
}

TEST(Lifetime, OfZeroEndsAtOnce) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  client.add(key, "gone", seconds(0));
  EXPECT_FALSE(signs(client, key));
  EXPECT_EQ(client.list().size(), 0U);
}

TEST(Lifetime, IsNotReachedEarly) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  ASSERT_TRUE(client.add(key, "longer", seconds(3600)));
  ASSERT_TRUE(client.add(TestKey::any(KeyKind::ecdsa_p256), "longest", seconds(0xffffffff)));
  pause_for(milliseconds(1500));
  EXPECT_TRUE(signs(client, key));
  EXPECT_EQ(client.list().size(), 2U);
}

TEST(Lifetime, ByDefaultIsTheCommandLines) {
  Daemon daemon({.arguments = {"-t", "4"}});
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  ASSERT_TRUE(client.add(key, "default"));
  ASSERT_TRUE(client.add(TestKey::any(KeyKind::ecdsa_p256), "own", seconds(3600)));
  EXPECT_TRUE(signs(client, key));
  EXPECT_TRUE(eventually([&] { return client.comments() == std::vector<std::string>{"own"}; }, milliseconds(7000)));
  EXPECT_FALSE(signs(client, key));
}

TEST(Constraints, AreReadInEitherAddMessage) {
  Daemon daemon;
  Client client(daemon);
  for (const MessageType type : {MessageType::add_identity, MessageType::add_id_constrained}) {
    const RawAdd add(type);
    Writer constraints;
    constraints.u8(confirm);
    ASSERT_TRUE(client.succeeds_raw(add.with(constraints.bytes())));
    EXPECT_FALSE(signs(client, add.key)) << "not confirmed, as there is no askpass";
  }
  const RawAdd free(MessageType::add_id_constrained);
  ASSERT_TRUE(client.succeeds_raw(free.with({})));
  EXPECT_TRUE(signs(client, free.key)) << "none given";
}

/// What must refuse the whole key.
struct Refused {
  const char* name;
  Bytes constraints;
};

std::vector<Refused> refused_constraints() {
  std::vector<Refused> out;
  const auto add = [&out](const char* name, Writer& constraints) { out.push_back({name, constraints.take()}); };
  Writer w;
  add("lifetime twice", w.u8(lifetime).u32(100).u8(lifetime).u32(100));
  add("confirm twice", w.u8(confirm).u8(confirm));
  add("unknown type", w.u8(3));
  add("unknown type 0", w.u8(0));
  add("unknown type after a good one", w.u8(lifetime).u32(100).u8(254));
  add("RFC 9987's maximum signatures, not known to OpenSSH", w.u8(3).u32(1));
  add("unknown extension", w.u8(extension).string("restrict-to-tuesdays@example.org"));
  add("unknown extension with a body", w.u8(extension).string("unknown@example.org").string("body"));
  add("unknown extension without a name", w.u8(extension).string(""));
  add("lifetime cut short", w.u8(lifetime).u8(0).u8(0));
  add("extension cut short", w.u8(extension).u32(100));
  add("trailing bytes", w.u8(lifetime).u32(100).raw(as_bytes("\x7f\x7f")));
  add("sk provider for a software key", w.u8(extension).string("sk-provider@openssh.com").string("internal"));
  add("associated certificates for a software key",
      w.u8(extension).string("associated-certs-v00@openssh.com").boolean(true).string(""));
  return out;
}

TEST(Constraints, ThatAreNotUnderstoodRefuseTheKey) {
  Daemon daemon;
  Client client(daemon);
  for (const MessageType type : {MessageType::add_identity, MessageType::add_id_constrained}) {
    for (const Refused& refused : refused_constraints()) {
      const RawAdd add(type);
      const std::size_t logged = daemon.log().size();
      EXPECT_FALSE(client.succeeds_raw(add.with(refused.constraints))) << refused.name;
      EXPECT_FALSE(signs(client, add.key)) << refused.name;
      EXPECT_EQ(client.list().size(), 0U) << refused.name;
      EXPECT_TRUE(eventually([&] { return daemon.log().size() > logged; })) << refused.name << ": no reason logged";
    }
  }
}

TEST(Constraints, ThatAreNotUnderstoodLeaveAnEarlierAddAsItWas) {
  Daemon daemon;
  Client client(daemon);
  const RawAdd add;
  ASSERT_TRUE(client.succeeds_raw(add.with({})));
  Writer constraints;
  constraints.u8(confirm).u8(extension).string("unknown@example.org");
  EXPECT_FALSE(client.succeeds_raw(add.with(constraints.bytes())));
  EXPECT_TRUE(signs(client, add.key)) << "neither gone nor half constrained";
}

TEST(SkProvider, IsTakenOncePerSkKey) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::sk_ed25519);
  Constraints internal;
  internal.sk_provider = "internal";
  EXPECT_TRUE(client.add(key, "internal", internal));
  Writer body;
  key.private_key().write(body);
  body.string("comment");
  for (int i = 0; i < 2; ++i) body.u8(extension).string("sk-provider@openssh.com").string("internal");
  EXPECT_FALSE(client.succeeds_raw(message(MessageType::add_id_constrained, body.bytes())));
  EXPECT_EQ(client.comments(), std::vector<std::string>{"internal"});
}

TEST(SkProvider, OutsideTheAllowedPathsIsRefused) {
  Daemon daemon;
  Client client(daemon);
  const std::string provider = daemon.directory().file("provider.so");
  write_file(provider, "");
  for (const std::string& path : {provider, std::string("/usr/lib/../../") + provider, std::string("/nowhere"),
                                  std::string("provider.so"), std::string("")}) {
    Constraints constraints;
    constraints.sk_provider = path;
    EXPECT_FALSE(client.add(TestKey::any(KeyKind::sk_ed25519), path, constraints)) << path;
  }
  EXPECT_EQ(client.list().size(), 0U);
}

TEST(SkProvider, InsideTheAllowedPathsIsTaken) {
  const TempDir directory;
  write_file(directory.file("provider.so"), "");
  Daemon daemon({.arguments = {"-P", directory.path() + "/*"}});
  Client client(daemon);
  Constraints constraints;
  constraints.sk_provider = directory.file("provider.so");
  EXPECT_TRUE(client.add(TestKey::any(KeyKind::sk_ed25519), "sk", constraints));
}

}  // namespace
}  // namespace fob
