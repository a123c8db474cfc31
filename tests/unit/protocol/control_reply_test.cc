#include "protocol/control_reply.h"

#include "protocol/limits.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::control {
namespace {

using test::error_of;

Token token() {
  Token out;
  out.id = "fido:0815";
  out.product = "Example Key";
  out.serial = "0815";
  out.path = "/dev/hidraw3";
  out.info.versions = {"FIDO_2_1", "U2F_V2"};
  out.info.key_kinds = {KeyKind::sk_ecdsa_p256, KeyKind::sk_ed25519};
  out.info.pin_tries = 8;
  out.info.is_fido2 = true;
  out.info.pin_set = true;
  return out;
}

Token faulty_token() {
  Token out;
  out.id = "fido:hidraw4";
  out.fault = "no permission for /dev/hidraw4";
  return out;
}

Token pkcs11_token() {
  Token out;
  out.id = "pkcs11:serial=0815;token=work";
  out.product = "Yubico YubiKey PIV";
  out.serial = "0815";
  out.path = "/usr/lib/softhsm/libsofthsm2.so";
  out.pkcs11.emplace();
  out.pkcs11->uri = out.id;
  out.pkcs11->label = "work";
  out.pkcs11->pin_final_try = true;
  return out;
}

Key key(const char* public_key) {
  Key out;
  out.name = "work";
  out.where = "fido";
  out.token = "Example Key 0815";
  out.comment = "alice@desk";
  out.public_key = test::public_key(public_key);
  out.sk_flags = 0x25;
  out.created = 1'700'000'000;
  out.confirm = true;
  return out;
}

Kept kept() {
  Kept out;
  out.key = key("openssh/sshkey/ecdsa_sk1.pub");
  out.challenge = Bytes(32, 1);
  out.attestation_certificate = Bytes(300, 2);
  out.attestation_signature = Bytes(70, 3);
  out.authenticator_data = Bytes(200, 4);
  return out;
}

Exported exported() {
  Reader in(test::message("add_sk_ed25519.request"));
  in.u8();
  return {PrivateKey::read(in), "a comment"};
}

/// One of each, in the order of their numbers.
std::vector<Reply> replies() {
  std::vector<Reply> out;
  out.emplace_back(Failed{Errc::wrong_pin, "wrong PIN, 7 tries left"});
  out.emplace_back(Done{});
  out.emplace_back(Notice{"touch Example Key"});
  out.emplace_back(Question{Question::Kind::new_pin, "new PIN of Example Key"});
  out.emplace_back(Tokens{{token(), faulty_token(), pkcs11_token()}});
  out.emplace_back(Keys{{key("openssh/sshkey/ed25519_sk1.pub"), key("openssh/sshkey/rsa_1-cert.pub")}});
  out.emplace_back(kept());
  out.emplace_back(exported());
  out.emplace_back(Residents{{{test::public_key("openssh/sshkey/ecdsa_sk1.pub"), Bytes(64, 7), 0x21, "alice"}}});
  out.emplace_back(Attested{{Bytes(700, 5), Bytes(600, 6)}});
  return out;
}

Bytes message_of(const Reply& reply) {
  const Bytes frame = frame_reply(reply);
  Reader in(frame);
  const Bytes out = to_bytes(in.string());
  in.done();
  return out;
}

Reply again(const Reply& reply) { return parse_reply(message_of(reply)); }

std::optional<Errc> parse_error(ByteView message) {
  return error_of([&] { parse_reply(message); });
}

TEST(ControlReply, HasFixedNumbers) {
  std::uint8_t number = 128;
  for (const Reply& reply : replies()) EXPECT_EQ(message_of(reply)[0], number++);
  EXPECT_EQ(number, 138);
}

TEST(ControlReply, WritesWhatItRead) {
  for (const Reply& reply : replies()) {
    EXPECT_EQ(again(reply).index(), reply.index());
    EXPECT_EQ(test::to_hex(message_of(again(reply))), test::to_hex(message_of(reply)));
  }
}

TEST(ControlReply, RefusesEveryTruncationAndTrailingByte) {
  for (const Reply& reply : replies()) {
    const Bytes message = message_of(reply);
    SCOPED_TRACE(static_cast<int>(message[0]));
    test::expect_exact_length(message, [](ByteView bytes) { parse_reply(bytes); });
  }
}

TEST(ControlReply, RefusesUnknownNumbers) {
  EXPECT_EQ(parse_error({}), Errc::malformed);
  for (const unsigned number : {0U, 1U, 127U, 138U, 255U}) {
    EXPECT_EQ(parse_error(Bytes{static_cast<std::uint8_t>(number)}), Errc::unsupported) << number;
  }
}

TEST(ControlReply, RefusesListsLongerThanTheirLimitWithoutMakingRoom) {
  for (const std::uint8_t type : test::from_hex("84858889")) {
    EXPECT_EQ(parse_error(Writer().u8(type).u32(UINT32_MAX).take()), Errc::malformed);
    EXPECT_EQ(parse_error(Writer().u8(type).u32(64).take()), Errc::malformed);
    EXPECT_EQ(parse_error(Writer().u8(type).u32(0).take()), std::nullopt);
  }
}

TEST(ControlReply, HoldsEveryKeyOfAFullAgent) {
  Keys keys;
  keys.keys.assign(limits::keys, key("openssh/sshkey/rsa_1.pub"));
  EXPECT_EQ(std::get<Keys>(again(keys)).keys.size(), limits::keys);
}

TEST(ControlFailed, KeepsEachCodeUnderItsNumber) {
  const std::vector<Errc> codes{Errc::system,       Errc::malformed,    Errc::too_large,   Errc::unsupported,
                                Errc::invalid_key,  Errc::refused,      Errc::not_found,   Errc::cancelled,
                                Errc::pin_required, Errc::wrong_pin,    Errc::pin_blocked, Errc::timed_out,
                                Errc::removed,      Errc::bad_signature};
  for (std::size_t i = 0; i < codes.size(); ++i) {
    EXPECT_EQ(message_of(Failed{codes[i], "why"})[1], i);
    EXPECT_EQ(std::get<Failed>(again(Failed{codes[i], "why"})).code, codes[i]);
  }
}

TEST(ControlFailed, TakesCodesThatAreNotKnownYet) {
  const Reply reply = parse_reply(Writer().u8(128).u8(200).string("new trouble").take());
  EXPECT_EQ(std::get<Failed>(reply).code, Errc::system);
  EXPECT_EQ(std::get<Failed>(reply).text, "new trouble");
}

TEST(ControlSentences, AreCutWhenWrittenAndRefusedWhenTooLong) {
  const std::string longer(limits::sentence_bytes + 5, 'x');
  EXPECT_EQ(std::get<Failed>(again(Failed{Errc::system, longer})).text.size(), limits::sentence_bytes);
  EXPECT_EQ(std::get<Notice>(again(Notice{longer})).text.size(), limits::sentence_bytes);
  EXPECT_EQ(std::get<Question>(again(Question{Question::Kind::text, longer})).text.size(), limits::sentence_bytes);
  EXPECT_EQ(parse_error(Writer().u8(130).string(longer).take()), Errc::malformed);
}

TEST(ControlQuestion, KnowsItsKinds) {
  for (const auto kind : {Question::Kind::pin, Question::Kind::new_pin, Question::Kind::text}) {
    EXPECT_EQ(std::get<Question>(again(Question{kind, "?"})).kind, kind);
  }
  EXPECT_EQ(parse_error(Writer().u8(131).u8(3).string("?").take()), Errc::unsupported);
}

TEST(ControlKeys, ReadTheirFields) {
  const Reply reply = again(Keys{{key("openssh/sshkey/ed25519_sk1.pub")}});
  const Key& read = std::get<Keys>(reply).keys.at(0);
  EXPECT_EQ(read.name, "work");
  EXPECT_EQ(read.where, "fido");
  EXPECT_EQ(read.token, "Example Key 0815");
  EXPECT_EQ(read.comment, "alice@desk");
  EXPECT_EQ(read.public_key.kind, KeyKind::sk_ed25519);
  EXPECT_EQ(read.sk_flags, 0x25);
  EXPECT_EQ(read.created, 1'700'000'000U);
  EXPECT_TRUE(read.confirm);
  EXPECT_TRUE(read.loaded);
}

TEST(ControlKeys, SayWhereOnATokenTheyAre) {
  Key stored = key("openssh/sshkey/rsa_1.pub");
  stored.uri = "pkcs11:token=work;id=%01";
  EXPECT_EQ(std::get<Keys>(again(Keys{{stored}})).keys.at(0).uri, "pkcs11:token=work;id=%01");
  stored.uri = "pkcs11:token=\x1b[31m";
  EXPECT_EQ(parse_error(message_of(Keys{{stored}})), Errc::malformed);
}

TEST(ControlTokens, ReadTheirFields) {
  const Reply reply = again(Tokens{{token(), faulty_token()}});
  const std::vector<Token>& read = std::get<Tokens>(reply).tokens;
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].id, "fido:0815");
  EXPECT_EQ(read[0].product, "Example Key");
  EXPECT_EQ(read[0].serial, "0815");
  EXPECT_EQ(read[0].path, "/dev/hidraw3");
  EXPECT_EQ(read[0].info.pin_tries, 8U);
  EXPECT_EQ(read[1].fault, "no permission for /dev/hidraw4");
}

