#include "agent/keyring.h"

#include <gtest/gtest.h>

#include "protocol/limits.h"
#include "protocol/reply.h"
#include "tests/daemon/session.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

using Comments = std::vector<std::string>;
using std::chrono::seconds;

const BootClock::time_point start{seconds(1000)};

/// What a local client would be told.
std::vector<IdentitiesAnswer::Identity> listed(Keyring& keyring, const Route& route = {}) {
  const auto frame = keyring.identities_answer(route);
  Reader in(*frame);
  return std::get<IdentitiesAnswer>(parse_reply(in.string())).identities;
}

Comments comments(Keyring& keyring, const Route& route = {}) {
  Comments out;
  for (const auto& identity : listed(keyring, route)) out.push_back(identity.comment);
  return out;
}

Keyring::Key expiring(std::string_view blob, BootClock::time_point when) {
  Keyring::Key out = entry(blob, std::string(blob));
  out.expires = when;
  return out;
}

Keyring filled(const Comments& blobs) {
  Keyring out;
  for (const std::string& blob : blobs) out.put(entry(blob, blob));
  return out;
}

TEST(Keyring, FindsByBlob) {
  Keyring keyring = filled({"a", "b", ""});
  ASSERT_NE(keyring.find(as_bytes("b")), nullptr);
  EXPECT_EQ(keyring.find(as_bytes("b"))->comment, "b");
  EXPECT_NE(keyring.find({}), nullptr);
  EXPECT_EQ(keyring.find(as_bytes("c")), nullptr);
  EXPECT_EQ(Keyring().find(as_bytes("a")), nullptr);
}

TEST(Keyring, KeepsTheOrderOfInsertion) {
  Keyring keyring = filled({"c", "a", "b"});
  EXPECT_EQ(comments(keyring), (Comments{"c", "a", "b"}));
  EXPECT_EQ(keyring.size(), 3U);
}

TEST(Keyring, ReplacesAllButThePlace) {
  Keyring keyring = filled({"a", "b", "c"});
  Keyring::Key again = entry("b", "renamed");
  again.constraints.confirm = true;
  again.origin = to_bytes(as_bytes("session"));
  keyring.put(std::move(again));
  EXPECT_EQ(comments(keyring), (Comments{"a", "renamed", "c"}));
  EXPECT_EQ(keyring.size(), 3U);
  const Keyring::Key* found = keyring.find(as_bytes("b"));
  EXPECT_TRUE(found->constraints.confirm);
  EXPECT_EQ(as_text(found->origin), "session");
  keyring.put(entry("c", "last"));
  keyring.put(entry("a", "first"));
  EXPECT_EQ(comments(keyring), (Comments{"first", "renamed", "last"}));
}

TEST(Keyring, ReplacesTheExpiry) {
  Keyring keyring;
  keyring.put(expiring("a", start));
  keyring.put(entry("a"));
  EXPECT_FALSE(keyring.next_expiry());
  keyring.expire(start + seconds(1));
  EXPECT_EQ(keyring.size(), 1U);
  keyring.put(expiring("a", start + seconds(9)));
  keyring.put(expiring("a", start + seconds(5)));
  EXPECT_EQ(keyring.next_expiry(), start + seconds(5));
}

TEST(Keyring, Removes) {
  Keyring keyring = filled({"a", "b", "c"});
  EXPECT_TRUE(keyring.remove(as_bytes("b")));
  EXPECT_FALSE(keyring.remove(as_bytes("b")));
  EXPECT_FALSE(keyring.remove(as_bytes("never there")));
  EXPECT_EQ(comments(keyring), (Comments{"a", "c"}));
  keyring.clear();
  keyring.clear();
  EXPECT_EQ(keyring.size(), 0U);
  EXPECT_EQ(comments(keyring), Comments{});
  EXPECT_EQ(keyring.find(as_bytes("a")), nullptr);
}

