#include "protocol/request.h"

#include "protocol/limits.h"
#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

using test::error_of;
using test::from_hex;

std::map<std::string, Bytes> requests() {
  std::map<std::string, Bytes> out = test::messages_ending(".request");
  out.erase("pageant_list.request");  // SSH-1's list
  return out;
}

/// A framed message without its length word, which must be right.
Bytes unframed(const Bytes& frame) {
  Reader in(frame);
  const Bytes out = to_bytes(in.string());
  in.done();
  return out;
}

Bytes again(ByteView message) { return unframed(frame_request(parse_request(message))); }

template <class Message>
Message parse_as(ByteView message) {
  return std::get<Message>(parse_request(message));
}

std::optional<Errc> parse_error(ByteView message) {
  return error_of([&] { parse_request(message); });
}

/// Where a message with constraints may end early: after the fields before them, and after each of them.
std::vector<std::size_t> earlier_ends(const Bytes& message) {
  Request request = parse_request(message);
  std::vector<std::size_t> out;
  const auto add_ends = [&](auto& adding) {
    const Constraints all = std::move(adding.constraints);
    adding.constraints = {};
    out.push_back(frame_request(request).size() - 4);
    // ssh-add writes the lifetime first.
    if (all.lifetime_seconds && all.confirm) out.push_back(out[0] + 5);
    if (all.empty()) out.clear();
  };
  if (auto* identity = std::get_if<AddIdentity>(&request)) add_ends(*identity);
  if (auto* token = std::get_if<AddSmartcardKey>(&request)) add_ends(*token);
  return out;
}

TEST(Request, WritesWhatItParsed) {
  for (const auto& [name, bytes] : requests()) {
    if (name == "remove_all.2.request") continue;  // SSH-1's form
    EXPECT_EQ(test::to_hex(again(bytes)), test::to_hex(bytes)) << name;
  }
}

TEST(Request, RefusesEveryTruncationAndTrailingByte) {
  for (const auto& [name, bytes] : requests()) {
    if (bytes[0] == 27) continue;  // what follows an extension's name is the extension's
    SCOPED_TRACE(name);
    test::expect_exact_length(
        bytes, [](ByteView message) { parse_request(message); }, earlier_ends(bytes));
  }
}

TEST(Request, RefusesUnknownTypes) {
  EXPECT_EQ(parse_error({}), Errc::malformed);
  const std::string known = "\x09\x0b\x0d\x11\x12\x13\x14\x15\x16\x17\x19\x1a\x1b";
  for (unsigned type = 0; type < 256; ++type) {
    const auto byte = static_cast<std::uint8_t>(type);
    if (known.find(static_cast<char>(byte)) != std::string::npos) continue;
    EXPECT_EQ(parse_error(Bytes{byte}), Errc::unsupported) << type;
  }
  EXPECT_EQ(parse_error(test::message("pageant_list.request")), Errc::unsupported);
}

TEST(Request, TakesBothFormsOfRemoveAll) {
  EXPECT_NO_THROW(parse_as<RemoveAllIdentities>(from_hex("13")));
  EXPECT_NO_THROW(parse_as<RemoveAllIdentities>(from_hex("09")));
  EXPECT_EQ(test::to_hex(again(from_hex("09"))), "13");
}

TEST(Request, KnowsListRequest) { EXPECT_NO_THROW(parse_as<RequestIdentities>(test::message("list.request"))); }

TEST(SignRequest, ReadsItsFields) {
  const SignRequest request = parse_as<SignRequest>(test::message("login_forward.3.request"));
  EXPECT_EQ(PublicKey::parse(request.key_blob).kind, KeyKind::rsa);
  EXPECT_EQ(request.flags, SignRequest::flag_rsa_sha2_512);
  EXPECT_FALSE(request.data.empty());
  EXPECT_EQ(parse_as<SignRequest>(test::message("login.3.request")).flags, 0U);
}

TEST(SignRequest, WithoutFlagsIsRefused) {
  const Bytes message = Writer().u8(13).string("key").string("data").take();
  EXPECT_EQ(parse_error(message), Errc::malformed);
}

TEST(SignRequest, KeepsUnknownFlagsForTheAgentToRefuse) {
  const Bytes message = Writer().u8(13).string("key").string("data").u32(0x80000001).take();
  EXPECT_EQ(parse_as<SignRequest>(message).flags, 0x80000001U);
}

TEST(AddIdentity, ReadsKeyCommentAndConstraints) {
  const AddIdentity plain = parse_as<AddIdentity>(test::message("add_ed25519.request"));
  EXPECT_EQ(plain.key.public_key.kind, KeyKind::ed25519);
  EXPECT_EQ(plain.comment, "ed25519 of vectors");
  EXPECT_TRUE(plain.constraints.empty());
  const AddIdentity limited = parse_as<AddIdentity>(test::message("add_lifetime.request"));
  EXPECT_EQ(limited.constraints.lifetime_seconds, 3600U);
  EXPECT_FALSE(limited.constraints.confirm);
  const AddIdentity confirmed = parse_as<AddIdentity>(test::message("add_confirm_lifetime.request"));
  EXPECT_EQ(confirmed.constraints.lifetime_seconds, 90U);
  EXPECT_TRUE(confirmed.constraints.confirm);
  const AddIdentity sk = parse_as<AddIdentity>(test::message("add_sk_ecdsa.request"));
  EXPECT_TRUE(sk.constraints.sk_provider->ends_with("/sk-dummy.so"));
  EXPECT_EQ(parse_as<AddIdentity>(test::message("add_destinations.request")).constraints.destinations.size(), 4U);
}

