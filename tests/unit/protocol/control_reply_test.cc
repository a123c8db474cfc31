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
  out.services = {"github.com", "desk"};
  return out;
}

Keys listed(std::vector<Key> keys, bool vault_locked = false) { return {vault_locked, std::move(keys)}; }

SecretBytes secret(std::string_view text) { return SecretBytes(as_bytes(text)); }

Slot fido_slot() { return {3, KeyslotKind::fido, "Example Key 0815", "", true, 1'700'000'000}; }
Slot pkcs11_slot() { return {4, KeyslotKind::pkcs11, "work", "pkcs11:token=work;id=%01", false, 1'700'000'001}; }

Kept kept() {
  Kept out;
  out.key = key("openssh/sshkey/ecdsa_sk1.pub");
  out.challenge = Bytes(32, 1);
  out.attestation_certificate = Bytes(300, 2);
  out.attestation_signature = Bytes(70, 3);
  out.authenticator_data = Bytes(200, 4);
  out.recovery_code = secret("AAAA-BBBB");
  return out;
}

Exported exported() {
  Reader in(test::message("add_sk_ed25519.request"));
  in.u8();
  return {PrivateKey::read(in), "a comment"};
}

Activity activity() {
  Activity out;
  out.number = 42;
  out.tokens = {"Example Key (serial 0815)"};
  out.waiting = {"Touch Example Key", "PIN of Example Key"};
  out.uses = {{1'700'000'000, "work", "log in as alice", "ssh", ""}, {1'600'000'000, "job", "sign", "", "no"}};
  out.keys = 3;
  out.vault_locked = true;
  out.agent_locked = true;
  return out;
}

/// One of each, in the order of their numbers.
std::vector<Reply> replies() {
  std::vector<Reply> out;
  out.emplace_back(Failed{Errc::wrong_pin, "wrong PIN, 7 tries left"});
  out.emplace_back(Done{});
  out.emplace_back(Notice{"touch Example Key"});
  out.emplace_back(Question{Question::Kind::new_pin, "new PIN of Example Key"});
  out.emplace_back(Tokens{{token(), faulty_token(), pkcs11_token()}});
  out.emplace_back(listed({key("openssh/sshkey/ed25519_sk1.pub"), key("openssh/sshkey/rsa_1-cert.pub")}, true));
  out.emplace_back(kept());
  out.emplace_back(exported());
  out.emplace_back(Residents{{{test::public_key("openssh/sshkey/ecdsa_sk1.pub"), Bytes(64, 7), 0x21, "alice"}}});
  out.emplace_back(Attested{{Bytes(700, 5), Bytes(600, 6)}});
  out.emplace_back(Slots{true, false, "/home/alice/vault.db", {fido_slot(), pkcs11_slot()}});
  out.emplace_back(SlotAdded{fido_slot(), secret("AAAA-BBBB")});
  out.emplace_back(BackedUp{12, Bytes(5000, 9)});
  out.emplace_back(activity());
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
  EXPECT_EQ(number, 142);
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
  for (const unsigned number : {0U, 1U, 127U, 142U, 255U}) {
    EXPECT_EQ(parse_error(Bytes{static_cast<std::uint8_t>(number)}), Errc::unsupported) << number;
  }
}

TEST(ControlReply, RefusesListsLongerThanTheirLimitWithoutMakingRoom) {
  const auto error = [](const Bytes& before, std::uint32_t count) {
    return parse_error(Writer().raw(before).u32(count).take());
  };
  const Bytes slots = Writer().u8(138).boolean(true).boolean(true).string("/vault.db").take();
  for (const Bytes& before : {Bytes{132}, Bytes{133, 0}, Bytes{136}, Bytes{137}, slots}) {
    EXPECT_EQ(error(before, UINT32_MAX), Errc::malformed);
    EXPECT_EQ(error(before, 64), Errc::malformed);
    EXPECT_EQ(error(before, 0), std::nullopt);
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
  for (const auto kind : {Question::Kind::pin, Question::Kind::new_pin, Question::Kind::text,
                          Question::Kind::passphrase, Question::Kind::new_passphrase}) {
    EXPECT_EQ(std::get<Question>(again(Question{kind, "?"})).kind, kind);
  }
  EXPECT_EQ(parse_error(Writer().u8(131).u8(5).string("?").take()), Errc::unsupported);
}

TEST(ControlKeys, ReadTheirFields) {
  const Reply reply = again(listed({key("openssh/sshkey/ed25519_sk1.pub")}, true));
  EXPECT_TRUE(std::get<Keys>(reply).vault_locked);
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
  EXPECT_EQ(read.services, (std::vector<std::string>{"github.com", "desk"}));
}

TEST(ControlKeys, SayWhereOnATokenTheyAre) {
  Key stored = key("openssh/sshkey/rsa_1.pub");
  stored.uri = "pkcs11:token=work;id=%01";
  EXPECT_EQ(std::get<Keys>(again(listed({stored}))).keys.at(0).uri, "pkcs11:token=work;id=%01");
  stored.uri = "pkcs11:token=\x1b[31m";
  EXPECT_EQ(parse_error(message_of(listed({stored}))), Errc::malformed);
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
  EXPECT_EQ(parse_error(message_of(std::move(large))), Errc::malformed);
}

TEST(ControlKept, MayHaveARecoveryCode) {
  EXPECT_EQ(as_text(std::get<Kept>(again(kept())).recovery_code.view()), "AAAA-BBBB");
  Kept without = kept();
  without.recovery_code = SecretBytes();
  EXPECT_TRUE(std::get<Kept>(again(std::move(without))).recovery_code.empty());
  Kept large = kept();
  large.recovery_code = SecretBytes(limits::recovery_code_bytes + 1);
  EXPECT_EQ(parse_error(message_of(std::move(large))), Errc::malformed);
}

TEST(ControlSlots, ReadTheirFields) {
  const Reply reply = again(Slots{true, false, "/vault.db", {fido_slot(), pkcs11_slot()}});
  const Slots& read = std::get<Slots>(reply);
  EXPECT_TRUE(read.exists);
  EXPECT_FALSE(read.locked);
  EXPECT_EQ(read.path, "/vault.db");
  ASSERT_EQ(read.slots.size(), 2U);
  EXPECT_EQ(read.slots[0].id, 3U);
  EXPECT_EQ(read.slots[0].kind, KeyslotKind::fido);
  EXPECT_EQ(read.slots[0].name, "Example Key 0815");
  EXPECT_TRUE(read.slots[0].pin);
  EXPECT_EQ(read.slots[0].created, 1'700'000'000U);
  EXPECT_EQ(read.slots[1].uri, "pkcs11:token=work;id=%01");
  EXPECT_FALSE(read.slots[1].pin);
}

TEST(ControlSlots, AreAsManyAsAVaultHas) {
  Slots most{true, true, "/vault.db", {}};
  most.slots.assign(limits::keyslots, pkcs11_slot());
  EXPECT_EQ(parse_error(message_of(most)), std::nullopt);
  most.slots.push_back(pkcs11_slot());
  EXPECT_EQ(parse_error(message_of(most)), Errc::malformed);
}

TEST(ControlSlots, RefuseKindsUrisAndNamesThatThereAreNot) {
  const auto error = [](auto change) {
    Slot slot = pkcs11_slot();
    change(slot);
    return parse_error(message_of(SlotAdded{slot, {}}));
  };
  EXPECT_EQ(error([](Slot&) {}), std::nullopt);
  EXPECT_EQ(error([](Slot& slot) { slot.kind = static_cast<KeyslotKind>(5); }), Errc::unsupported);
  EXPECT_EQ(error([](Slot& slot) { slot.uri = "pkcs11:token=\x1b[31m"; }), Errc::malformed);
  EXPECT_EQ(error([](Slot& slot) { slot.name.assign(limits::name_bytes + 1, 'x'); }), Errc::malformed);
}

TEST(ControlSlotAdded, HasACodeOfItsLengthAtMost) {
  const Reply reply = again(SlotAdded{fido_slot(), SecretBytes(limits::recovery_code_bytes)});
  EXPECT_EQ(std::get<SlotAdded>(reply).recovery_code.size(), limits::recovery_code_bytes);
  EXPECT_EQ(parse_error(message_of(SlotAdded{fido_slot(), SecretBytes(limits::recovery_code_bytes + 1)})),
            Errc::malformed);
}

TEST(ControlBackedUp, HoldsTheLargestVault) {
  const Reply reply = again(BackedUp{3, Bytes(limits::vault_file_bytes, 1)});
  EXPECT_EQ(std::get<BackedUp>(reply).key_count, 3U);
  EXPECT_EQ(std::get<BackedUp>(reply).file.size(), limits::vault_file_bytes);
  EXPECT_EQ(parse_error(message_of(BackedUp{3, Bytes(limits::vault_file_bytes + 1, 1)})), Errc::malformed);
}

TEST(ControlActivity, KeepsEverythingThatItSays) {
  const auto got = std::get<Activity>(again(activity()));
  EXPECT_EQ(got.number, 42U);
  EXPECT_EQ(got.tokens, activity().tokens);
  EXPECT_EQ(got.waiting, activity().waiting);
  EXPECT_EQ(got.uses, activity().uses);
  EXPECT_EQ(got.keys, 3U);
  EXPECT_TRUE(got.vault_locked);
  EXPECT_TRUE(got.agent_locked);
}

TEST(ControlActivity, RefusesMoreThanItSaysAndNoNumber) {
  Activity many = activity();
  many.uses.resize(limits::remembered_uses);
  many.waiting.resize(limits::listed_waits);
  EXPECT_EQ(parse_error(message_of(many)), std::nullopt);
  many.uses.resize(limits::remembered_uses + 1);
  EXPECT_EQ(parse_error(message_of(many)), Errc::too_large);
  many = activity();
  many.waiting.resize(limits::listed_waits + 1);
  EXPECT_EQ(parse_error(message_of(many)), Errc::too_large);
  Activity none = activity();
  none.number = 0;
  EXPECT_EQ(parse_error(message_of(none)), Errc::malformed);
}

}  // namespace
}  // namespace fob::control
