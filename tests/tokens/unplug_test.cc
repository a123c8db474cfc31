// Tokens that are pulled and token hosts that are killed: each costs one request.

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <fstream>
#include <set>

#include "tests/daemon/test_key.h"
#include "tests/tokens/token_rig.h"

namespace fob {
namespace {

using namespace std::chrono_literals;
using virt::UnplugRule;

constexpr std::string_view data = "what is to be signed";
constexpr char pin[] = "123456";
constexpr std::uint8_t make_credential = 0x01;
constexpr std::uint8_t get_assertion = 0x02;
constexpr std::uint8_t get_info = 0x04;
constexpr std::uint8_t client_pin = 0x06;

/// Pulls the token at each phase of each command of what `act` does, and expects `act` to work again afterwards.
void pull_everywhere(TokenRig& rig, const std::vector<std::uint8_t>& commands, const std::function<bool()>& act) {
  const TestKey& software = TestKey::any(KeyKind::ed25519);
  Client client(rig.daemon());
  ASSERT_TRUE(client.add(software));
  for (const std::uint8_t command : commands) {
    for (const auto phase : {UnplugRule::Phase::arrival, UnplugRule::Phase::keepalives, UnplugRule::Phase::reply,
                             UnplugRule::Phase::mid_reply}) {
      rig.stick().token().unplug_at({command, phase, 1});
      act();
      EXPECT_TRUE(client.sign(software.blob(), as_bytes(data))) << "software keys miss nothing";
      // A phase that this command does not have leaves the token plugged in.
      rig.stick().plug_in();
      ASSERT_TRUE(rig.has_tokens(1));
      rig.stick().token().unplug_at({0xff, phase, 1});
      EXPECT_TRUE(act()) << "command " << int{command} << " phase " << static_cast<int>(phase);
    }
  }
}

TEST(Unplug, AtAnyStepOfASignatureCostsThatRequestOnly) {
  TokenRig rig;
  rig.set_pin(pin);
  control::NewKey wish = rig.wish("verified");
  wish.verify_required = true;
  const PublicKey key = rig.generate(wish, pin);
  rig.set_askpass("echo 123456");
  rig.stick().token().set_touch(virt::TouchPolicy::after(5ms));
  pull_everywhere(rig, {get_info, client_pin, get_assertion}, [&] {
    Client client(rig.daemon());
    return client.sign(key.blob, as_bytes(data)).has_value();
  });
  EXPECT_EQ(rig.stick().status().pin_retries, 8U);
}

TEST(Unplug, AtAnyStepOfANewKeyLeavesNoHalfKey) {
  TokenRig rig;
  rig.stick().token().set_touch(virt::TouchPolicy::after(5ms));
  unsigned number = 0;
  unsigned made = 0;
  pull_everywhere(rig, {get_info, make_credential}, [&] {
    ControlClient control(rig.daemon());
    const bool ok = control.failure(rig.wish("key" + std::to_string(++number))).empty();
    made += ok ? 1 : 0;
    return ok;
  });
  ControlClient control(rig.daemon());
  EXPECT_EQ(control.expect<control::Keys>(control::ListKeys()).keys.size(), made + 1) << "and one software key";
}

TEST(Unplug, WhileATouchIsWaitedForFailsAtOnce) {
  TokenRig rig;
  const PublicKey key = rig.generate(rig.wish("key"));
  rig.stick().token().set_touch(virt::TouchPolicy::manual());
  Client client(rig.daemon());
  client.send(SignRequest{key.blob, as_bytes(data), 0});
  ASSERT_TRUE(rig.stick().waits_for_touch());
  const auto pulled = std::chrono::steady_clock::now();
  rig.stick().unplug();
  EXPECT_TRUE(std::holds_alternative<Failure>(client.reply()));
  EXPECT_LT(std::chrono::steady_clock::now() - pulled, 500ms);
  EXPECT_TRUE(rig.daemon().logs("unplugged"));
}

/// The token hosts that run as children of `parent`.
std::vector<pid_t> token_hosts(pid_t parent) {
  std::ifstream children("/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children");
  std::vector<pid_t> out;
  for (pid_t pid = 0; children >> pid;) out.push_back(pid);
  return out;
}

TEST(TokenHost, MayBeKilledAThousandTimes) {
  TokenRig rig;
  const PublicKey key = rig.generate(rig.wish("key"));
  const TestKey& software = TestKey::any(KeyKind::ed25519);
  Client client(rig.daemon());
  ASSERT_TRUE(client.add(software));
  std::atomic<bool> stop = false;
  std::thread user([&] {
    Client tokens(rig.daemon());
    while (!stop) tokens.sign(key.blob, as_bytes(data));
  });
  std::set<pid_t> killed;
  for (int round = 0; killed.size() < 1000; ++round) {
    for (const pid_t host : token_hosts(rig.daemon().pid())) {
      if (kill(host, SIGKILL) == 0) killed.insert(host);
    }
    if (!client.sign(software.blob(), as_bytes(data))) ADD_FAILURE() << "a software key missed a signature";
    // So that they die at different steps.
    pause_for(std::chrono::milliseconds(round % 20));
  }
  stop = true;
  user.join();
  EXPECT_TRUE(client.sign(key.blob, as_bytes(data))) << "the next request works";
  EXPECT_LT(token_hosts(rig.daemon().pid()).size(), 4U) << "the killed are reaped";
}

TEST(TokenHost, HasNothingThatItDoesNotNeed) {
  TokenRig rig;
  rig.generate(rig.wish("key"));
  const std::vector<pid_t> hosts = token_hosts(rig.daemon().pid());
  ASSERT_EQ(hosts.size(), 1U);
  const std::string proc = "/proc/" + std::to_string(hosts[0]);
  EXPECT_EQ(run({"sh", "-c", "ls " + proc + "/fd | sort -n | tr '\\n' ' '"}).output, "0 1 2 3 ");
  EXPECT_EQ(status_field(hosts[0], "NoNewPrivs"), "\t1");
#ifndef FOB_INSTRUMENTED  // sanitizers and coverage need more than the filter allows
  EXPECT_EQ(status_field(hosts[0], "Seccomp"), "\t2");
#endif
}

TEST(TokenHost, EndsAfterARest) {
  TokenRig rig;
  rig.generate(rig.wish("key"));
  EXPECT_FALSE(token_hosts(rig.daemon().pid()).empty());
  EXPECT_TRUE(eventually([&] { return token_hosts(rig.daemon().pid()).empty(); }, 10s));
}

}  // namespace
}  // namespace fob
