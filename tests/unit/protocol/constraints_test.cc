#include "protocol/constraints.h"

#include "protocol/limits.h"
#include "protocol/request.h"
#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

using test::error_of;
using test::from_hex;

constexpr std::string_view restrict_destination = "restrict-destination-v00@openssh.com";
constexpr std::string_view sk_provider = "sk-provider@openssh.com";
constexpr std::string_view associated_certs = "associated-certs-v00@openssh.com";

Constraints read(ByteView bytes) {
  Reader in(bytes);
  Constraints out = Constraints::read(in);
  in.done();
  return out;
}

std::optional<Errc> read_error(ByteView bytes) {
  return error_of([&] { read(bytes); });
}

Bytes written(const Constraints& constraints) {
  Writer out;
  constraints.write(out);
  return out.take();
}

Bytes extension(std::string_view name, ByteView contents) { return Writer().u8(255).string(name).raw(contents).take(); }

const Bytes& host_key() {
  static const Bytes blob = test::public_key_blob("messages/host.pub");
  return blob;
}

Bytes host_keys(std::size_t count) {
  Writer out;
  for (std::size_t i = 0; i < count; ++i) out.string(host_key()).boolean(i % 2 != 0);
  return out.take();
}

/// One end of a destination constraint, on the wire.
struct HopDraft {
  std::string user;
  std::string hostname;
  std::string reserved;
  Bytes keys;

  Bytes wire() const { return Writer().string(user).string(hostname).string(reserved).raw(keys).take(); }
};

const HopDraft here{"", "", "", {}};
HopDraft host(const std::string& user = "") { return {user, "host", "", host_keys(1)}; }

Bytes destination(const HopDraft& from, const HopDraft& to, std::string_view reserved = "") {
  return Writer().string(from.wire()).string(to.wire()).string(reserved).take();
}

Bytes destinations(const std::vector<Bytes>& list) {
  Writer contents;
  for (const Bytes& one : list) contents.string(one);
  return extension(restrict_destination, Writer().string(contents.bytes()).bytes());
}

std::optional<Errc> destination_error(const HopDraft& from, const HopDraft& to, std::string_view reserved = "") {
  return read_error(destinations({destination(from, to, reserved)}));
}

Bytes certificates(std::size_t count, const Bytes& blob) {
  Writer list;
  for (std::size_t i = 0; i < count; ++i) list.string(blob);
  return extension(associated_certs, Writer().boolean(true).string(list.bytes()).bytes());
}

/// Every form of constraint alone, by name.
std::map<std::string, Bytes> each_form() {
  const Bytes certificate = test::public_key_blob("certificates/user-cert.pub");
  return {{"lifetime", from_hex("01 0000003c")},
          {"confirm", from_hex("02")},
          {"sk provider", extension(sk_provider, Writer().string("internal").bytes())},
          {"destinations", destinations({destination(here, host("alice")), destination(host(), host())})},
          {"certificates", certificates(2, certificate)},
          {"no certificates", certificates(0, certificate)}};
}

