#include "protocol/reply.h"

#include "protocol/limits.h"
#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

using test::error_of;
using test::from_hex;

/// Recorded ones, and those of RFC 9987 §4.8 that no client was heard to ask for.
std::map<std::string, Bytes> replies() {
  std::map<std::string, Bytes> out = test::messages_ending(".reply");
  out["extension failure"] = from_hex("1c");
  return out;
}

Bytes extension_response() { return from_hex("1d 00000005 7175657279 0000000361406200000001"); }

Bytes again(ByteView message) {
  const Bytes frame = frame_reply(parse_reply(message));
  Reader in(frame);
  const Bytes out = to_bytes(in.string());
  in.done();
  return out;
}

std::optional<Errc> parse_error(ByteView message) {
  return error_of([&] { parse_reply(message); });
}

template <class Message>
Message parse_as(ByteView message) {
  return std::get<Message>(parse_reply(message));
}

TEST(Reply, WritesWhatItParsed) {
  for (const auto& [name, bytes] : replies()) EXPECT_EQ(test::to_hex(again(bytes)), test::to_hex(bytes)) << name;
  EXPECT_TRUE(equal(again(extension_response()), extension_response()));
}

TEST(Reply, RefusesEveryTruncationAndTrailingByte) {
  for (const auto& [name, bytes] : replies()) {
    SCOPED_TRACE(name);
    test::expect_exact_length(bytes, [](ByteView message) { parse_reply(message); });
  }
}

TEST(Reply, KnowsItsTypes) {
  EXPECT_NO_THROW(parse_as<Success>(from_hex("06")));
  EXPECT_NO_THROW(parse_as<Failure>(from_hex("05")));
  EXPECT_NO_THROW(parse_as<ExtensionFailure>(from_hex("1c")));
}

/// SSH2_AGENT_FAILURE and SSH_COM_AGENT2_FAILURE of OpenSSH's authfd.h.
TEST(Reply, TakesOldFailures) {
  EXPECT_NO_THROW(parse_as<Failure>(from_hex("1e")));
  EXPECT_NO_THROW(parse_as<Failure>(from_hex("66")));
  EXPECT_EQ(parse_error(from_hex("1e00")), Errc::malformed);
}

TEST(Reply, RefusesUnknownTypes) {
  EXPECT_EQ(parse_error({}), Errc::malformed);
  const std::string known = "\x05\x06\x0c\x0e\x1c\x1d\x1e\x66";
  for (unsigned type = 0; type < 256; ++type) {
    const auto byte = static_cast<std::uint8_t>(type);
    if (known.find(static_cast<char>(byte)) != std::string::npos) continue;
    EXPECT_EQ(parse_error(Bytes{byte}), Errc::unsupported) << type;
  }
}

TEST(IdentitiesAnswer, ReadsKeysAndComments) {
  const auto answer = parse_as<IdentitiesAnswer>(test::message("list.reply"));
  ASSERT_EQ(answer.identities.size(), 14U);
  EXPECT_EQ(answer.identities[0].comment, "rsa of vectors");
  EXPECT_EQ(answer.identities[13].comment, "sk_ed25519 of vectors");
  for (const auto& identity : answer.identities) EXPECT_NO_THROW(PublicKey::parse(identity.key_blob));
  EXPECT_TRUE(parse_as<IdentitiesAnswer>(test::message("list_locked.reply")).identities.empty());
}

TEST(IdentitiesAnswer, RefusesCountThatCannotBeTrue) {
  EXPECT_EQ(parse_error(from_hex("0c ffffffff")), Errc::malformed);
  EXPECT_EQ(parse_error(from_hex("0c 00000002 00000000 00000000")), Errc::malformed);
  EXPECT_EQ(parse_error(from_hex("0c 00000000 00000000 00000000")), Errc::malformed);
  EXPECT_FALSE(parse_error(from_hex("0c 00000001 00000000 00000000")));
}

TEST(IdentitiesAnswer, RefusesNulInComment) {
  EXPECT_EQ(parse_error(from_hex("0c 00000001 00000000 00000001 00")), Errc::malformed);
}

TEST(SignResponse, HoldsTheSignature) {
  const auto response = parse_as<SignResponse>(test::message("test_ed25519.reply"));
  EXPECT_EQ(response.signature.size(), 4U + 11 + 4 + 64);
}

TEST(ExtensionResponse, TakesAllThatFollowsItsName) {
  const auto response = parse_as<ExtensionResponse>(extension_response());
  EXPECT_EQ(response.name, "query");
  EXPECT_EQ(response.contents.size(), 11U);
  const Bytes whole = extension_response();
  for (std::size_t size = 0; size < 10; ++size) EXPECT_EQ(parse_error(ByteView(whole).first(size)), Errc::malformed);
  EXPECT_EQ(parse_error(Writer().u8(29).string(std::string(limits::name_bytes + 1, 'x')).take()), Errc::malformed);
  EXPECT_FALSE(parse_error(Writer().u8(29).string(std::string(limits::name_bytes, 'x')).take()));
}

}  // namespace
}  // namespace fob
