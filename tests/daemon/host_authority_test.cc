#include <gtest/gtest.h>

#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"
#include "tests/daemon/session.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

const TestKey& key() { return TestKey::any(KeyKind::ed25519); }
const TestKey& server() { return TestKey::any(KeyKind::ecdsa_p256); }
const TestKey& authority() { return TestKey::any(KeyKind::ecdsa_p384); }

constexpr std::string_view session = "session identifier";

TestKey certified(const CertificateWish& wish, const TestKey& signer = authority()) {
  return server().with_certificate(certify(signer, server(), wish));
}

/// Whether `key()`, constrained to `to`, logs in at a host that shows `host_key`; it must be listed there if so.
bool reaches(const Daemon& daemon, const Hop& to, const TestKey& host_key) {
  EXPECT_TRUE(Client(daemon).add(key(), "constrained", destinations({from_origin(to)})));
  Client client(daemon);
  EXPECT_EQ(client.bind(host_key, session, false), MessageType::success);
  const Bytes data = hostbound_login(key().public_key(), session, "alice", host_key.public_key());
  const bool signs = client.sign(key().blob(), data).has_value();
  EXPECT_EQ(client.list().size(), signs ? 1U : 0U) << "listed, but of no use, or the other way round";
  return signs;
}

Hop server_of_authority(std::string_view name = "server.example") {
  return host_of_authority(name, authority().public_key());
}

TEST(HostAuthority, VouchesForAHostByName) {
  Daemon daemon;
  EXPECT_TRUE(reaches(daemon, server_of_authority(), certified({.host = true, .principals = "server.example"})));
  EXPECT_TRUE(reaches(daemon, server_of_authority(), certified({.host = true, .principals = "a,server.example,b"})));
}

TEST(HostAuthority, VouchesForNoOtherName) {
  Daemon daemon;
  EXPECT_FALSE(reaches(daemon, server_of_authority(), certified({.host = true, .principals = "other.example"})));
  EXPECT_FALSE(reaches(daemon, server_of_authority(), certified({.host = true, .principals = "server"})));
  EXPECT_FALSE(reaches(daemon, server_of_authority("other"), certified({.host = true, .principals = "server"})));
}

TEST(HostAuthority, VouchesForNobodyWithoutPrincipals) {
  Daemon daemon;
  EXPECT_FALSE(reaches(daemon, server_of_authority(), certified({.host = true, .principals = ""})));
}

TEST(HostAuthority, MayUseWildcards) {
  Daemon daemon;
  EXPECT_TRUE(reaches(daemon, server_of_authority(), certified({.host = true, .principals = "*.example"})));
  EXPECT_FALSE(reaches(daemon, server_of_authority(), certified({.host = true, .principals = "*.example.org"})));
}

TEST(HostAuthority, IsTheOneOfTheConstraint) {
  Daemon daemon;
  const CertificateWish wish{.host = true, .principals = "server.example"};
  EXPECT_FALSE(reaches(daemon, server_of_authority(), certified(wish, TestKey::any(KeyKind::ecdsa_p521))));
}

TEST(HostAuthority, VouchesByHostCertificatesOnly) {
  Daemon daemon;
  EXPECT_FALSE(reaches(daemon, server_of_authority(), certified({.host = false, .principals = "server.example"})));
}

TEST(HostAuthority, VouchesForACertainTimeOnly) {
  Daemon daemon;
  const auto in_time = [](std::string_view validity) {
    return certified({.host = true, .principals = "server.example", .validity = std::string(validity)});
  };
  EXPECT_FALSE(reaches(daemon, server_of_authority(), in_time("20200101:20210101"))) << "is over";
  EXPECT_FALSE(reaches(daemon, server_of_authority(), in_time("20900101:20910101"))) << "has not come";
  EXPECT_TRUE(reaches(daemon, server_of_authority(), in_time("20200101:20910101")));
}

TEST(HostAuthority, IsNoHostItself) {
  Daemon daemon;
  EXPECT_FALSE(reaches(daemon, host_of_authority("server.example", server().public_key()), server()))
      << "a plain key that is listed as an authority";
}

TEST(HostAuthority, IsNeededForACertificate) {
  Daemon daemon;
  const TestKey certificate = certified({.host = true, .principals = "server.example"});
  EXPECT_FALSE(reaches(daemon, host("server.example", server().public_key()), certificate))
      << "the plain key is listed, the certificate's authority is not";
  EXPECT_FALSE(reaches(daemon, host("server.example", authority().public_key()), certificate))
      << "the authority's key is listed as a host's";
}

TEST(HostAuthority, VouchesOnTheWayToo) {
  Daemon daemon;
  const TestKey near_host = certified({.host = true, .principals = "near"});
  const TestKey& far_host = TestKey::any(KeyKind::rsa);
  const Hop near = server_of_authority("near");
  const auto constraints = destinations({from_origin(near), via(near, host("far", far_host.public_key()))});
  ASSERT_TRUE(Client(daemon).add(key(), "constrained", constraints));
  Client client(daemon);
  ASSERT_EQ(client.bind(near_host, "first", true), MessageType::success);
  ASSERT_EQ(client.bind(far_host, "second", false), MessageType::success);
  const Bytes data = hostbound_login(key().public_key(), "second", "alice", far_host.public_key());
  EXPECT_TRUE(client.sign(key().blob(), data));
}

}  // namespace
}  // namespace fob
