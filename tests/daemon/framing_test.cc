#include <gtest/gtest.h>

#include "protocol/limits.h"
#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

using std::chrono::milliseconds;

Bytes length_word(std::uint32_t length) {
  Writer out;
  out.u32(length);
  return out.take();
}

bool is_served(const Daemon& daemon) { return Client(daemon).list().empty(); }

TEST(Framing, OfNoLengthClosesTheConnection) {
  Daemon daemon;
  Client client(daemon);
  client.send(length_word(0));
  EXPECT_TRUE(client.is_closed());
  EXPECT_TRUE(is_served(daemon));
}

TEST(Framing, OfTooMuchClosesTheConnectionAtOnce) {
  Daemon daemon;
  for (const std::uint32_t length : {0x40001U, 0x80000U, 0x7fffffffU, 0x80000000U, 0xffffffffU}) {
    Client client(daemon);
    client.send(length_word(length));
    EXPECT_TRUE(client.is_closed()) << length;
    EXPECT_TRUE(is_served(daemon));
  }
}

TEST(Framing, TakesMessagesUpToTheLimit) {
  Daemon daemon;
  static_assert(limits::message_bytes == 0x40000);
  for (const std::size_t length : {0x3ffffUL, 0x40000UL}) {
    Client client(daemon);
    EXPECT_FALSE(client.succeeds_raw(Bytes(length, 0xfa))) << "an unknown type, but read to its end";
    EXPECT_EQ(client.list().size(), 0U) << "and the next message is read as such";
  }
}

TEST(Framing, TakesASignRequestOfTheLargestSize) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  ASSERT_TRUE(client.add(key));
  const std::size_t other_bytes = 1 + 4 + key.blob().size() + 4 + 4;
  EXPECT_TRUE(client.sign(key.blob(), Bytes(limits::message_bytes - other_bytes)));
  client.send_some(frame_request(SignRequest{key.blob(), Bytes(limits::message_bytes - other_bytes + 1), 0}));
  EXPECT_TRUE(client.is_closed());
}

TEST(Framing, OfOneByteIsAMessage) {
  Daemon daemon;
  Client client(daemon);
  EXPECT_EQ(type_of(client.request_raw(message(MessageType::request_identities, {}))), MessageType::identities_answer);
}

TEST(Framing, MayComeByteByByte) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  const Bytes add = frame_request(AddIdentity{key.private_key(), "comment", {}});
  for (const std::uint8_t& byte : add) client.send(ByteView(&byte, 1));
  EXPECT_EQ(type_of(client.reply()), MessageType::success);
  const Bytes list = frame_request(RequestIdentities{});
  for (const std::uint8_t& byte : list) {
    EXPECT_FALSE(client.has_input(milliseconds(0)));
    client.send(ByteView(&byte, 1));
    pause_for(milliseconds(20));
  }
  EXPECT_EQ(type_of(client.reply()), MessageType::identities_answer);
}

TEST(Framing, OfAnotherClientDoesNotWaitForASlowOne) {
  Daemon daemon;
  Client slow(daemon);
  slow.send(length_word(100));
  EXPECT_LT(best_service_time(daemon), milliseconds(10));
}

TEST(Framing, SeveralInOneWriteAreAnsweredInOrder) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::rsa);  // signed elsewhere than the rest, so it could be overtaken
  ASSERT_TRUE(client.add(key));
  Writer all;
  for (int i = 0; i < 20; ++i) {
    all.raw(frame_request(SignRequest{key.blob(), as_bytes("data"), 4}));
    all.raw(frame_request(RequestIdentities{}));
    all.raw(frame_request(Lock{as_bytes("")}));
    all.raw(frame_request(Extension{"unknown@example.org", {}}));
  }
  client.send(all.bytes());
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(type_of(client.reply()), MessageType::sign_response) << i;
    ASSERT_EQ(type_of(client.reply()), MessageType::identities_answer) << i;
    ASSERT_EQ(type_of(client.reply()), MessageType::failure) << i;
    ASSERT_EQ(type_of(client.reply()), MessageType::failure) << i;
  }
}

TEST(Framing, LaterMessagesSeeWhatEarlierOnesDid) {
  Daemon daemon;
  Client client(daemon);
  const TestKey& key = TestKey::any(KeyKind::rsa);
  Writer all;
  all.raw(frame_request(AddIdentity{key.private_key(), "comment", {}}));
  all.raw(frame_request(SignRequest{key.blob(), as_bytes("data"), 2}));
  all.raw(frame_request(RemoveIdentity{key.blob()}));
  all.raw(frame_request(SignRequest{key.blob(), as_bytes("data"), 2}));
  client.send(all.bytes());
  EXPECT_EQ(type_of(client.reply()), MessageType::success);
  EXPECT_EQ(type_of(client.reply()), MessageType::sign_response);
  EXPECT_EQ(type_of(client.reply()), MessageType::success);
  EXPECT_EQ(type_of(client.reply()), MessageType::failure);
}