TEST(ControlTokens, SayWhatAPkcs11TokenSays) {
  const Reply reply = again(Tokens{{token(), pkcs11_token()}});
  const std::vector<Token>& read = std::get<Tokens>(reply).tokens;
  ASSERT_EQ(read.size(), 2U);
  EXPECT_FALSE(read[0].pkcs11);
  ASSERT_TRUE(read[1].pkcs11);
  EXPECT_EQ(read[1].pkcs11->uri, "pkcs11:serial=0815;token=work");
  EXPECT_EQ(read[1].pkcs11->label, "work");
  EXPECT_TRUE(read[1].pkcs11->pin_final_try);
}

TEST(ControlAttested, RefusesCertificatesAndChainsOverTheirLimit) {
  EXPECT_EQ(parse_error(message_of(Attested{{Bytes(limits::certificate_bytes, 1)}})), std::nullopt);
  EXPECT_EQ(parse_error(message_of(Attested{{Bytes(limits::certificate_bytes + 1, 1)}})), Errc::malformed);
  EXPECT_EQ(parse_error(message_of(Attested{std::vector(limits::attestation_chain + 1, Bytes(9, 1))})),
            Errc::malformed);
}

TEST(ControlResidents, MayBeKeysOfAPkcs11Token) {
  const std::string uri = "pkcs11:token=work;id=%01";
  const Reply reply =
      again(Residents{{{test::public_key("openssh/sshkey/rsa_1.pub"), to_bytes(as_bytes(uri)), 0, "l"}}});
  EXPECT_EQ(as_text(std::get<Residents>(reply).keys.at(0).key_handle), uri);
}

TEST(ControlResidents, RefuseCertificates) {
  const Residents residents{{{test::public_key("openssh/sshkey/ecdsa_sk1-cert.pub"), Bytes(64, 7), 1, ""}}};
  EXPECT_EQ(parse_error(message_of(residents)), Errc::malformed);
}

TEST(ControlKept, RefusesAttestationsOverTheirLimit) {
  Kept large = kept();
  large.attestation_certificate.resize(limits::attestation_bytes + 1);
  EXPECT_EQ(parse_error(message_of(large)), Errc::malformed);
}

}  // namespace
}  // namespace fob::control
