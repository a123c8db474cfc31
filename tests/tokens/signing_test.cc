// Keys on FIDO2 tokens, used through the agent socket as ssh does.

#include <gtest/gtest.h>

#include "protocol/signature.h"
#include "protocol/verify.h"
#include "tests/daemon/session.h"
#include "tests/daemon/test_key.h"
#include "tests/tokens/token_rig.h"

namespace fob {
namespace {

constexpr std::string_view data = "what is to be signed";
constexpr std::uint8_t touched = 0x01;
constexpr std::uint8_t verified = 0x04;

/// The flags of a signature that verifies; throws otherwise.
Signature::Sk signed_with(Client& client, const PublicKey& key) {
  const auto blob = client.sign(key.blob, as_bytes(data));
  if (!blob) throw std::runtime_error("the agent did not sign");
  verify_signature(key, *blob, as_bytes(data));
  return Signature::parse(*blob).sk.value();
}

TEST(TokenSigning, WorksWithBothKindsAndCounts) {
  TokenRig rig;
  Client client(rig.daemon());
  for (const KeyKind kind : sk_kinds) {
    control::NewKey wish = rig.wish(std::string(traits(kind).curve.empty() ? "ed" : "ec"));
    wish.kind = kind;
    const PublicKey key = rig.generate(wish);
    EXPECT_EQ(key.kind, kind);
    EXPECT_EQ(key.application, "ssh:");
    const Signature::Sk first = signed_with(client, key);
    const Signature::Sk second = signed_with(client, key);
    EXPECT_EQ(first.flags, touched);
    EXPECT_GT(second.counter, first.counter);
  }
  EXPECT_EQ(client.comments(), (std::vector<std::string>{"ec comment", "ed comment"}));
}

TEST(TokenSigning, WithoutTouchAsksForNone) {
  TokenRig rig;
  rig.stick().token().set_touch(virt::TouchPolicy::automatic());
  control::NewKey wish = rig.wish("quiet");
  wish.no_touch = true;
  const PublicKey key = rig.generate(wish);
  const unsigned before = rig.stick().status().touch_requests;
  Client client(rig.daemon());
  EXPECT_EQ(signed_with(client, key).flags, 0);
  EXPECT_EQ(rig.stick().status().touch_requests, before);
}

TEST(TokenSigning, FindsTheRightTokenWithoutBlinkOrPinAtAnother) {
  TokenRig rig({.sticks = 3});
  for (const char* on : {"fido:0", "fido:1", "fido:2"}) rig.set_pin("123456", on);
  control::NewKey wish = rig.wish("second");
  wish.on = "fido:1";
  const PublicKey key = rig.generate(wish);
  std::vector<virt::Status> before;
  for (std::size_t i = 0; i < 3; ++i) before.push_back(rig.stick(i).status());
  Client client(rig.daemon());
  signed_with(client, key);
  for (const std::size_t other : {0U, 2U}) {
    EXPECT_EQ(rig.stick(other).status().touch_requests, before[other].touch_requests);
    EXPECT_EQ(rig.stick(other).status().pin_attempts, before[other].pin_attempts);
  }
  EXPECT_EQ(rig.stick(1).status().touch_requests, before[1].touch_requests + 1);
}

TEST(TokenSigning, SaysWhyWhereTheTokenIsNotThere) {
  TokenRig rig;
  const PublicKey key = rig.generate(rig.wish("away"));
  rig.stick().unplug();
  ASSERT_TRUE(rig.has_tokens(0));
  Client client(rig.daemon());
  EXPECT_FALSE(client.sign(key.blob, as_bytes(data)));
  EXPECT_TRUE(rig.daemon().logs("no token is plugged in; plug in the one that made this key"));
  rig.stick().plug_in();
  ASSERT_TRUE(rig.has_tokens(1));
  signed_with(client, key);
}

TEST(TokenSigning, SaysWhyWhereNoTokenMadeTheKey) {
  TokenRig rig;
  Client client(rig.daemon());
  const TestKey& foreign = TestKey::any(KeyKind::sk_ecdsa_p256);
  ASSERT_TRUE(client.add(foreign));
  EXPECT_FALSE(client.sign(foreign.blob(), as_bytes(data)));
  EXPECT_TRUE(rig.daemon().logs("none of the tokens that are plugged in made this key"));
  EXPECT_EQ(rig.stick().status().touch_requests, 0U);
}

TEST(TokenSigning, WorksWithAU2fToken) {
  virt::Personality old;
  old.ctap2 = false;
  TokenRig rig({.personalities = {old}});
  const PublicKey key = rig.generate(rig.wish("u2f"));
  Client client(rig.daemon());
  EXPECT_EQ(signed_with(client, key).flags, touched);
  control::NewKey ed25519 = rig.wish("ed");
  ed25519.kind = KeyKind::sk_ed25519;
  ControlClient control(rig.daemon());
  const unsigned touches = rig.stick().status().touch_requests;
  EXPECT_NE(control.failure(ed25519), "");
  EXPECT_EQ(rig.stick().status().touch_requests, touches) << "refused before any touch";
}

TEST(TokenSigning, OfAVerifyRequiredKeyAsksForThePin) {
  TokenRig rig;
  rig.set_pin("123456");
  control::NewKey wish = rig.wish("verified");
  wish.verify_required = true;
  const PublicKey key = rig.generate(wish, "123456");
  rig.set_askpass("echo 123456");
  Client client(rig.daemon());
  EXPECT_EQ(signed_with(client, key).flags, touched | verified);
  EXPECT_NE(rig.dialogs().find("(8 tries left)"), std::string::npos) << rig.dialogs();
}

/// What a daemon without tokens says of a signature with a key of this application.
std::string refusal_for(TokenRig& rig, const std::string& application, ByteView what) {
  TestKey key = TestKey::make(KeyKind::sk_ed25519);
  Writer fields;
  fields.string(key.public_key().point).string(application);
  Reader in(fields.bytes());
  PrivateKey web{
      PublicKey::read_plain_fields(KeyKind::sk_ed25519, in),
      key.private_key().secret.view().empty() ? SecretBytes() : SecretBytes(key.private_key().secret.view())};
  Client client(rig.daemon());
  const Bytes blob = web.public_key.blob;
  EXPECT_TRUE(client.succeeds(AddIdentity{std::move(web), "web", {}}));
  const std::size_t before = rig.daemon().log().size();
  EXPECT_FALSE(client.sign(blob, what));
  EXPECT_TRUE(rig.daemon().logs("refused to sign", before));
  return rig.daemon().log().substr(before);
}

constexpr char web_refusal[] = "signs SSH logins and SSHSIG only";

Bytes sshsig() {
  Writer out;
  out.raw(as_bytes("SSHSIG")).string("git").string("").string("sha512").string(std::string(64, 'h'));
  return out.take();
}

TEST(Websafe, KeysOfWebSitesSignOnlyWhatIsSsh) {
  TokenRig rig({.sticks = 0});
  EXPECT_NE(refusal_for(rig, "example.org", as_bytes(data)).find(web_refusal), std::string::npos);
  EXPECT_EQ(refusal_for(rig, "example.org", sshsig()).find(web_refusal), std::string::npos);
  EXPECT_EQ(refusal_for(rig, "ssh:", as_bytes(data)).find(web_refusal), std::string::npos);
  EXPECT_EQ(refusal_for(rig, "ssh:work", as_bytes(data)).find(web_refusal), std::string::npos);
}

TEST(Websafe, IsSwitchedOffByTheOption) {
  TokenRig rig({.sticks = 0, .arguments = {"-O", "no-restrict-websafe"}});
  EXPECT_EQ(refusal_for(rig, "example.org", as_bytes(data)).find(web_refusal), std::string::npos);
}

TEST(Websafe, AllowsTheListedApplications) {
  TokenRig rig({.sticks = 0, .arguments = {"-O", "websafe-allow=example.*"}});
  EXPECT_EQ(refusal_for(rig, "example.org", as_bytes(data)).find(web_refusal), std::string::npos);
  EXPECT_NE(refusal_for(rig, "ssh:", as_bytes(data)).find(web_refusal), std::string::npos);
}

}  // namespace
}  // namespace fob
