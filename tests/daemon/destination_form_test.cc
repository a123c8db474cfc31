#include <gtest/gtest.h>

#include "protocol/limits.h"
#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"
#include "tests/daemon/session.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

const TestKey& server() { return TestKey::any(KeyKind::ed25519); }

/// The octets of one destination constraint, so that each can be wrong.
struct RawHop {
  std::string user;
  std::string hostname;
  std::string reserved;
  std::vector<Bytes> keys;
  std::string after;

  void write(Writer& out) const {
    const std::size_t mark = out.begin_string();
    out.string(user).string(hostname).string(reserved);
    for (const Bytes& key : keys) out.string(key).boolean(false);
    out.raw(as_bytes(after));
    out.end_string(mark);
  }
};

struct RawDestination {
  RawHop from;
  RawHop to{"", "server", "", {to_bytes(server().blob())}, ""};
  std::string reserved;
  std::string after;

  void write(Writer& out) const {
    const std::size_t mark = out.begin_string();
    from.write(out);
    to.write(out);
    out.string(reserved).raw(as_bytes(after));
    out.end_string(mark);
  }
};

/// ADD of a fresh key with the extension's contents `list`.
bool add_with_list(Client& client, const Writer& list, int times = 1) {
  Writer body;
  TestKey::make(KeyKind::ed25519).private_key().write(body);
  body.string("comment");
  for (int i = 0; i < times; ++i) {
    body.u8(255).string("restrict-destination-v00@openssh.com").string(list.bytes());
  }
  return client.succeeds_raw(message(MessageType::add_id_constrained, body.bytes()));
}

bool takes(const RawDestination& destination, std::size_t count = 1) {
  Daemon daemon;
  Client client(daemon);
  Writer list;
  for (std::size_t i = 0; i < count; ++i) destination.write(list);
  const bool taken = add_with_list(client, list);
  EXPECT_EQ(client.list().size(), taken ? 1U : 0U);
  return taken;
}

TEST(DestinationForm, IsTakenAsSshAddSendsIt) { EXPECT_TRUE(takes({})); }

TEST(DestinationForm, OfAnEmptyListIsRefused) {
  Daemon daemon;
  Client client(daemon);
  EXPECT_FALSE(add_with_list(client, Writer()));
  EXPECT_EQ(client.list().size(), 0U) << "whoever sent it wanted a constraint";
}

TEST(DestinationForm, GivenTwiceIsRefused) {
  Daemon daemon;
  Client client(daemon);
  Writer list;
  RawDestination{}.write(list);
  EXPECT_FALSE(add_with_list(client, list, 2));
  EXPECT_EQ(client.list().size(), 0U);
}

TEST(DestinationForm, NeedsADestination) {
  RawDestination destination;
  destination.to.hostname = "";
  EXPECT_FALSE(takes(destination));
  destination = {};
  destination.to.keys.clear();
  EXPECT_FALSE(takes(destination));
}

TEST(DestinationForm, HasAnOriginWithKeysOrNone) {
  RawDestination destination;
  destination.from.hostname = "near";
  EXPECT_FALSE(takes(destination));
  destination.from.keys = {to_bytes(server().blob())};
  EXPECT_TRUE(takes(destination));
  destination.from.hostname = "";
  EXPECT_FALSE(takes(destination));
}

TEST(DestinationForm, HasNoUserAtItsOrigin) {
  RawDestination destination;
  destination.from.user = "alice";
  EXPECT_FALSE(takes(destination));
  destination.from.hostname = "near";
  destination.from.keys = {to_bytes(server().blob())};
  EXPECT_FALSE(takes(destination));
}

TEST(DestinationForm, HasNothingInItsReservedFields) {
  RawDestination destination;
  destination.reserved = "x";
  EXPECT_FALSE(takes(destination));
  destination = {};
  destination.to.reserved = "x";
  EXPECT_FALSE(takes(destination));
  destination = {};
  destination.from.reserved = "x";
  EXPECT_FALSE(takes(destination));
}

TEST(DestinationForm, HasNoTrailingBytes) {
  RawDestination destination;
  destination.after = "x";
  EXPECT_FALSE(takes(destination));
  destination = {};
  destination.to.after = "x";
  EXPECT_FALSE(takes(destination));
  destination = {};
  destination.from.after = "x";
  EXPECT_FALSE(takes(destination));
}

TEST(DestinationForm, HasHostKeysThatCanBeRead) {
  RawDestination destination;
  destination.to.keys = {to_bytes(as_bytes("not a key"))};
  EXPECT_FALSE(takes(destination));
}

TEST(DestinationForm, HasAUserPatternOfAtMost256Bytes) {
  RawDestination destination;
  destination.to.user = std::string(limits::user_pattern_bytes, 'u');
  EXPECT_TRUE(takes(destination));
  destination.to.user += 'u';
  EXPECT_FALSE(takes(destination));
}

TEST(DestinationForm, HasNamesWithoutNul) {
  RawDestination destination;
  destination.to.hostname = std::string("ser\0ver", 7);
  EXPECT_FALSE(takes(destination));
  destination = {};
  destination.to.user = std::string("al\0ice", 6);
  EXPECT_FALSE(takes(destination));
}

TEST(DestinationForm, IsRepeatedAtMost1024Times) {
  EXPECT_TRUE(takes({}, limits::destination_constraints));
  EXPECT_FALSE(takes({}, limits::destination_constraints + 1));
}

}  // namespace
}  // namespace fob
