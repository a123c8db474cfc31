#include "agent/destination.h"

#include <gtest/gtest.h>

#include "tests/daemon/session.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

const TestKey& key() { return TestKey::any(KeyKind::ed25519); }
const PublicKey& near() { return TestKey::any(KeyKind::ecdsa_p256).public_key(); }
const PublicKey& far() { return TestKey::any(KeyKind::ecdsa_p384).public_key(); }
const PublicKey& farthest() { return TestKey::any(KeyKind::ecdsa_p521).public_key(); }

/// Binds named after their sessions: '>' forwards, '=' logs in.
struct Leg {
  const PublicKey& host_key;
  std::string session;
  bool is_forwarding;
};

Route route(const std::vector<Leg>& legs) {
  Route out;
  for (const Leg& leg : legs) out.binds.push_back({leg.host_key, to_bytes(as_bytes(leg.session)), leg.is_forwarding});
  return out;
}

Leg forward(const PublicKey& host_key, std::string session) { return {host_key, std::move(session), true}; }
Leg log_in(const PublicKey& host_key, std::string session) { return {host_key, std::move(session), false}; }

/// The host that the key may log in to over this route, with a login that fits it; nothing where it is refused.
std::optional<std::string> destination(const Constraints& constraints, const Route& over, std::string_view user = "") {
  const Bind& last = over.binds.back();
  const Bytes data = hostbound_login(key().public_key(), as_text(last.session_id), user, last.host_key);
  std::optional<std::string> out;
  const auto fault = error_of([&] { out = check_destination(key().public_key(), constraints, over, data); });
  EXPECT_TRUE(out || fault == Errc::refused);
  return out;
}

bool signs(const Constraints& constraints, const Route& over, ByteView data) {
  return !error_of([&] { check_destination(key().public_key(), constraints, over, data); });
}

const Constraints& path() {
  static const Constraints out =
      destinations({from_origin(host("near", near())), via(host("near", near()), host("far", far(), "ali*")),
                    via(host("far", far()), host("farthest", farthest()))});
  return out;
}

TEST(Destination, DecidesByTheRoute) {
  struct Case {
    const char* name;
    Route over;
    bool is_visible;
    const char* destination;  // nullptr: refused
  };
  const Case cases[] = {
      {"near", route({log_in(near(), "1")}), true, "near"},
      {"far, not from here", route({log_in(far(), "1")}), false, nullptr},
      {"on near", route({forward(near(), "1")}), true, nullptr},
      {"from near to far", route({forward(near(), "1"), log_in(far(), "2")}), true, "far"},
      {"from near to near", route({forward(near(), "1"), log_in(near(), "2")}), false, nullptr},
      {"from near to farthest", route({forward(near(), "1"), log_in(farthest(), "2")}), false, nullptr},
      {"on far", route({forward(near(), "1"), forward(far(), "2")}), true, nullptr},
      {"on farthest", route({forward(near(), "1"), forward(far(), "2"), forward(farthest(), "3")}), false, nullptr},
      {"to farthest", route({forward(near(), "1"), forward(far(), "2"), log_in(farthest(), "3")}), true, "farthest"},
      {"farthest by far only", route({forward(far(), "1"), log_in(farthest(), "2")}), false, nullptr},
      {"after a login", route({log_in(near(), "1"), log_in(far(), "2")}), false, nullptr},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(visible(path(), c.over), c.is_visible) << c.name;
    const auto found = destination(path(), c.over, "alice");
    EXPECT_EQ(found.has_value(), c.destination != nullptr) << c.name;
    if (found && c.destination != nullptr) {
      EXPECT_EQ(*found, c.destination);
    }
  }
}

TEST(Destination, OfAnUnconstrainedKeyIsAnywhere) {
  const Constraints none;
  for (const Route& over : {Route{}, route({forward(near(), "1")}), route({log_in(far(), "1")})}) {
    EXPECT_TRUE(visible(none, over));
    EXPECT_TRUE(signs(none, over, as_bytes("anything")));
  }
  Route failed;
  failed.bind_failed = true;
  EXPECT_TRUE(visible(none, failed));
}

TEST(Destination, NeedsABind) {
  EXPECT_TRUE(visible(path(), {})) << "a local ssh-add may list it";
  EXPECT_FALSE(signs(path(), {}, login(key().public_key(), "1", "alice")));
  Route failed;
  failed.bind_failed = true;
  EXPECT_FALSE(visible(path(), failed));
  EXPECT_FALSE(signs(path(), failed, login(key().public_key(), "1", "alice")));
}

TEST(Destination, MatchesTheUserAtTheLastHopOnly) {
  const Route to_far = route({forward(near(), "1"), log_in(far(), "2")});
  EXPECT_EQ(destination(path(), to_far, "alice"), "far");
  EXPECT_FALSE(destination(path(), to_far, "bob"));
  EXPECT_FALSE(destination(path(), to_far, "Alice"));
  EXPECT_FALSE(destination(path(), to_far, ""));
  const Route to_farthest = route({forward(near(), "1"), forward(far(), "2"), log_in(farthest(), "3")});
  EXPECT_EQ(destination(path(), to_farthest, "bob"), "farthest");
}

