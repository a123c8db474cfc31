#include "tokens/message.h"

#include <functional>

#include "protocol/limits.h"
#include "tests/unit/protocol/vectors.h"
#include "tests/unit/tokens/messages.h"

namespace fob {
namespace {

using test::error_of;
using test::reply_error;
using test::request_error;
using test::secret;
using test::unframed;

PublicKey sk_key() { return test::public_key("openssh/sshkey/ed25519_sk1.pub"); }

KeyRef key_ref() { return {KeyKind::sk_ed25519, "ssh:work", {1, 2, 3}, 5}; }

Pkcs11NewKey new_pkcs11_key() { return {"pkcs11:token=work", KeyKind::ed25519, 0, "key", "9c", {}, {}, true, true}; }

PrivateKey private_key() {
  const Bytes message = test::message("add_ed25519.request");
  Reader in(message);
  in.u8();
  return PrivateKey::read(in);
}

void add_pkcs11(std::vector<Bytes>& out) {
  const auto add = [&out](host::Request request) { out.push_back(unframed(host::frame_request(request))); };
  add(host::ListModules{});
  add(host::ListReaders{});
  add(host::ListTokens{"pkcs11:"});
  add(host::ListKeys{"pkcs11:token=work", secret("1234"), true, true});
  add(host::SignWithKey{"pkcs11:id=%01", sk_key().blob, 2, as_bytes("data"), secret("1234"), false});
  add(host::GenerateKey{new_pkcs11_key(), {secret("1234"), secret("0102")}});
  add(host::StoreKey{new_pkcs11_key(), private_key(), {secret("1234"), {}}});
  add(host::DeleteKey{"pkcs11:id=%01", to_bytes(as_bytes("blob")), {secret("1234"), {}}});
  add(host::AttestKey{"pkcs11:id=%01", to_bytes(as_bytes("blob"))});
  add(host::ChangeTokenPin{"pkcs11:token=work", secret("1234"), secret("5678")});
  add(host::ResetTokenPin{"pkcs11:token=work", secret("12345678"), secret("5678")});
}

std::vector<Bytes> requests() {
  std::vector<Bytes> out;
  const auto add = [&out](host::Request request) { out.push_back(unframed(host::frame_request(request))); };
  NewKeyRequest key;
  key.user = "alice";
  key.challenge = {9, 9};
  add(host::Describe{});
  add(host::HasKey{key_ref()});
  add(host::Generate{key, secret("1234")});
  add(host::Sign{key_ref(), as_bytes("data"), secret("1234")});
  add(host::ListResident{secret("1234")});
  add(host::RemoveResident{{1, 2}, secret("1234")});
  add(host::RenameResident{{1, 2}, "bob", secret("")});
  add(host::SetPin{secret("1234")});
  add(host::ChangePin{secret("1234"), secret("5678")});
  add(host::Reset{});
  add(host::Cancel{});
  add_pkcs11(out);
  add(host::MakeSecretCredential{"fob:vault", secret("1234")});
  add(host::DeriveSecret{"fob:vault", {1, 2, 3}, Bytes(limits::fido_salt_bytes, 7), true, secret("1234")});
  add(host::OpenSecret{"pkcs11:id=%01", to_bytes(as_bytes("blob")), {4, 5, 6}, secret("1234")});
  return out;
}

TokenInfo token_info() {
  TokenInfo out;
  out.versions = {"U2F_V2", "FIDO_2_1"};
  out.extensions = {"credProtect"};
  out.transports = {"usb"};
  out.key_kinds = {KeyKind::sk_ecdsa_p256, KeyKind::sk_ed25519};
  out.aaguid = {1, 2, 3};
  out.firmware = 0x050403;
  out.pin_tries = 7;
  out.is_fido2 = out.pin_set = out.cred_protect = true;
  return out;
}

NewKey new_key() { return {sk_key(), {1, 2, 3}, 1, {4}, {5}, {6}, {7}}; }

Pkcs11TokenInfo pkcs11_token() {
  Pkcs11TokenInfo out;
  out.uri = "pkcs11:token=work";
  out.label = "work";
  out.key_kinds = {KeyKind::rsa, KeyKind::ed25519};
  out.rsa_max_bits = 4096;
  out.pin_set = out.is_piv = true;
  return out;
}

Pkcs11Key pkcs11_key() {
  return {"pkcs11:id=%01", "pkcs11:token=work", "key", test::public_key("openssh/sshkey/rsa_1.pub"), true};
}

std::vector<Bytes> replies() {
  std::vector<Bytes> out;
  const auto add = [&out](host::Reply reply) { out.push_back(unframed(host::frame_reply(reply))); };
  add(host::TouchWanted{});
  add(host::Failed{Errc::wrong_pin, "wrong PIN: 3 tries left"});
  add(host::Done{});
  add(host::Described{token_info()});
  add(host::Found{true});
  add(host::Generated{new_key()});
  add(host::Signed{{1, 2, 3}});
  add(host::ResidentKeys{{{sk_key(), {1}, 0x21, {2}, "alice"}, {sk_key(), {3}, 0x25, {}, ""}}});
  add(host::Opened{});
  add(host::PinPadWanted{});
  add(host::ModuleList{{{"opensc-pkcs11", "/usr/lib/opensc-pkcs11.so"}, {"other", "/opt/other.so"}}});
  add(host::ReaderList{{{"A reader", true, true, false}, {"", false, false, true}}});
  add(host::TokenList{{pkcs11_token()}});
  add(host::KeyList{{pkcs11_key(), pkcs11_key()}});
  add(host::Attested{{{1, 2, 3}, {4}}});
  add(host::SecretCredential{{1, 2, 3}});
  add(host::Secret{secret("a secret")});
  return out;
}

TEST(HostMessage, CoversEveryKind) {
  EXPECT_EQ(requests().size(), std::variant_size_v<host::Request>);
  EXPECT_EQ(replies().size(), std::variant_size_v<host::Reply>);
}

TEST(HostMessage, IsWrittenAsItWasRead) {
  for (const Bytes& bytes : requests()) {
    EXPECT_EQ(test::to_hex(unframed(host::frame_request(host::parse_request(bytes)))), test::to_hex(bytes));
  }
  for (const Bytes& bytes : replies()) {
    EXPECT_EQ(test::to_hex(unframed(host::frame_reply(host::parse_reply(bytes)))), test::to_hex(bytes));
  }
}

TEST(HostMessage, RefusesEveryTruncationAndTrailingByte) {
  for (const Bytes& bytes : requests()) {
    test::expect_exact_length(bytes, [](ByteView message) { host::parse_request(message); });
  }
  for (const Bytes& bytes : replies()) {
    test::expect_exact_length(bytes, [](ByteView message) { host::parse_reply(message); });
  }
}

TEST(HostMessage, RefusesUnknownTypes) {
  for (unsigned type = 0; type < 256; ++type) {
    const Bytes message{static_cast<std::uint8_t>(type)};
    if (type < 1 || type > requests().size()) {
      EXPECT_EQ(error_of([&] { host::parse_request(message); }), Errc::unsupported) << type;
    }
    if (type < 101 || type >= 101 + replies().size()) {
      EXPECT_EQ(error_of([&] { host::parse_reply(message); }), Errc::unsupported) << type;
    }
  }
  EXPECT_EQ(error_of([] { host::parse_reply({}); }), Errc::malformed);
}

TEST(HostMessage, KeepsWhatItHolds) {
  const Bytes written = requests()[3];
  const host::Request read = host::parse_request(written);
  const auto& sign = std::get<host::Sign>(read);
  EXPECT_EQ(sign.key.kind, KeyKind::sk_ed25519);
  EXPECT_EQ(sign.key.application, "ssh:work");
  EXPECT_TRUE(equal(sign.key.key_handle, Bytes{1, 2, 3}));
  EXPECT_EQ(sign.key.flags, 5);
  EXPECT_EQ(as_text(sign.data), "data");
  EXPECT_EQ(as_text(sign.pin.view()), "1234");
  const TokenInfo info = std::get<host::Described>(host::parse_reply(replies()[3])).info;
  EXPECT_EQ(info.versions, token_info().versions);
  EXPECT_EQ(info.key_kinds, token_info().key_kinds);
  EXPECT_EQ(info.pin_tries, 7U);
  EXPECT_FALSE(info.resident_left);
  EXPECT_TRUE(info.is_fido2 && info.pin_set && info.cred_protect);
  EXPECT_FALSE(info.takes_pin || info.always_uv || info.pin_change_due);
}

TEST(HostMessage, HasLimits) {
  KeyRef key = key_ref();
  key.key_handle.assign(limits::key_handle_bytes, 1);
  key.application.assign(limits::application_bytes, 'a');
  EXPECT_EQ(request_error(host::HasKey{key}), std::nullopt);
  const Bytes data(limits::message_bytes);
  EXPECT_EQ(request_error(host::Sign{key, data, secret(std::string(limits::pin_bytes, '1'))}), std::nullopt);
  EXPECT_EQ(request_error(host::SetPin{secret(std::string(limits::pin_bytes + 1, '1'))}), Errc::malformed);
  key.key_handle.push_back(1);
  EXPECT_EQ(request_error(host::HasKey{key}), Errc::malformed);
  key = key_ref();
  key.application.assign(limits::application_bytes + 1, 'a');
  EXPECT_EQ(request_error(host::HasKey{key}), Errc::malformed);
  EXPECT_EQ(reply_error(host::Signed{Bytes(limits::signature_bytes + 1)}), Errc::malformed);
  EXPECT_EQ(error_of([] { host::parse_reply(Bytes(limits::host_reply_bytes + 1)); }), Errc::too_large);
  const ResidentKey resident{sk_key(), {1}, 0x21, {2}, "alice"};
  EXPECT_EQ(reply_error(host::ResidentKeys{std::vector(limits::resident_keys, resident)}), std::nullopt);
  EXPECT_EQ(reply_error(host::ResidentKeys{std::vector(limits::resident_keys + 1, resident)}), Errc::too_large);
}

TEST(HostMessage, KeepsWhatASecretIsMadeOf) {
  const Bytes salt(limits::fido_salt_bytes, 7);
  const Bytes derive =
      unframed(host::frame_request(host::DeriveSecret{"fob:vault", {1, 2, 3}, salt, true, secret("1234")}));
  const host::Request read = host::parse_request(derive);
  const auto& request = std::get<host::DeriveSecret>(read);
  EXPECT_EQ(request.application, "fob:vault");
  EXPECT_TRUE(equal(request.key_handle, Bytes{1, 2, 3}));
  EXPECT_TRUE(equal(request.salt, salt));
  EXPECT_TRUE(request.verify);
  EXPECT_EQ(as_text(request.pin.view()), "1234");
  const host::Reply reply = host::parse_reply(unframed(host::frame_reply(host::Secret{secret("a secret")})));
  EXPECT_EQ(as_text(std::get<host::Secret>(reply).secret.view()), "a secret");
}

TEST(HostMessage, HasLimitsForSecrets) {
  const auto derive_error = [](std::size_t salt_bytes) {
    return request_error(host::DeriveSecret{"fob:vault", {1}, Bytes(salt_bytes, 7), false, {}});
  };
  EXPECT_EQ(derive_error(limits::fido_salt_bytes), std::nullopt);
  EXPECT_EQ(derive_error(limits::fido_salt_bytes - 1), Errc::malformed);
  EXPECT_EQ(derive_error(limits::fido_salt_bytes + 1), Errc::malformed);
  EXPECT_EQ(derive_error(0), Errc::malformed);
  const auto open_error = [](std::size_t sealed_bytes) {
    return request_error(host::OpenSecret{"pkcs11:id=%01", {1}, Bytes(sealed_bytes, 7), {}});
  };
  EXPECT_EQ(open_error(limits::sealed_secret_bytes), std::nullopt);
  EXPECT_EQ(open_error(limits::sealed_secret_bytes + 1), Errc::malformed);
  const auto secret_error = [](std::size_t bytes) { return reply_error(host::Secret{SecretBytes(bytes)}); };
  EXPECT_EQ(secret_error(1), std::nullopt);
  EXPECT_EQ(secret_error(limits::opened_secret_bytes), std::nullopt);
  EXPECT_EQ(secret_error(limits::opened_secret_bytes + 1), Errc::malformed);
  EXPECT_EQ(secret_error(0), Errc::malformed);
  EXPECT_EQ(reply_error(host::SecretCredential{Bytes(limits::key_handle_bytes, 1)}), std::nullopt);
  EXPECT_EQ(reply_error(host::SecretCredential{Bytes(limits::key_handle_bytes + 1, 1)}), Errc::malformed);
  EXPECT_EQ(reply_error(host::SecretCredential{}), Errc::malformed);
}

/// A token that owns its host must not get a key in that the agent would take for a software key, or a terminal's
/// control sequence.
TEST(HostMessage, ChecksWhatAHostileHostSays) {
  NewKey key = new_key();
  key.public_key = test::public_key("openssh/sshkey/ed25519_1.pub");
  EXPECT_EQ(reply_error(host::Generated{key}), Errc::malformed);
  key.public_key = test::public_key("openssh/sshkey/ed25519_sk1-cert.pub");
  EXPECT_EQ(reply_error(host::Generated{key}), Errc::malformed);
  EXPECT_EQ(request_error(host::HasKey{{KeyKind::ed25519, "ssh:", {1}, 1}}), Errc::malformed);
  TokenInfo info = token_info();
  info.versions.assign(limits::token_names + 1, "x");
  EXPECT_EQ(reply_error(host::Described{info}), Errc::too_large);
  info.versions = {"\x1b[31m"};
  const host::Reply shown = host::parse_reply(unframed(host::frame_reply(host::Described{info})));
  EXPECT_EQ(std::get<host::Described>(shown).info.versions[0], "?[31m");
  const host::Reply said = host::parse_reply(unframed(host::frame_reply(host::Failed{Errc::system, "a\nb"})));
  EXPECT_EQ(std::get<host::Failed>(said).text, "a?b");
  Bytes failure = unframed(host::frame_reply(host::Failed{Errc::system, "text"}));
  failure[4] = static_cast<std::uint8_t>(Errc::system) + 1;
  EXPECT_EQ(error_of([&] { host::parse_reply(failure); }), Errc::malformed);
}

TEST(HostMessage, RefusesAPinWithNul) {
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(request_error(host::SetPin{secret("12\0"
                                              "34"sv)}),
            Errc::malformed);
}

}  // namespace
}  // namespace fob
