#include "protocol/verify.h"
#include "tests/unit/tokens/support.h"

namespace fob {
namespace {

using test::Bench;
using test::new_key;
using test::Outcome;

constexpr std::uint8_t resident = sk_flags::user_presence_required | sk_flags::resident_key;
constexpr std::string_view pin = "1234";

NewKeyRequest request_for(std::string application, std::string user, std::uint8_t flags = resident) {
  NewKeyRequest out = new_key(KeyKind::sk_ed25519, flags);
  out.application = std::move(application);
  out.user = std::move(user);
  return out;
}

/// A token with that PIN.
struct ResidentBench : Bench {
  explicit ResidentBench(const virt::Personality& personality = {}) : Bench(personality) {
    set_pin(pin).as<host::Done>();
  }
  NewKey made(const NewKeyRequest& request) { return generate(request, pin).as<host::Generated>().key; }
  std::vector<ResidentKey> keys() { return list(pin).as<host::ResidentKeys>().keys; }
};

TEST(FidoResidents, AreListedWithAllThatSigningNeeds) {
  for (const bool ctap21 : {true, false}) {
    virt::Personality personality;
    personality.ctap21 = ctap21;
    ResidentBench bench(personality);
    EXPECT_TRUE(bench.keys().empty());
    const NewKey first = bench.made(request_for("ssh:", ""));
    const NewKey second = bench.made(request_for("ssh:work", "alice", resident | sk_flags::user_verification_required));
    bench.made(request_for("https://example.org", "web"));
    const std::vector<ResidentKey> keys = bench.keys();
    ASSERT_EQ(keys.size(), 2U);
    const bool in_order = keys[0].public_key.application == "ssh:";
    const ResidentKey& plain = keys[in_order ? 0 : 1];
    const ResidentKey& verified = keys[in_order ? 1 : 0];
    EXPECT_TRUE(equal(plain.public_key.blob, first.public_key.blob));
    EXPECT_TRUE(equal(plain.key_handle, first.key_handle));
    EXPECT_EQ(plain.flags, resident);
    EXPECT_EQ(plain.user, "");
    EXPECT_EQ(verified.public_key.application, "ssh:work");
    EXPECT_EQ(verified.flags, resident | sk_flags::user_verification_required);
    EXPECT_EQ(verified.user, "alice");
    EXPECT_EQ(as_text(verified.user_id), std::string("alice") + std::string(27, '\0'));
    const KeyRef key{verified.public_key.kind, "ssh:work", verified.key_handle, verified.flags};
    const Outcome signature = bench.host(host::Sign{key, as_bytes("data"), test::secret(pin)});
    EXPECT_NO_THROW(verify_signature(second.public_key, signature.as<host::Signed>().signature, as_bytes("data")));
  }
}

TEST(FidoResidents, AreNotReplacedUnlessForced) {
  ResidentBench bench;
  bench.made(request_for("ssh:", "alice"));
  const unsigned touches = bench.touches();
  const Outcome again = bench.generate(request_for("ssh:", "alice"), pin);
  EXPECT_EQ(again.error(), Errc::refused);
  EXPECT_NE(again.text().find("already"), std::string::npos);
  EXPECT_EQ(bench.touches(), touches);
  bench.made(request_for("ssh:", "bob"));
  const NewKey forced = bench.made(request_for("ssh:", "alice", resident | sk_flags::force_operation));
  EXPECT_EQ(forced.flags, resident);
  EXPECT_EQ(bench.keys().size(), 2U);
}

TEST(FidoResidents, WantThePin) {
  ResidentBench bench;
  EXPECT_EQ(bench.generate(request_for("ssh:", "")).error(), Errc::pin_required);
  EXPECT_EQ(bench.list("").error(), Errc::pin_required);
  EXPECT_EQ(bench.host(host::RemoveResident{{1}, {}}).error(), Errc::pin_required);
  EXPECT_EQ(bench.touches(), 0U);
  Bench without;
  const Outcome list = without.list("");
  EXPECT_EQ(list.error(), Errc::refused);
  EXPECT_NE(list.text().find("fob pin set"), std::string::npos);
}

TEST(FidoResidents, OfATokenWithoutPinAreMadeWhereTheyMayReplaceOthers) {
  Bench bench;
  NewKeyRequest request = request_for("ssh:", "alice");
  EXPECT_EQ(bench.generate(request).error(), Errc::refused) << "the token would not say that it has such a key";
  EXPECT_EQ(bench.touches(), 0U);
  request.flags |= sk_flags::force_operation;
  bench.generate(request).as<host::Generated>();
  EXPECT_EQ(bench.token.status().residents, 1U);
}

TEST(FidoResidents, AreRemoved) {
  ResidentBench bench;
  const NewKey key = bench.made(request_for("ssh:", "alice"));
  const Outcome wrong = bench.host(host::RemoveResident{key.key_handle, test::secret("9999")});
  EXPECT_EQ(wrong.error(), Errc::wrong_pin);
  EXPECT_EQ(bench.keys().size(), 1U);
  bench.host(host::RemoveResident{key.key_handle, test::secret(pin)}).as<host::Done>();
  EXPECT_TRUE(bench.keys().empty());
  EXPECT_EQ(bench.host(host::RemoveResident{key.key_handle, test::secret(pin)}).error(), Errc::not_found);
}

TEST(FidoResidents, AreRenamed) {
  ResidentBench bench;
  const NewKey key = bench.made(request_for("ssh:", "alice"));
  bench.made(request_for("ssh:other", "carol"));
  bench.host(host::RenameResident{key.key_handle, "bob", test::secret(pin)}).as<host::Done>();
  std::string users;
  for (const ResidentKey& found : bench.keys()) users += found.user + " ";
  EXPECT_TRUE(users == "bob carol " || users == "carol bob ") << users;
  const Outcome unknown = bench.host(host::RenameResident{{1, 2, 3}, "bob", test::secret(pin)});
  EXPECT_EQ(unknown.error(), Errc::not_found);
}

TEST(FidoResidents, AreRefusedBeforeATouchWhereNoSpaceIsLeft) {
  virt::Personality small;
  small.resident_slots = 1;
  ResidentBench bench(small);
  bench.made(request_for("ssh:", "alice"));
  const unsigned touches = bench.touches();
  EXPECT_EQ(bench.generate(request_for("ssh:", "bob"), pin).error(), Errc::refused);
  EXPECT_EQ(bench.touches(), touches);
}

TEST(FidoResidents, MayBeMany) {
  virt::Personality large;
  large.resident_slots = 100;
  ResidentBench bench(large);
  for (int i = 0; i < 60; ++i) bench.made(request_for(i % 2 == 0 ? "ssh:" : "ssh:odd", "user" + std::to_string(i)));
  EXPECT_EQ(bench.keys().size(), 60U);
}

}  // namespace
}  // namespace fob