TEST(Keyring, ExpiresInAnyOrder) {
  Keyring keyring;
  keyring.put(expiring("late", start + seconds(30)));
  keyring.put(expiring("early", start + seconds(10)));
  keyring.put(entry("never", "never"));
  keyring.put(expiring("middle", start + seconds(20)));
  EXPECT_EQ(keyring.next_expiry(), start + seconds(10));
  keyring.expire(start + seconds(10) - BootClock::duration(1));
  EXPECT_EQ(keyring.size(), 4U);
  keyring.expire(start + seconds(10));
  EXPECT_EQ(comments(keyring), (Comments{"late", "never", "middle"}));
  EXPECT_EQ(keyring.next_expiry(), start + seconds(20));
  keyring.expire(start + seconds(100));
  EXPECT_EQ(comments(keyring), Comments{"never"});
  EXPECT_FALSE(keyring.next_expiry());
}

TEST(Keyring, ExpiresAllOfTheSameTime) {
  Keyring keyring;
  for (const char* blob : {"a", "b", "c"}) keyring.put(expiring(blob, start));
  keyring.put(expiring("d", start + seconds(1)));
  EXPECT_TRUE(keyring.remove(as_bytes("b")));
  EXPECT_EQ(keyring.next_expiry(), start) << "only one of that time is gone";
  keyring.put(entry("c", "c"));
  keyring.expire(start);
  EXPECT_EQ(comments(keyring), (Comments{"c", "d"}));
  EXPECT_EQ(keyring.next_expiry(), start + seconds(1));
}

TEST(Keyring, HoldsNoMoreKeysThanItsLimit) {
  Keyring keyring;
  for (std::size_t i = 0; i < limits::keys; ++i) keyring.put(entry(std::to_string(i)));
  EXPECT_EQ(keyring.size(), limits::keys);
  EXPECT_EQ(error_of([&] { keyring.put(entry("one more")); }), Errc::too_large);
  EXPECT_EQ(keyring.find(as_bytes("one more")), nullptr);
  keyring.put(entry("7", "one that is there can be replaced"));
  EXPECT_EQ(keyring.size(), limits::keys);
  EXPECT_TRUE(keyring.remove(as_bytes("0")));
  keyring.put(entry("one more"));
  EXPECT_EQ(keyring.size(), limits::keys);
}

