#include <gtest/gtest.h>

#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"
#include "tests/daemon/session.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

/// origin → near → far → farthest
const TestKey& key() { return TestKey::any(KeyKind::ed25519); }
const TestKey& near_host() { return TestKey::any(KeyKind::ecdsa_p256); }
const TestKey& far_host() { return TestKey::any(KeyKind::ecdsa_p384); }
const TestKey& farthest_host() { return TestKey::any(KeyKind::ecdsa_p521); }

Hop near() { return host("near", near_host().public_key()); }
Hop far(std::string_view user = "") { return host("far", far_host().public_key(), user); }
Hop farthest() { return host("farthest", farthest_host().public_key()); }

void add_constrained(const Daemon& daemon, std::vector<DestinationConstraint> list) {
  ASSERT_TRUE(Client(daemon).add(key(), "constrained", destinations(std::move(list))));
}

struct BindStep {
  const TestKey& host_key;
  std::string_view session_id;
  bool is_forwarding;
};

Client bound(const Daemon& daemon, std::initializer_list<BindStep> steps) {
  Client client(daemon);
  for (const BindStep& step : steps) {
    EXPECT_EQ(client.bind(step.host_key, step.session_id, step.is_forwarding), MessageType::success);
  }
  return client;
}

bool is_listed(Client& client) { return client.list().size() == 1; }

bool logs_in(Client& client, std::string_view session_id, std::string_view user = "alice") {
  return client.sign(key().blob(), login(key().public_key(), session_id, user)).has_value();
}
bool logs_in_hostbound(Client& client, std::string_view session_id, const TestKey& to,
                       std::string_view user = "alice") {
  return client.sign(key().blob(), hostbound_login(key().public_key(), session_id, user, to.public_key())).has_value();
}

TEST(Forwarding, OfAKeyThatMayGoOnWorks) {
  Daemon daemon;
  add_constrained(daemon, {from_origin(near()), via(near(), far())});
  Client client = bound(daemon, {{near_host(), "first", true}, {far_host(), "second", false}});
  EXPECT_TRUE(is_listed(client));
  EXPECT_TRUE(logs_in_hostbound(client, "second", far_host()));
}

TEST(Forwarding, NeedsTheHostKeyInTheRequest) {
  Daemon daemon;
  add_constrained(daemon, {from_origin(near()), via(near(), far())});
  Client client = bound(daemon, {{near_host(), "first", true}, {far_host(), "second", false}});
  EXPECT_FALSE(logs_in(client, "second"));
  EXPECT_FALSE(logs_in_hostbound(client, "second", near_host()));
  EXPECT_FALSE(logs_in_hostbound(client, "second", farthest_host()));
  EXPECT_TRUE(logs_in_hostbound(client, "second", far_host()));
}

TEST(Forwarding, SignsForTheMostRecentSessionOnly) {
  Daemon daemon;
  add_constrained(daemon, {from_origin(near()), via(near(), far())});
  Client client = bound(daemon, {{near_host(), "first", true}, {far_host(), "second", false}});
  EXPECT_FALSE(logs_in_hostbound(client, "first", far_host()));
  EXPECT_FALSE(logs_in_hostbound(client, "first", near_host()));
  EXPECT_FALSE(logs_in(client, "first"));
}

TEST(Forwarding, OfAKeyForTheFirstHostOnlyHidesIt) {
  Daemon daemon;
  add_constrained(daemon, {from_origin(near())});
  Client at_near = bound(daemon, {{near_host(), "first", true}});
  EXPECT_FALSE(is_listed(at_near)) << "it may be used to get to the host, not from there";
  EXPECT_FALSE(logs_in(at_near, "first"));
  EXPECT_FALSE(at_near.remove(key().blob()));
  Client beyond = bound(daemon, {{near_host(), "first", true}, {far_host(), "second", false}});
  EXPECT_FALSE(is_listed(beyond));
  EXPECT_FALSE(logs_in_hostbound(beyond, "second", far_host()));
}

TEST(Forwarding, OfAKeyThatMayGoOnShowsItOnTheWay) {
  Daemon daemon;
  add_constrained(daemon, {from_origin(near()), via(near(), far())});
  Client client = bound(daemon, {{near_host(), "first", true}});
  EXPECT_TRUE(is_listed(client));
}