TEST(Constraints, WriteWhatTheyRead) {
  Bytes all;
  for (const char* name : {"lifetime", "confirm", "sk provider", "destinations", "certificates"}) {
    const Bytes bytes = each_form().at(name);
    EXPECT_EQ(test::to_hex(written(read(bytes))), test::to_hex(bytes)) << name;
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  EXPECT_EQ(test::to_hex(written(read(all))), test::to_hex(all));
}

TEST(Constraints, RefuseEveryTruncationAndTrailingByte) {
  for (const auto& [name, bytes] : each_form()) {
    SCOPED_TRACE(name);
    test::expect_exact_length(bytes, [](ByteView prefix) { read(prefix); }, {0});
  }
}

TEST(Constraints, RefuseEachFormTwice) {
  for (const auto& [name, bytes] : each_form()) {
    Bytes twice = bytes;
    twice.insert(twice.end(), bytes.begin(), bytes.end());
    EXPECT_EQ(read_error(twice), Errc::malformed) << name;
  }
}

TEST(Constraints, AreEmptyWithoutAny) {
  EXPECT_TRUE(read({}).empty());
  for (const auto& [name, bytes] : each_form()) EXPECT_FALSE(read(bytes).empty()) << name;
}

TEST(Constraints, ReadNumbersAndTexts) {
  EXPECT_EQ(read(from_hex("01 00000000")).lifetime_seconds, 0U);
  EXPECT_EQ(read(from_hex("01 ffffffff")).lifetime_seconds, UINT32_MAX);
  EXPECT_TRUE(read(from_hex("02")).confirm);
  EXPECT_EQ(read(each_form().at("sk provider")).sk_provider, "internal");
  EXPECT_EQ(read_error(extension(sk_provider, from_hex("00000002 6100"))), Errc::malformed);
  const Constraints with_certificates = read(each_form().at("certificates"));
  EXPECT_TRUE(with_certificates.associated_certificates->certificates_only);
  EXPECT_EQ(with_certificates.associated_certificates->certificates.size(), 2U);
}

TEST(Constraints, RefuseUnknownOnes) {
  for (unsigned type = 3; type < 255; ++type) {
    EXPECT_EQ(read_error(Bytes{static_cast<std::uint8_t>(type)}), Errc::unsupported) << type;
  }
  EXPECT_EQ(read_error(from_hex("00")), Errc::unsupported);
  for (const char* name : {"", "restrict-destination-v01@openssh.com", "sk-provider", "x"}) {
    EXPECT_EQ(read_error(extension(name, {})), Errc::unsupported) << name;
  }
  EXPECT_EQ(read_error(extension(std::string(limits::name_bytes + 1, 'x'), {})), Errc::malformed);
}

/// What ssh-add -h first -h 'first>alice@second' -h 'alice@*.example.org' -h second wrote.
TEST(DestinationConstraints, ReadWhatSshAddWrites) {
  const Request request = parse_request(test::message("add_destinations.request"));
  const auto& list = std::get<AddIdentity>(request).constraints.destinations;
  ASSERT_EQ(list.size(), 4U);
  EXPECT_TRUE(list[0].from.hostname.empty());
  EXPECT_TRUE(list[0].from.keys.empty());
  EXPECT_EQ(list[0].to.hostname, "first");
  ASSERT_EQ(list[0].to.keys.size(), 1U);
  EXPECT_TRUE(equal(list[0].to.keys[0].key.blob, host_key()));
  EXPECT_FALSE(list[0].to.keys[0].is_ca);
  EXPECT_EQ(list[1].from.hostname, "first");
  EXPECT_TRUE(equal(list[1].from.keys.at(0).key.blob, host_key()));
  EXPECT_EQ(list[1].to.hostname, "second");
  EXPECT_EQ(list[1].to.user, "alice");
  EXPECT_EQ(list[2].to.hostname, "*.example.org");
  EXPECT_EQ(list[2].to.user, "alice");
  EXPECT_TRUE(list[2].to.keys.at(0).is_ca);
  EXPECT_TRUE(equal(list[2].to.keys[0].key.blob, test::public_key_blob("messages/ca.pub")));
  EXPECT_EQ(list[3].to.user, "");
}

TEST(DestinationConstraints, RefuseEmptyList) { EXPECT_EQ(read_error(destinations({})), Errc::malformed); }

TEST(DestinationConstraints, RefuseInconsistentEnds) {
  EXPECT_FALSE(destination_error(here, host()));
  EXPECT_FALSE(destination_error(host(), host("alice")));
  EXPECT_EQ(destination_error(here, here), Errc::malformed);
  EXPECT_EQ(destination_error(host("alice"), host()), Errc::malformed);
  EXPECT_EQ(destination_error({"alice", "", "", {}}, host()), Errc::malformed);
  EXPECT_EQ(destination_error({"", "host", "", {}}, host()), Errc::malformed);
  EXPECT_EQ(destination_error({"", "", "", host_keys(1)}, host()), Errc::malformed);
  EXPECT_EQ(destination_error(here, {"", "host", "", {}}), Errc::malformed);
  EXPECT_EQ(destination_error(here, {"", "", "", host_keys(1)}), Errc::malformed);
}

TEST(DestinationConstraints, RefuseAdditionsThatAreNotKnown) {
  EXPECT_EQ(destination_error({"", "", "x", {}}, host()), Errc::unsupported);
  EXPECT_EQ(destination_error(here, {"", "host", "x", host_keys(1)}), Errc::unsupported);
  EXPECT_EQ(destination_error(here, host(), "x"), Errc::unsupported);
}

TEST(DestinationConstraints, RefuseIllFormedHops) {
  const Bytes no_ca_flag = Writer().string(host_key()).take();
  const Bytes no_key = Writer().string("key").boolean(false).take();
  EXPECT_EQ(destination_error(here, {"", "host", "", no_ca_flag}), Errc::malformed);
  EXPECT_EQ(destination_error(here, {"", "host", "", no_key}), Errc::malformed);
  EXPECT_EQ(destination_error(here, {"", std::string("a\0", 2), "", host_keys(1)}), Errc::malformed);
  EXPECT_EQ(destination_error(here, {std::string("a\0", 2), "host", "", host_keys(1)}), Errc::malformed);
  Bytes longer = destination(here, host());
  longer.push_back(0);
  EXPECT_EQ(read_error(destinations({longer})), Errc::malformed);
}

TEST(DestinationConstraints, TakeUserPatternsUpToTheirLimit) {
  EXPECT_FALSE(destination_error(here, host(std::string(limits::user_pattern_bytes, '*'))));
  EXPECT_EQ(destination_error(here, host(std::string(limits::user_pattern_bytes + 1, '*'))), Errc::malformed);
}

TEST(DestinationConstraints, TakeHostKeysUpToTheirLimit) {
  const auto with_keys = [](std::size_t count) { return HopDraft{"", "host", "", host_keys(count)}; };
  EXPECT_FALSE(destination_error(here, with_keys(limits::hop_keys)));
  EXPECT_EQ(destination_error(here, with_keys(limits::hop_keys + 1)), Errc::malformed);
  EXPECT_FALSE(destination_error(with_keys(limits::hop_keys), host()));
  EXPECT_EQ(destination_error(with_keys(limits::hop_keys + 1), host()), Errc::malformed);
}

TEST(DestinationConstraints, AreTakenUpToTheirLimit) {
  std::vector<Bytes> list(limits::destination_constraints, destination(here, host()));
  EXPECT_EQ(read(destinations(list)).destinations.size(), limits::destination_constraints);
  list.push_back(list[0]);
  EXPECT_EQ(read_error(destinations(list)), Errc::malformed);
}

TEST(AssociatedCertificates, AreTakenUpToTheirLimit) {
  const Bytes certificate = test::public_key_blob("certificates/user_no_options-cert.pub");
  EXPECT_FALSE(read_error(certificates(limits::associated_certificates, certificate)));
  EXPECT_EQ(read_error(certificates(limits::associated_certificates + 1, certificate)), Errc::malformed);
  EXPECT_EQ(read_error(certificates(1, from_hex("00"))), Errc::malformed);
}

TEST(Constraints, CountTheMemoryThatTheyHold) {
  EXPECT_EQ(read(from_hex("02")).size_bytes(), 0U);
  EXPECT_GE(read(each_form().at("sk provider")).size_bytes(), 8U);
  for (const char* name : {"destinations", "certificates"}) {
    const Bytes bytes = each_form().at(name);
    EXPECT_GE(read(bytes).size_bytes(), bytes.size() / 2) << name;
  }
}

}  // namespace
}  // namespace fob
