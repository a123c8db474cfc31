#include "tokens/pkcs11_message.h"

#include "protocol/limits.h"
#include "tests/unit/protocol/vectors.h"
#include "tests/unit/tokens/messages.h"
#include "tokens/message.h"

namespace fob {
namespace {

using test::error_of;
using test::reply_error;
using test::request_error;
using test::secret;
using test::unframed;

Pkcs11NewKey new_key() {
  Pkcs11NewKey out;
  out.token = "pkcs11:token=work";
  out.label = "key";
  out.slot = "9a";
  out.pin_policy = PivPinPolicy::always;
  out.touch_policy = PivTouchPolicy::cached;
  out.replace = true;
  out.opens_secrets = true;
  return out;
}

Pkcs11Key listed_key() {
  return {"pkcs11:token=work;id=%01", "pkcs11:token=work", "key", test::public_key("openssh/sshkey/ecdsa_1.pub"), true};
}

TEST(Pkcs11Message, KeepsWhatASignatureNeeds) {
  const Bytes blob = test::public_key_blob("openssh/sshkey/ecdsa_1.pub");
  const Bytes frame = unframed(
      host::frame_request(host::SignWithKey{"pkcs11:id=%01", blob, 4, as_bytes("data"), secret("1234"), true}));
  const host::Request read = host::parse_request(frame);
  const auto& sign = std::get<host::SignWithKey>(read);
  EXPECT_EQ(sign.uri, "pkcs11:id=%01");
  EXPECT_TRUE(equal(sign.key_blob, blob));
  EXPECT_EQ(sign.flags, 4U);
  EXPECT_EQ(as_text(sign.data), "data");
  EXPECT_EQ(as_text(sign.pin.view()), "1234");
  EXPECT_TRUE(sign.stay_logged_in);
  // Views into the message, not copies.
  EXPECT_TRUE(sign.data.data() > frame.data() && sign.data.data() < frame.data() + frame.size());
}

TEST(Pkcs11Message, KeepsWhatIsToBeOpened) {
  const Bytes blob = test::public_key_blob("openssh/sshkey/ecdsa_1.pub");
  const Bytes frame = unframed(host::frame_request(host::OpenSecret{"pkcs11:id=%01", blob, {4, 5, 6}, secret("1234")}));
  const host::Request read = host::parse_request(frame);
  const auto& open = std::get<host::OpenSecret>(read);
  EXPECT_EQ(open.uri, "pkcs11:id=%01");
  EXPECT_TRUE(equal(open.key_blob, blob));
  EXPECT_TRUE(equal(open.sealed, Bytes{4, 5, 6}));
  EXPECT_EQ(as_text(open.pin.view()), "1234");
  const host::Request list =
      host::parse_request(unframed(host::frame_request(host::ListKeys{"pkcs11:", {}, false, true})));
  EXPECT_TRUE(std::get<host::ListKeys>(list).opening);
  EXPECT_FALSE(std::get<host::ListKeys>(list).stay_logged_in);
}

TEST(Pkcs11Message, KeepsWhatANewKeyIsToBe) {
  const Bytes frame = unframed(host::frame_request(host::GenerateKey{new_key(), {secret("1234"), secret("0102")}}));
  const host::Request read = host::parse_request(frame);
  const auto& generate = std::get<host::GenerateKey>(read);
  EXPECT_EQ(generate.key.token, "pkcs11:token=work");
  EXPECT_EQ(generate.key.kind, KeyKind::ecdsa_p256);
  EXPECT_EQ(generate.key.label, "key");
  EXPECT_EQ(generate.key.slot, "9a");
  EXPECT_EQ(generate.key.pin_policy, PivPinPolicy::always);
  EXPECT_EQ(generate.key.touch_policy, PivTouchPolicy::cached);
  EXPECT_TRUE(generate.key.replace);
  EXPECT_TRUE(generate.key.opens_secrets);
  EXPECT_EQ(as_text(generate.secrets.pin.view()), "1234");
  EXPECT_EQ(as_text(generate.secrets.management_key.view()), "0102");
}

TEST(Pkcs11Message, TakesUrisOnly) {
  EXPECT_EQ(request_error(host::ListTokens{"pkcs11:"}), std::nullopt);
  for (const std::string uri : {"", "http://x", "pkcs11:a b", "pkcs11:\n", "pkcs11:\xff", "pkcs11:?pin-value=1234",
                                "pkcs11:token=a?pin-source=/etc/pin"}) {
    EXPECT_EQ(request_error(host::ListTokens{uri}), Errc::malformed) << uri;
  }
  EXPECT_EQ(request_error(host::ListTokens{"pkcs11:" + std::string(limits::uri_bytes - 7, 'a')}), std::nullopt);
  EXPECT_EQ(request_error(host::ListTokens{"pkcs11:" + std::string(limits::uri_bytes - 6, 'a')}), Errc::malformed);
}

TEST(Pkcs11Message, HasNoKindsOfKeyThatTokensDoNotHave) {
  for (const KeyKindTraits& entry : key_kinds) {
    Pkcs11NewKey key = new_key();
    key.kind = entry.kind;
    const bool fits = entry.kind == KeyKind::rsa || entry.kind == KeyKind::ed25519 || is_ecdsa(entry.kind);
    EXPECT_EQ(request_error(host::GenerateKey{key, {}}), fits ? std::nullopt : std::optional(Errc::malformed));
  }
}

TEST(Pkcs11Message, HasOneFormForARequest) {
  Bytes list = unframed(host::frame_request(host::ListKeys{"pkcs11:", {}, true}));
  list.back() = 2;
  EXPECT_EQ(error_of([&] { host::parse_request(list); }), Errc::malformed);
}

TEST(Pkcs11Message, RefusesUnknownPolicies) {
  Pkcs11NewKey key = new_key();
  key.pin_policy = static_cast<PivPinPolicy>(4);
  EXPECT_EQ(request_error(host::GenerateKey{key, {}}), Errc::malformed);
  key = new_key();
  key.touch_policy = static_cast<PivTouchPolicy>(4);
  EXPECT_EQ(request_error(host::GenerateKey{key, {}}), Errc::malformed);
}

TEST(Pkcs11Message, HasLimits) {
  EXPECT_EQ(request_error(host::ListKeys{"pkcs11:", secret(std::string(limits::pin_bytes + 1, '1')), false}),
            Errc::malformed);
  Pkcs11NewKey key = new_key();
  key.label.assign(limits::label_bytes + 1, 'a');
  EXPECT_EQ(request_error(host::GenerateKey{key, {}}), Errc::malformed);
  const host::KeyList most{std::vector(limits::pkcs11_keys, listed_key())};
  EXPECT_EQ(reply_error(most), std::nullopt);
  EXPECT_EQ(reply_error(host::KeyList{std::vector(limits::pkcs11_keys + 1, listed_key())}), Errc::too_large);
  Pkcs11TokenInfo token;
  token.uri = "pkcs11:";
  EXPECT_EQ(reply_error(host::TokenList{std::vector(limits::pkcs11_tokens, token)}), std::nullopt);
  EXPECT_EQ(reply_error(host::TokenList{std::vector(limits::pkcs11_tokens + 1, token)}), Errc::too_large);
  EXPECT_EQ(reply_error(host::Attested{{Bytes(limits::certificate_bytes + 1)}}), Errc::malformed);
  EXPECT_EQ(reply_error(host::Attested{std::vector(limits::attestation_chain + 1, Bytes{1})}), Errc::too_large);
  EXPECT_EQ(reply_error(host::ModuleList{std::vector(limits::pkcs11_modules + 1, RegisteredModule{"a", "/a"})}),
            Errc::too_large);
  EXPECT_EQ(reply_error(host::ReaderList{std::vector(limits::card_readers + 1, CardReader{"a"})}), Errc::too_large);
}

/// A module that owns its host must not get a key in that the agent would take for another, a path that it would load
/// by another name, or a terminal's control sequence.
TEST(Pkcs11Message, ChecksWhatAHostileHostSays) {
  for (const char* name :
       {"openssh/sshkey/ed25519_sk1.pub", "openssh/sshkey/ecdsa_1-cert.pub", "openssh/sshkey/mldsa44_ed25519_1.pub"}) {
    Pkcs11Key key = listed_key();
    key.public_key = test::public_key(name);
    EXPECT_EQ(reply_error(host::KeyList{{key}}), Errc::malformed) << name;
  }
  for (const std::string path : {"", "relative.so", "/a\x1b[m.so"}) {
    EXPECT_EQ(reply_error(host::ModuleList{{{"name", path}}}), Errc::malformed) << path;
  }
  Pkcs11Key key = listed_key();
  key.label = "\x1b[31m";
  const host::Reply shown = host::parse_reply(unframed(host::frame_reply(host::KeyList{{key}})));
  EXPECT_EQ(std::get<host::KeyList>(shown).keys[0].label, "?[31m");
}

}  // namespace
}  // namespace fob