TEST(Keyring, HoldsNoMoreBytesThanItsLimit) {
  const std::string comment(limits::keyring_bytes / 4 - 10'000, 'c');
  Keyring keyring;
  for (const char* blob : {"a", "b", "c", "d"}) keyring.put(entry(blob, comment));
  EXPECT_EQ(error_of([&] { keyring.put(entry("e", std::string(50'000, 'c'))); }), Errc::too_large);
  EXPECT_EQ(error_of([&] { keyring.put(entry("a", comment + std::string(50'000, 'c'))); }), Errc::too_large);
  ASSERT_NE(keyring.find(as_bytes("a")), nullptr) << "a refused replacement leaves the old one";
  EXPECT_EQ(keyring.find(as_bytes("a"))->comment.size(), comment.size());
  for (int i = 0; i < 10; ++i) keyring.put(entry("a", comment));
  keyring.clear();
  for (const char* blob : {"a", "b", "c", "d"}) keyring.put(entry(blob, comment));
}

TEST(Keyring, CountsConstraintsToo) {
  Keyring::Key plain = entry("a");
  Keyring::Key constrained = entry("a");
  const PublicKey& host_key = TestKey::any(KeyKind::ecdsa_p256).public_key();
  for (int i = 0; i < 100; ++i) constrained.constraints.destinations.push_back(from_origin(host("server", host_key)));
  EXPECT_GT(constrained.size_bytes(), plain.size_bytes() + 100 * host_key.blob.size());
}

TEST(Keyring, AnswersFromMemoryUntilKeysChange) {
  Keyring keyring = filled({"a", "b"});
  const auto answer = keyring.identities_answer({});
  EXPECT_EQ(keyring.identities_answer({}), answer) << "the same bytes are shared";
  keyring.put(entry("c", "c"));
  EXPECT_NE(keyring.identities_answer({}), answer);
  EXPECT_EQ(comments(keyring), (Comments{"a", "b", "c"}));
  keyring.put(entry("a", "renamed"));
  EXPECT_EQ(comments(keyring), (Comments{"renamed", "b", "c"}));
  keyring.remove(as_bytes("b"));
  EXPECT_EQ(comments(keyring), (Comments{"renamed", "c"}));
  keyring.put(expiring("d", start));
  EXPECT_EQ(comments(keyring), (Comments{"renamed", "c", "d"}));
  keyring.expire(start);
  EXPECT_EQ(comments(keyring), (Comments{"renamed", "c"}));
  keyring.clear();
  EXPECT_EQ(comments(keyring), Comments{});
  Reader in(*answer);
  EXPECT_EQ(std::get<IdentitiesAnswer>(parse_reply(in.string())).identities.size(), 2U) << "who has it keeps it";
}

TEST(Keyring, AnswersEachRouteWithWhatIsVisibleThere) {
  const PublicKey& server = TestKey::any(KeyKind::ecdsa_p256).public_key();
  Keyring keyring = filled({"free"});
  Keyring::Key bound = entry("bound", "bound");
  bound.constraints = destinations({from_origin(host("server", server))});
  keyring.put(std::move(bound));
  Route elsewhere;
  elsewhere.binds.push_back({TestKey::any(KeyKind::ed25519).public_key(), to_bytes(as_bytes("session")), false});
  Route failed;
  failed.bind_failed = true;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(comments(keyring), (Comments{"free", "bound"}));
    EXPECT_EQ(comments(keyring, elsewhere), Comments{"free"});
    EXPECT_EQ(comments(keyring, failed), Comments{"free"});
  }
  keyring.put(entry("bound", "now free"));
  EXPECT_EQ(comments(keyring, elsewhere), (Comments{"free", "now free"}));
  EXPECT_EQ(keyring.identities_answer(elsewhere), keyring.identities_answer({})) << "one answer for all routes";
}

TEST(Keyring, ListsNoMoreKeysThanClientsTake) {
  Keyring keyring;
  for (std::size_t i = 0; i < limits::listed_keys; ++i) keyring.put(entry(std::to_string(i)));
  EXPECT_EQ(listed(keyring).size(), limits::listed_keys);
  keyring.put(entry("one more"));
  const auto identities = listed(keyring);
  ASSERT_EQ(identities.size(), limits::listed_keys);
  EXPECT_EQ(as_text(identities.back().key_blob), std::to_string(limits::listed_keys - 1)) << "the last is left out";
  keyring.remove(as_bytes("0"));
  EXPECT_EQ(as_text(listed(keyring).back().key_blob), "one more");
}

TEST(Keyring, ListsNoMoreBytesThanAMessageHolds) {
  // Type and count, then two lengths for each key.
  const std::size_t room = limits::message_bytes - 5 - 8 - 8;
  Keyring keyring = filled({"a"});
  keyring.put(entry("b", std::string(room - 3, 'c')));
  EXPECT_EQ(listed(keyring).size(), 2U) << "as much as just fits";
  EXPECT_EQ(keyring.identities_answer({})->size(), 4 + limits::message_bytes);
  keyring.put(entry("b", std::string(room - 2, 'c')));
  EXPECT_EQ(comments(keyring), Comments{"a"});
  keyring.put(entry("c", "c"));
  EXPECT_EQ(comments(keyring), (Comments{"a", "c"})) << "what comes after one that is too large is listed";
  EXPECT_NE(keyring.find(as_bytes("b")), nullptr) << "what is not listed is still held";
}

}  // namespace
}  // namespace fob