TEST(Forwarding, ThroughAHostThatMayNotBeReachedHidesTheKey) {
  Daemon daemon;
  add_constrained(daemon, {via(near(), far())});
  Client client = bound(daemon, {{near_host(), "first", true}, {far_host(), "second", false}});
  EXPECT_FALSE(is_listed(client)) << "nobody allowed origin → near";
  EXPECT_FALSE(logs_in_hostbound(client, "second", far_host()));
  Client direct = bound(daemon, {{far_host(), "first", false}});
  EXPECT_FALSE(is_listed(direct));
  EXPECT_FALSE(logs_in(direct, "first"));
}

TEST(Forwarding, ToAHostThatIsAllowedDirectlyOnlyIsRefused) {
  Daemon daemon;
  add_constrained(daemon, {from_origin(near()), from_origin(far())});
  Client client = bound(daemon, {{near_host(), "first", true}, {far_host(), "second", false}});
  EXPECT_FALSE(is_listed(client));
  EXPECT_FALSE(logs_in_hostbound(client, "second", far_host()));
  Client direct = bound(daemon, {{far_host(), "first", false}});
  EXPECT_TRUE(logs_in_hostbound(direct, "first", far_host()));
}

TEST(Forwarding, OverTwoHopsNeedsEach) {
  Daemon daemon;
  add_constrained(daemon, {from_origin(near()), via(near(), far()), via(far(), farthest())});
  Client client =
      bound(daemon, {{near_host(), "first", true}, {far_host(), "second", true}, {farthest_host(), "third", false}});
  EXPECT_TRUE(is_listed(client));
  EXPECT_TRUE(logs_in_hostbound(client, "third", farthest_host()));
  Client shorter = bound(daemon, {{near_host(), "first", true}, {farthest_host(), "third", false}});
  EXPECT_FALSE(is_listed(shorter)) << "near → farthest is not allowed";
  EXPECT_FALSE(logs_in_hostbound(shorter, "third", farthest_host()));
  Client on_the_way = bound(daemon, {{near_host(), "first", true}, {far_host(), "second", true}});
  EXPECT_TRUE(is_listed(on_the_way));
}

TEST(Forwarding, OverTwoHopsOfWhichOneIsMissingIsRefused) {
  Daemon daemon;
  add_constrained(daemon, {from_origin(near()), via(far(), farthest())});
  Client client =
      bound(daemon, {{near_host(), "first", true}, {far_host(), "second", true}, {farthest_host(), "third", false}});
  EXPECT_FALSE(is_listed(client));
  EXPECT_FALSE(logs_in_hostbound(client, "third", farthest_host()));
}

TEST(Forwarding, ItselfIsNoLogin) {
  Daemon daemon;
  add_constrained(daemon, {from_origin(near()), via(near(), far()), via(far(), farthest())});
  Client first = bound(daemon, {{near_host(), "first", true}});
  EXPECT_FALSE(logs_in(first, "first"));
  EXPECT_FALSE(logs_in_hostbound(first, "first", near_host()));
  Client second = bound(daemon, {{near_host(), "first", true}, {far_host(), "second", true}});
  EXPECT_FALSE(logs_in_hostbound(second, "second", far_host()));
}

TEST(Forwarding, MatchesTheUserAtTheEndOnly) {
  Daemon daemon;
  Hop near_as_carol = near();
  near_as_carol.user = "carol";
  add_constrained(daemon, {from_origin(near_as_carol), via(near(), far("ali*"))});
  Client client = bound(daemon, {{near_host(), "first", true}, {far_host(), "second", false}});
  EXPECT_TRUE(is_listed(client));
  EXPECT_TRUE(logs_in_hostbound(client, "second", far_host(), "alice"));
  EXPECT_FALSE(logs_in_hostbound(client, "second", far_host(), "bob"));
  EXPECT_FALSE(logs_in_hostbound(client, "second", far_host(), "carol"));
}

TEST(Forwarding, OfAFreeKeyIsFree) {
  Daemon daemon;
  ASSERT_TRUE(Client(daemon).add(key(), "free"));
  Client client = bound(daemon, {{near_host(), "first", true}});
  EXPECT_TRUE(is_listed(client));
  EXPECT_TRUE(client.sign(key().blob(), as_bytes("data")));
}

}  // namespace
}  // namespace fob
