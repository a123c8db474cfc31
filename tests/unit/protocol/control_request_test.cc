#include "protocol/control_request.h"

#include "protocol/limits.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::control {
namespace {

using test::error_of;

PrivateKey key_in(const std::string& message) {
  Reader in(test::message(message));
  in.u8();
  return PrivateKey::read(in);
}

NewKey new_key() {
  NewKey out;
  out.name = "work";
  out.on = "fido:0815";
  out.kind = KeyKind::sk_ed25519;
  out.application = "ssh:work";
  out.user = "alice";
  out.comment = "alice@desk";
  out.challenge = to_bytes(as_bytes("challenge"));
  out.resident = true;
  out.no_touch = true;
  out.confirm = true;
  out.services = {"github.com", "desk"};
  return out;
}

NewKey new_rsa_key() {
  NewKey out;
  out.name = "work";
  out.on = "pkcs11:token=work";
  out.kind = KeyKind::rsa;
  out.rsa_bits = 3072;
  out.comment = "alice@desk";
  out.piv = {"9a", 2, 3};
  out.replace = true;
  return out;
}

ImportKey import_key(const std::string& message, const std::string& on = "") {
  ImportKey out;
  out.name = "work";
  out.comment = "a comment";
  out.key = key_in(message);
  out.on = on;
  return out;
}

AddSlot add_slot() { return {KeyslotKind::fido, "fido:0815", AddSlot::Pin::always}; }

Answer answer(std::string_view text) {
  Answer out;
  out.given = true;
  out.text = SecretBytes(as_bytes(text));
  return out;
}

/// One of each, in the order of their numbers.
std::vector<Request> requests() {
  const Bytes handle{1, 2, 3};
  std::vector<Request> out;
  out.emplace_back(ListTokens{});
  out.emplace_back(ListKeys{});
  out.emplace_back(new_key());
  out.emplace_back(import_key("add_sk_ecdsa.request"));
  out.emplace_back(ExportKey{"work"});
  out.emplace_back(RemoveKey{"work", true, true});
  out.emplace_back(SetPin{"fido"});
  out.emplace_back(ChangePin{"fido:1"});
  out.emplace_back(ListResident{"fido:hidraw3"});
  out.emplace_back(RemoveResident{"fido", handle});
  out.emplace_back(RenameResident{"fido", handle, "bob"});
  out.emplace_back(ResetToken{"fido"});
  out.emplace_back(answer("1234"));
  out.emplace_back(AdoptKey{"work", "a comment", "pkcs11:token=work;id=%01"});
  out.emplace_back(UnblockPin{"pkcs11:token=work"});
  out.emplace_back(AttestKey{"work"});
  out.emplace_back(UnlockVault{KeyslotKind::recovery});
  out.emplace_back(LockVault{});
  out.emplace_back(ListSlots{});
  out.emplace_back(add_slot());
  out.emplace_back(RemoveSlot{7});
  out.emplace_back(BackUp{});
  out.emplace_back(Restore{"/home/alice/vault.backup", true});
  out.emplace_back(ChangeKey{"work", "job", "", {"github", "alice@host.example"}});
  out.emplace_back(Watch{0x0123456789abcdef});
  return out;
}

Bytes message_of(const Request& request) {
  const Bytes frame = frame_request(request);
  Reader in(frame);
  const Bytes out = to_bytes(in.string());
  in.done();
  return out;
}

std::optional<Errc> parse_error(ByteView message) {
  return error_of([&] { parse_request(message); });
}

template <class Change>
std::optional<Errc> error_with(Change change, NewKey key = new_key()) {
  change(key);
  return parse_error(message_of(key));
}

TEST(ControlRequest, HasFixedNumbers) {
  std::uint8_t number = 1;
  for (const Request& request : requests()) EXPECT_EQ(message_of(request)[0], number++);
  EXPECT_EQ(number, 26);
}

TEST(ControlRequest, WritesWhatItRead) {
  for (const Request& request : requests()) {
    const Bytes message = message_of(request);
    const Request again = parse_request(message);
    EXPECT_EQ(again.index(), request.index());
    EXPECT_EQ(test::to_hex(message_of(again)), test::to_hex(message));
  }
}

TEST(ControlRequest, RefusesEveryTruncationAndTrailingByte) {
  for (const Request& request : requests()) {
    const Bytes message = message_of(request);
    SCOPED_TRACE(static_cast<int>(message[0]));
    test::expect_exact_length(message, [](ByteView bytes) { parse_request(bytes); });
  }
}

TEST(ControlRequest, RefusesUnknownNumbers) {
  EXPECT_EQ(parse_error({}), Errc::malformed);
  for (const unsigned number : {0U, 26U, 127U, 128U, 255U}) {
    EXPECT_EQ(parse_error(Bytes{static_cast<std::uint8_t>(number)}), Errc::unsupported) << number;
  }
}

TEST(ControlRequest, RefusesMoreThanOneMessage) {
  EXPECT_EQ(parse_error(Bytes(limits::message_bytes + 1, 1)), Errc::too_large);
}

TEST(ControlNewKey, ReadsItsFields) {
  const NewKey key = std::get<NewKey>(parse_request(message_of(new_key())));
  EXPECT_EQ(key.name, "work");
  EXPECT_EQ(key.on, "fido:0815");
  EXPECT_EQ(key.kind, KeyKind::sk_ed25519);
  EXPECT_EQ(key.application, "ssh:work");
  EXPECT_EQ(key.user, "alice");
  EXPECT_EQ(key.comment, "alice@desk");
  EXPECT_EQ(as_text(key.challenge), "challenge");
  EXPECT_TRUE(key.resident);
  EXPECT_FALSE(key.verify_required);
  EXPECT_TRUE(key.no_touch);
  EXPECT_FALSE(key.replace);
  EXPECT_TRUE(key.confirm);
  EXPECT_EQ(key.services, (std::vector<std::string>{"github.com", "desk"}));
  EXPECT_EQ(key.rsa_bits, 0U);
  EXPECT_EQ(key.piv.slot, "");
}

TEST(ControlNewKey, ReadsTheFieldsOfAPivKey) {
  const NewKey key = std::get<NewKey>(parse_request(message_of(new_rsa_key())));
  EXPECT_EQ(key.on, "pkcs11:token=work");
  EXPECT_EQ(key.kind, KeyKind::rsa);
  EXPECT_EQ(key.rsa_bits, 3072U);
  EXPECT_EQ(key.piv.slot, "9a");
  EXPECT_EQ(key.piv.pin_policy, 2);
  EXPECT_EQ(key.piv.touch_policy, 3);
  EXPECT_TRUE(key.replace);
  EXPECT_FALSE(key.resident);
  EXPECT_FALSE(key.confirm);
  EXPECT_TRUE(key.services.empty());
}

TEST(ControlNewKey, MayLeavePlaceAndKindToTheAgent) {
  NewKey unsaid = new_key();
  unsaid.on.clear();
  unsaid.kind.reset();
  const NewKey key = std::get<NewKey>(parse_request(message_of(unsaid)));
  EXPECT_EQ(key.on, "");
  EXPECT_EQ(key.kind, std::nullopt);
}

TEST(ControlNewKey, RefusesServicesThatAreTooManyTooLongOrUnfitForPeople) {
  const auto error = [](std::vector<std::string> services) {
    return error_with([&](NewKey& key) { key.services = std::move(services); });
  };
  EXPECT_EQ(error({limits::services, std::string(limits::name_bytes, 'x')}), std::nullopt);
  EXPECT_EQ(error({limits::services + 1, "x"}), Errc::too_large);
  EXPECT_EQ(error({std::string(limits::name_bytes + 1, 'x')}), Errc::malformed);
  EXPECT_EQ(error({"desk", ""}), Errc::malformed);
  EXPECT_EQ(error({"a\nb"}), Errc::malformed);
  EXPECT_EQ(error({"\x1b[31m"}), Errc::malformed);
  EXPECT_EQ(error({"caf\u00e9"}), std::nullopt);
}

TEST(ControlNewKey, RefusesBitsSlotsAndPoliciesThatNoTokenHas) {
  const auto error = [](auto change) { return error_with(change, new_rsa_key()); };
  EXPECT_EQ(error([](NewKey& key) { key.rsa_bits = limits::rsa_max_bits; }), std::nullopt);
  EXPECT_EQ(error([](NewKey& key) { key.rsa_bits = limits::rsa_max_bits + 1; }), Errc::too_large);
  EXPECT_EQ(error([](NewKey& key) { key.piv.slot = "9a9"; }), Errc::malformed);
  EXPECT_EQ(error([](NewKey& key) { key.piv.slot = std::string("9\0", 2); }), Errc::malformed);
  EXPECT_EQ(error([](NewKey& key) { key.piv.pin_policy = 3; }), std::nullopt);
  EXPECT_EQ(error([](NewKey& key) { key.piv.pin_policy = 4; }), Errc::unsupported);
  EXPECT_EQ(error([](NewKey& key) { key.piv.touch_policy = 4; }), Errc::unsupported);
}

TEST(ControlNewKey, RefusesTokenUrisThatAreNone) {
  const auto error = [](const std::string& on) {
    return error_with([&on](NewKey& key) { key.on = on; }, new_rsa_key());
  };
  EXPECT_EQ(error("pkcs11:token=a%20b"), std::nullopt);
  EXPECT_EQ(error("pkcs11:token=a b"), Errc::malformed);
  EXPECT_EQ(error("pkcs11:token=\x1b[31m"), Errc::malformed);
}

TEST(ControlNewKey, RefusesFieldsOverTheirLimit) {
  const auto filled = [](std::size_t bytes) { return std::string(bytes, 'a'); };
  EXPECT_EQ(error_with([&](NewKey& key) { key.name = filled(limits::key_name_bytes); }), std::nullopt);
  EXPECT_EQ(error_with([&](NewKey& key) { key.name = filled(limits::key_name_bytes + 1); }), Errc::malformed);
  EXPECT_EQ(error_with([&](NewKey& key) { key.on = filled(limits::uri_bytes + 1); }), Errc::malformed);
  EXPECT_EQ(error_with([&](NewKey& key) { key.application = filled(limits::name_bytes + 1); }), Errc::malformed);
  EXPECT_EQ(error_with([&](NewKey& key) { key.user = filled(limits::credential_user_bytes + 1); }), Errc::malformed);
  EXPECT_EQ(error_with([&](NewKey& key) { key.comment = filled(limits::comment_bytes + 1); }), Errc::malformed);
  EXPECT_EQ(error_with([&](NewKey& key) { key.challenge.resize(limits::challenge_bytes); }), std::nullopt);
  EXPECT_EQ(error_with([&](NewKey& key) { key.challenge.resize(limits::challenge_bytes + 1); }), Errc::malformed);
}

TEST(ControlNewKey, RefusesNamesOfFilesElsewhereAndNul) {
  EXPECT_EQ(error_with([](NewKey& key) { key.name = "../id"; }), Errc::malformed);
  EXPECT_EQ(error_with([](NewKey& key) { key.comment = std::string("a\0b", 3); }), Errc::malformed);
  EXPECT_EQ(error_with([](NewKey& key) { key.comment = "a\nssh-ed25519 AAAA b"; }), Errc::malformed);
}

TEST(ControlNewKey, RefusesUnknownKeyTypesAndCertificates) {
  const auto with_type = [](std::string_view type) {
    Writer out;
    out.u8(3).string("work").string("fido").string(type);
    return parse_error(out.take());
  };
  EXPECT_EQ(with_type("ssh-dss"), Errc::unsupported);
  EXPECT_EQ(with_type(traits(KeyKind::sk_ed25519).certificate_name), Errc::unsupported);
}

TEST(ControlImportKey, TakesSkKeysAsTheyAre) {
  const auto import_error = [](const std::string& message, const std::string& on) {
    return parse_error(message_of(import_key(message, on)));
  };
  EXPECT_EQ(import_error("add_sk_ed25519.request", ""), std::nullopt);
  EXPECT_EQ(import_error("add_sk_ed25519.request", "pkcs11:token=work"), Errc::unsupported);
  EXPECT_EQ(import_error("certify_sk_ecdsa.request", ""), Errc::unsupported);
}

TEST(ControlImportKey, TakesOtherKeysForATokenOrTheVault) {
  for (const char* message :
       {"add_rsa.request", "add_ecdsa_p256.request", "add_ecdsa_p521.request", "add_ed25519.request"}) {
    EXPECT_EQ(parse_error(message_of(import_key(message, "pkcs11:token=work"))), std::nullopt) << message;
    EXPECT_EQ(parse_error(message_of(import_key(message))), std::nullopt) << message;
  }
  EXPECT_EQ(parse_error(message_of(import_key("certify_ed25519.request"))), Errc::unsupported);
  EXPECT_EQ(parse_error(message_of(import_key("certify_ed25519.request", "pkcs11:token=work"))), Errc::unsupported);
}

TEST(ControlImportKey, ReadsWhereTheKeyGoes) {
  ImportKey request = import_key("add_rsa.request", "pkcs11:token=work");
  request.confirm = true;
  request.services = {"desk"};
  request.piv = {"9c", 3, 1};
  request.replace = true;
  const Request parsed = parse_request(message_of(std::move(request)));
  const ImportKey& again = std::get<ImportKey>(parsed);
  EXPECT_EQ(again.on, "pkcs11:token=work");
  EXPECT_TRUE(again.confirm);
  EXPECT_EQ(again.services, std::vector<std::string>{"desk"});
  EXPECT_EQ(again.piv.slot, "9c");
  EXPECT_EQ(again.piv.pin_policy, 3);
  EXPECT_EQ(again.piv.touch_policy, 1);
  EXPECT_TRUE(again.replace);
}

TEST(ControlRemoveKey, ReadsItsFields) {
  const RemoveKey sure = std::get<RemoveKey>(parse_request(message_of(RemoveKey{"work", false, true})));
  EXPECT_FALSE(sure.from_token);
  EXPECT_TRUE(sure.sure);
  const RemoveKey unsure = std::get<RemoveKey>(parse_request(message_of(RemoveKey{"work", true, false})));
  EXPECT_TRUE(unsure.from_token);
  EXPECT_FALSE(unsure.sure);
}

TEST(ControlUnlockVault, MayLeaveTheKindOfSlotToTheAgent) {
  const auto again = [](std::optional<KeyslotKind> kind) {
    return std::get<UnlockVault>(parse_request(message_of(UnlockVault{kind}))).kind;
  };
  EXPECT_EQ(again(std::nullopt), std::nullopt);
  for (const KeyslotKind kind : keyslot_kinds) EXPECT_EQ(again(kind), kind);
  for (const std::uint8_t kind : {std::uint8_t{0}, std::uint8_t{5}, std::uint8_t{255}}) {
    EXPECT_EQ(parse_error(Writer().u8(17).boolean(true).u8(kind).take()), Errc::unsupported);
  }
}

TEST(ControlAddSlot, ReadsItsFields) {
  const AddSlot slot = std::get<AddSlot>(parse_request(message_of(add_slot())));
  EXPECT_EQ(slot.kind, KeyslotKind::fido);
  EXPECT_EQ(slot.on, "fido:0815");
  EXPECT_EQ(slot.pin, AddSlot::Pin::always);
  for (const auto pin : {AddSlot::Pin::if_set, AddSlot::Pin::never}) {
    EXPECT_EQ(std::get<AddSlot>(parse_request(message_of(AddSlot{KeyslotKind::fido, "fido", pin}))).pin, pin);
  }
}

TEST(ControlAddSlot, RefusesKindsTokensAndWishesThatThereAreNot) {
  const auto error = [](std::uint8_t kind, const std::string& on, std::uint8_t pin) {
    return parse_error(Writer().u8(20).u8(kind).string(on).u8(pin).take());
  };
  EXPECT_EQ(error(4, "pkcs11:token=work;object=vault", 0), std::nullopt);
  EXPECT_EQ(error(0, "", 0), Errc::unsupported);
  EXPECT_EQ(error(5, "", 0), Errc::unsupported);
  EXPECT_EQ(error(4, "pkcs11:token=a b", 0), Errc::malformed);
  EXPECT_EQ(error(3, std::string(limits::uri_bytes + 1, 'a'), 0), Errc::malformed);
  EXPECT_EQ(error(3, "fido", 3), Errc::malformed);
}

TEST(ControlRestore, TakesAbsolutePathsOnly) {
  const auto error = [](const std::string& path) { return parse_error(message_of(Restore{path, false})); };
  EXPECT_EQ(error("/" + std::string(limits::path_bytes - 1, 'a')), std::nullopt);
  EXPECT_EQ(error("/" + std::string(limits::path_bytes, 'a')), Errc::malformed);
  EXPECT_EQ(error("backup"), Errc::malformed);
  EXPECT_EQ(error(""), Errc::malformed);
  EXPECT_EQ(error(std::string("/a\0b", 4)), Errc::malformed);
  EXPECT_TRUE(std::get<Restore>(parse_request(message_of(Restore{"/a", true}))).replace);
}

TEST(ControlAdoptKey, TakesPkcs11UrisOnly) {
  const auto adopt_error = [](const std::string& uri) { return parse_error(message_of(AdoptKey{"work", "", uri})); };
  EXPECT_EQ(adopt_error("pkcs11:token=work;object=login"), std::nullopt);
  EXPECT_EQ(adopt_error(""), Errc::malformed);
  EXPECT_EQ(adopt_error("fido:0815"), Errc::malformed);
  EXPECT_EQ(adopt_error("pkcs11:" + std::string(limits::uri_bytes, 'a')), Errc::malformed);
}

TEST(ControlAnswer, ReadsWhatWasTyped) {
  const Request request = parse_request(message_of(answer("12\u00e934")));
  EXPECT_TRUE(std::get<Answer>(request).given);
  EXPECT_EQ(as_text(std::get<Answer>(request).text.view()), "12\u00e934");
  EXPECT_FALSE(std::get<Answer>(parse_request(message_of(Answer{}))).given);
}

TEST(ControlAnswer, RefusesTextOfOneThatWasDeclinedAndTooMuch) {
  Answer declined = answer("1234");
  declined.given = false;
  EXPECT_EQ(parse_error(message_of(std::move(declined))), Errc::malformed);
  EXPECT_EQ(parse_error(message_of(answer(std::string(limits::typed_bytes, '1')))), std::nullopt);
  EXPECT_EQ(parse_error(message_of(answer(std::string(limits::typed_bytes + 1, '1')))), Errc::malformed);
  EXPECT_EQ(parse_error(message_of(answer(std::string_view("1\0", 2)))), Errc::malformed);
}

TEST(ControlChangeKey, TellsWhatChangesFromWhatStays) {
  ChangeKey request;
  request.name = "work";
  auto got = std::get<ChangeKey>(parse_request(message_of(request)));
  EXPECT_EQ(got.name, "work");
  EXPECT_EQ(got.new_name, "");
  EXPECT_EQ(got.comment, std::nullopt);
  EXPECT_TRUE(got.given_to.empty());
  request.comment = "";
  request.new_name = "job";
  request.given_to = {"github"};
  got = std::get<ChangeKey>(parse_request(message_of(request)));
  EXPECT_EQ(got.new_name, "job");
  EXPECT_EQ(got.comment, "") << "an empty one is a comment, too";
  EXPECT_EQ(got.given_to, request.given_to);
}

TEST(ControlChangeKey, RefusesWhatCannotBeKept) {
  ChangeKey request;
  request.name = "work";
  request.new_name = "no name";
  EXPECT_EQ(parse_error(message_of(request)), Errc::malformed);
  request.new_name.clear();
  request.comment = std::string(limits::comment_bytes + 1, 'c');
  EXPECT_EQ(parse_error(message_of(request)), Errc::malformed);
  request.comment.reset();
  request.given_to = {"line\nbreak"};
  EXPECT_EQ(parse_error(message_of(request)), Errc::malformed);
}

}  // namespace
}  // namespace fob::control