TEST(AddIdentity, TakesConstraintsInTheUnconstrainedFormToo) {
  Bytes message = test::message("add_lifetime.request");
  ASSERT_EQ(message[0], 25);
  message[0] = 17;
  EXPECT_EQ(parse_as<AddIdentity>(message).constraints.lifetime_seconds, 3600U);
}

TEST(AddIdentity, RefusesNulInComment) {
  Bytes message = test::message("add_ed25519.request");
  message.back() = 0;
  EXPECT_EQ(parse_error(message), Errc::malformed);
}

TEST(AddIdentity, RefusesConstraintsThatAreForTokensOnly) {
  const auto with = [](const char* name, const char* constraint, std::string_view value) {
    Writer out;
    out.raw(test::message(name)).u8(255).string(constraint).raw(as_bytes(value));
    return out.take();
  };
  const std::string_view no_certificates("\0\0\0\0\0", 5);
  const std::string_view internal("\0\0\0\x08internal", 12);
  EXPECT_EQ(parse_error(with("add_ed25519.request", "associated-certs-v00@openssh.com", no_certificates)),
            Errc::malformed);
  EXPECT_EQ(parse_error(with("add_ed25519.request", "sk-provider@openssh.com", internal)), Errc::malformed);
  EXPECT_EQ(parse_error(with("add_smartcard.request", "sk-provider@openssh.com", internal)), Errc::malformed);
  EXPECT_FALSE(parse_error(with("add_smartcard.request", "associated-certs-v00@openssh.com", no_certificates)));
}

TEST(AddIdentity, RefusesUnknownConstraints) {
  Bytes message = test::message("add_ed25519.request");
  for (const unsigned type : {0U, 3U, 254U}) {
    message.push_back(static_cast<std::uint8_t>(type));
    EXPECT_EQ(parse_error(message), Errc::unsupported) << type;
    message.pop_back();
  }
}

TEST(RemoveIdentity, ReadsItsKey) {
  const RemoveIdentity request = parse_as<RemoveIdentity>(test::message("remove.request"));
  EXPECT_EQ(PublicKey::parse(request.key_blob).kind, KeyKind::ecdsa_p384);
}

TEST(SmartcardRequests, ReadProviderPinAndConstraints) {
  const std::string provider = "/usr/lib/no-such-module.so";
  const AddSmartcardKey plain = parse_as<AddSmartcardKey>(test::message("add_smartcard.request"));
  EXPECT_EQ(plain.provider, provider);
  EXPECT_EQ(as_text(plain.pin), "pass phrase");
  EXPECT_TRUE(plain.constraints.empty());
  const AddSmartcardKey constrained = parse_as<AddSmartcardKey>(test::message("add_smartcard_constrained.request"));
  EXPECT_EQ(constrained.provider, provider);
  EXPECT_TRUE(constrained.constraints.confirm);
  EXPECT_EQ(constrained.constraints.lifetime_seconds, 60U);
  const RemoveSmartcardKey removal = parse_as<RemoveSmartcardKey>(test::message("remove_smartcard.request"));
  EXPECT_EQ(removal.provider, provider);
  EXPECT_TRUE(removal.pin.empty());
}

TEST(LockRequests, ReadTheirPassphrase) {
  EXPECT_EQ(as_text(parse_as<Lock>(test::message("lock.request")).passphrase), "pass phrase");
  EXPECT_EQ(as_text(parse_as<Unlock>(test::message("unlock.request")).passphrase), "pass phrase");
}

TEST(Requests, RefuseNulInTexts) {
  const std::string_view with_nul("a\0b", 3);
  EXPECT_EQ(parse_error(Writer().u8(22).string(with_nul).take()), Errc::malformed);
  EXPECT_EQ(parse_error(Writer().u8(23).string(with_nul).take()), Errc::malformed);
  EXPECT_EQ(parse_error(Writer().u8(27).string(with_nul).take()), Errc::malformed);
  for (const std::uint8_t type : from_hex("14151a")) {
    EXPECT_EQ(parse_error(Writer().u8(type).string(with_nul).string("pin").take()), Errc::malformed);
    EXPECT_EQ(parse_error(Writer().u8(type).string("provider").string(with_nul).take()), Errc::malformed);
  }
}

TEST(Extension, TakesAllThatFollowsItsName) {
  const Bytes& message = test::message("login.2.request");
  const Extension extension = parse_as<Extension>(message);
  EXPECT_EQ(extension.name, "session-bind@openssh.com");
  EXPECT_EQ(extension.contents.size(), message.size() - 1 - 4 - extension.name.size());
  const std::size_t name_end = message.size() - extension.contents.size();
  for (std::size_t size = 0; size < name_end; ++size) {
    EXPECT_EQ(parse_error(ByteView(message).first(size)), Errc::malformed) << size;
  }
  EXPECT_TRUE(parse_as<Extension>(ByteView(message).first(name_end)).contents.empty());
}

TEST(Extension, TakesNamesUpToTheirLimit) {
  const auto with_name = [](std::size_t size) { return Writer().u8(27).string(std::string(size, 'x')).take(); };
  EXPECT_FALSE(parse_error(with_name(0)));
  EXPECT_FALSE(parse_error(with_name(limits::name_bytes)));
  EXPECT_EQ(parse_error(with_name(limits::name_bytes + 1)), Errc::malformed);
}

}  // namespace
}  // namespace fob