TEST(Framing, AMessageAndAHalfIsOneAnswerAndThenAnother) {
  Daemon daemon;
  Client client(daemon);
  const Bytes list = frame_request(RequestIdentities{});
  Writer part;
  part.raw(list).raw(ByteView(list).first(3));
  client.send(part.bytes());
  EXPECT_EQ(type_of(client.reply()), MessageType::identities_answer);
  EXPECT_FALSE(client.has_input(milliseconds(100)));
  client.send(ByteView(list).subspan(3));
  EXPECT_EQ(type_of(client.reply()), MessageType::identities_answer);
}

TEST(Framing, AnswersAfterTheHalfCloseWhatWasAskedBefore) {
  Daemon daemon;
  const TestKey& key = TestKey::any(KeyKind::rsa);
  ASSERT_TRUE(Client(daemon).add(key));
  for (int i = 0; i < 50; ++i) {
    Client client(daemon);
    client.send(SignRequest{key.blob(), as_bytes("data"), 4});
    client.send(RequestIdentities{});
    client.half_close();
    ASSERT_EQ(type_of(client.reply()), MessageType::sign_response) << i;
    ASSERT_EQ(type_of(client.reply()), MessageType::identities_answer) << i;
    ASSERT_TRUE(client.is_closed()) << i;
  }
}

TEST(Framing, ClosesAfterAHalfCloseInTheMiddle) {
  Daemon daemon;
  Client client(daemon);
  client.send(length_word(100));
  client.half_close();
  EXPECT_TRUE(client.is_closed());
}

TEST(Message, OfLockOrUnlockWithoutABodyIsAFailure) {
  Daemon daemon;
  Client client(daemon);
  for (const MessageType type : {MessageType::lock, MessageType::unlock}) {
    EXPECT_FALSE(client.succeeds_raw(message(type, {})));
    EXPECT_FALSE(client.succeeds_raw(message(type, as_bytes("\xff\xff\xff\xff"))));
    EXPECT_FALSE(client.succeeds_raw(message(type, Bytes(3))));
  }
  EXPECT_TRUE(client.lock("passphrase")) << "it was not locked by the malformed ones";
  for (const MessageType type : {MessageType::lock, MessageType::unlock}) {
    EXPECT_FALSE(client.succeeds_raw(message(type, {})));
  }
  EXPECT_TRUE(client.unlock("passphrase"));
}

TEST(Message, WithANulInAPassphraseIsAFailure) {
  Daemon daemon;
  Client client(daemon);
  EXPECT_FALSE(client.lock(std::string("pass\0phrase", 11)));
  EXPECT_FALSE(client.lock(std::string("\0", 1)));
  EXPECT_TRUE(client.lock("pass"));
  EXPECT_FALSE(client.unlock(std::string("pass\0phrase", 11)));
  EXPECT_FALSE(client.unlock(std::string("pass\0", 5)));
  EXPECT_TRUE(client.unlock("pass"));
}

TEST(Message, WithANulInANameIsAFailure) {
  Daemon daemon;
  Client client(daemon);
  EXPECT_EQ(type_of(client.request(Extension{std::string_view("query\0", 6), {}})), MessageType::failure);
  EXPECT_FALSE(client.succeeds(AddSmartcardKey{std::string("/usr/lib/a\0b", 12), {}, {}}));
  EXPECT_FALSE(client.succeeds(AddSmartcardKey{"/usr/lib/a",
                                               as_bytes(std::string_view("12\0"
                                                                         "34",
                                                                         5)),
                                               {}}));
}

TEST(Message, OfAnUnknownTypeIsAFailureAndTheConnectionStays) {
  Daemon daemon;
  Client client(daemon);
  for (int type = 0; type < 256; ++type) {
    const bool known =
        type == 9 || type == 11 || (type >= 13 && type <= 27 && type != 14 && type != 15 && type != 16 && type != 24);
    if (known) continue;
    for (const std::string_view body : {"", "\0\0\0\0", "a body"}) {
      ASSERT_FALSE(client.succeeds_raw(message(static_cast<MessageType>(type), as_bytes(body)))) << type;
    }
  }
  EXPECT_EQ(client.list().size(), 0U);
}

TEST(Message, WithoutItsBodyIsAFailureAndTheConnectionStays) {
  Daemon daemon;
  Client client(daemon);
  for (const MessageType type :
       {MessageType::sign_request, MessageType::add_identity, MessageType::remove_identity,
        MessageType::add_smartcard_key, MessageType::remove_smartcard_key, MessageType::lock, MessageType::unlock,
        MessageType::add_id_constrained, MessageType::add_smartcard_key_constrained, MessageType::extension}) {
    ASSERT_FALSE(client.succeeds_raw(message(type, {})));
    ASSERT_FALSE(client.succeeds_raw(message(type, as_bytes("\x7f\xff\xff\xff"))));
  }
  EXPECT_EQ(client.list().size(), 0U);
}

TEST(Message, OfSmartcardKeysFailsUntilTokensCome) {
  Daemon daemon;
  Client client(daemon);
  EXPECT_FALSE(client.succeeds(AddSmartcardKey{"/nowhere/provider.so", as_bytes("1234"), {}}));
  EXPECT_FALSE(client.succeeds(RemoveSmartcardKey{"/nowhere/provider.so", as_bytes("1234")}));
  EXPECT_EQ(daemon.log().find("1234"), std::string::npos) << "the PIN is in the log";
}

}  // namespace
}  // namespace fob