TEST(Destination, SignsNothingButItsOwnLogin) {
  const Route over = route({log_in(near(), "1")});
  const PublicKey& own = key().public_key();
  EXPECT_TRUE(signs(path(), over, login(own, "1", "alice")));
  EXPECT_TRUE(signs(path(), over, hostbound_login(own, "1", "alice", near())));
  EXPECT_FALSE(signs(path(), over, login(far(), "1", "alice"))) << "of another key";
  EXPECT_FALSE(signs(path(), over, login(own, "2", "alice"))) << "of another session";
  EXPECT_FALSE(signs(path(), over, login(own, "", "alice")));
  EXPECT_FALSE(signs(path(), over, hostbound_login(own, "1", "alice", far()))) << "at another host";
  EXPECT_FALSE(signs(path(), over, sshsig_message()));
  EXPECT_FALSE(signs(path(), over, {}));
  Bytes longer = login(own, "1", "alice");
  longer.push_back(0);
  EXPECT_FALSE(signs(path(), over, longer));
}

TEST(Destination, NeedsTheHostKeyInAForwardedLogin) {
  const Route over = route({forward(near(), "1"), log_in(far(), "2")});
  const PublicKey& own = key().public_key();
  EXPECT_TRUE(signs(path(), over, hostbound_login(own, "2", "alice", far())));
  EXPECT_FALSE(signs(path(), over, login(own, "2", "alice")));
  EXPECT_FALSE(signs(path(), over, hostbound_login(own, "2", "alice", near())));
  EXPECT_FALSE(signs(path(), over, hostbound_login(own, "1", "alice", far()))) << "the session before";
}

TEST(Destination, TakesAnyOfSeveralKeysOfAHost) {
  Hop both = host("near", near());
  both.keys.push_back({far(), false});
  const Constraints constraints = destinations({from_origin(both)});
  EXPECT_EQ(destination(constraints, route({log_in(near(), "1")})), "near");
  EXPECT_EQ(destination(constraints, route({log_in(far(), "1")})), "near");
  EXPECT_FALSE(destination(constraints, route({log_in(farthest(), "1")})));
}

TEST(Destination, TakesAnAuthorityForHostCertificatesOnly) {
  const TestKey& authority = key();
  const TestKey& plain = TestKey::any(KeyKind::ecdsa_p256);
  const auto certified = [&](bool is_host, const char* name, const char* validity) {
    return plain.with_certificate(certify(authority, plain, {is_host, name, validity})).public_key();
  };
  const Constraints by_name = destinations({from_origin(host_of_authority("near", authority.public_key()))});
  const PublicKey good = certified(true, "near,other", "always:forever");
  EXPECT_EQ(destination(by_name, route({log_in(good, "1")})), "near");
  EXPECT_FALSE(destination(by_name, route({log_in(certified(true, "other", "always:forever"), "1")})));
  EXPECT_FALSE(destination(by_name, route({log_in(certified(false, "near", "always:forever"), "1")})));
  EXPECT_FALSE(destination(by_name, route({log_in(certified(true, "near", "20200101:20200102"), "1")})));
  EXPECT_FALSE(destination(by_name, route({log_in(plain.public_key(), "1")}))) << "no certificate";
  EXPECT_FALSE(destination(by_name, route({log_in(authority.public_key(), "1")}))) << "the authority itself";
  const Constraints by_key = destinations({from_origin(host("near", plain.public_key()))});
  EXPECT_FALSE(destination(by_key, route({log_in(good, "1")}))) << "a key does not vouch for a certificate";
}

TEST(Destination, SaysWhy) {
  try {
    check_destination(key().public_key(), path(), {}, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string_view(error.what()).find("not bound"), std::string_view::npos) << error.what();
  }
}

TEST(Route, IsRemoteWhereAnyBindForwards) {
  EXPECT_FALSE(Route{}.is_remote());
  EXPECT_FALSE(route({log_in(near(), "1")}).is_remote());
  EXPECT_TRUE(route({forward(near(), "1")}).is_remote());
  EXPECT_TRUE(route({forward(near(), "1"), log_in(far(), "2")}).is_remote());
  Route failed;
  failed.bind_failed = true;
  EXPECT_TRUE(failed.is_remote()) << "it tried";
}

TEST(Route, BeginsWithTheSessionThatLeavesThisHost) {
  EXPECT_TRUE(Route{}.origin().empty());
  EXPECT_TRUE(route({log_in(near(), "1")}).origin().empty());
  EXPECT_EQ(as_text(route({forward(near(), "1"), forward(far(), "2")}).origin()), "1");
}

}  // namespace
}  // namespace fob
