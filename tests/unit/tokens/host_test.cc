#include <sys/wait.h>

#include "tests/unit/tokens/support.h"

namespace fob {
namespace {

using std::chrono::milliseconds;
using test::Bench;
using test::new_key;
using test::Outcome;

void expect_touch_wanted(const test::HostProcess& host) {
  const std::optional<host::Reply> notice = host.receive();
  ASSERT_TRUE(notice && std::holds_alternative<host::TouchWanted>(*notice));
}

TEST(Host, CancelsATouchThatIsWaitedFor) {
  Bench bench;
  const NewKey key = bench.generate().as<host::Generated>().key;
  bench.token.set_touch(virt::TouchPolicy::manual());
  bench.host.send(host::Sign{test::key_ref(key), as_bytes("data"), {}});
  expect_touch_wanted(bench.host);
  const Outcome cancelled = bench.host(host::Cancel{});
  EXPECT_EQ(cancelled.error(), Errc::cancelled);
  EXPECT_LT(cancelled.took, milliseconds(200));
  EXPECT_EQ(bench.token.status().cancels, 1U);
  bench.token.set_touch(virt::TouchPolicy::automatic());
  EXPECT_FALSE(bench.sign(key, "data").error());
}

TEST(Host, CancelsATouchOnAU2fToken) {
  virt::Personality u2f;
  u2f.ctap2 = false;
  Bench bench(u2f);
  const NewKey key = bench.generate().as<host::Generated>().key;
  bench.token.set_touch(virt::TouchPolicy::manual());
  bench.host.send(host::Sign{test::key_ref(key), as_bytes("data"), {}});
  expect_touch_wanted(bench.host);
  const Outcome cancelled = bench.host(host::Cancel{});
  EXPECT_EQ(cancelled.error(), Errc::cancelled);
  EXPECT_LT(cancelled.took, milliseconds(300));
  bench.token.set_touch(virt::TouchPolicy::automatic());
  EXPECT_FALSE(bench.sign(key, "data").error());
}

TEST(Host, IgnoresACancelThatComesTooLate) {
  Bench bench;
  const NewKey key = bench.generate().as<host::Generated>().key;
  bench.host.send(host::Cancel{});
  EXPECT_FALSE(bench.sign(key, "data").error());
  bench.host.send(host::Cancel{});
  bench.host.send(host::Cancel{});
  EXPECT_FALSE(bench.describe().error());
  EXPECT_EQ(bench.token.status().cancels, 0U);
}

TEST(Host, AnswersARequestThatWasSentWhileAnotherRan) {
  Bench bench;
  bench.token.set_touch(virt::TouchPolicy::manual());
  bench.host.send(host::Generate{new_key(KeyKind::sk_ed25519), {}});
  expect_touch_wanted(bench.host);
  bench.host.send(host::Describe{});
  EXPECT_FALSE(bench.host.receive(milliseconds(100)));
  EXPECT_TRUE(bench.token.touch());
  EXPECT_FALSE(bench.host.outcome().error());
  bench.host.outcome().as<host::Described>();
}

TEST(Host, CancelsWhenTheAgentIsGone) {
  Bench bench;
  bench.token.set_touch(virt::TouchPolicy::manual());
  bench.host.send(host::Generate{new_key(KeyKind::sk_ed25519), {}});
  expect_touch_wanted(bench.host);
  bench.host.leave();
  EXPECT_EQ(bench.host.status(), 0);
  EXPECT_EQ(bench.token.status().cancels, 1U);
}

TEST(Host, EndsWithTheToken) {
  Bench bench;
  bench.token.set_touch(virt::TouchPolicy::manual());
  bench.host.send(host::Generate{new_key(KeyKind::sk_ed25519), {}});
  expect_touch_wanted(bench.host);
  bench.token.unplug();
  const Outcome removed = bench.host.outcome();
  EXPECT_EQ(removed.error(), Errc::removed);
  EXPECT_EQ(removed.text(), "the token was removed");
  EXPECT_EQ(bench.host.status(), 0);
}

TEST(Host, SaysThatTheTokenIsGoneWhereverItWent) {
  for (const std::uint8_t command : {virt::command::get_info, virt::command::client_pin, virt::command::get_assertion,
                                     virt::command::make_credential}) {
    for (const auto phase :
         {virt::UnplugRule::Phase::arrival, virt::UnplugRule::Phase::reply, virt::UnplugRule::Phase::mid_reply}) {
      Bench bench;
      bench.set_pin("1234").as<host::Done>();
      bench.token.unplug_at({command, phase, 1});
      NewKeyRequest request = new_key(KeyKind::sk_ed25519, sk_flags::user_presence_required | sk_flags::resident_key);
      EXPECT_EQ(bench.generate(request, "1234").error(), Errc::removed);
      EXPECT_EQ(bench.host.status(), 0);
      bench.replug();
      EXPECT_EQ(bench.pin_tries(), 8U);
      request.flags |= sk_flags::force_operation;  // the reply may have been all that was lost
      bench.generate(request, "1234").as<host::Generated>();
    }
  }
}

TEST(Host, EndsWithoutAToken) {
  auto [token_end, host_end] = test::socket_pair();
  test::HostProcess host = test::HostProcess::fido(host_end.get());
  host_end.reset();
  token_end.reset();
  EXPECT_EQ(host(host::Describe{}).error(), Errc::removed);
  EXPECT_EQ(host.status(), 0);
}

TEST(Host, SaysThatATokenIsSilent) {
  auto [token_end, host_end] = test::socket_pair();
  test::HostProcess host = test::HostProcess::fido(host_end.get());
  const Outcome silent = host(host::Describe{});
  EXPECT_EQ(silent.error(), Errc::timed_out);
  EXPECT_GT(silent.took, milliseconds(4'000));
  EXPECT_LT(silent.took, milliseconds(6'000));
}

TEST(Host, EndsAtAMessageThatIsNone) {
  for (const Bytes& garbage : {Bytes{0, 0, 0, 0}, Bytes{0xff, 0xff, 0xff, 0xff}, Bytes{0, 0, 0, 1, 0xee}}) {
    Bench bench;
    bench.host.send_raw(garbage);
    const std::optional<int> status = bench.host.status();
    ASSERT_TRUE(status);
    EXPECT_TRUE(WIFEXITED(*status));
    EXPECT_EQ(WEXITSTATUS(*status), 1);
  }
}

}  // namespace
}  // namespace fob
