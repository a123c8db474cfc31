#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <atomic>
#include <csignal>
#include <thread>

#include "tests/unit/cli/fake_agent.h"
#include "tests/unit/cli/fob_process.h"
#include "tests/unit/cli/samples.h"

namespace fob::test {
namespace {

using nlohmann::json;

TEST(Watch, ShowsOnceWhatIsWaitedForAndTheLastUses) {
  FakeAgent agent(serve);
  const FobOutcome outcome = run_fob({"watch", "--once"}, {agent.environment(), "TZ=UTC"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("2 keys, the vault is locked"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("Waiting  Confirm user presence"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("22:14:20  work              log in as alice: refused, the user said no\n"
                             "22:13:20  work              sign for git, by ssh-keygen"),
            std::string::npos)
      << outcome.out;
}

TEST(Watch, PrintsOneLineOfJson) {
  FakeAgent agent(serve);
  const FobOutcome outcome = run_fob({"watch", "--once", "--json"}, {agent.environment()});
  const json now = json::parse(outcome.out);
  EXPECT_EQ(outcome.out.find('\n'), outcome.out.size() - 1);
  EXPECT_EQ(now["waiting"].size(), 1U);
  EXPECT_EQ(now["uses"][0]["fault"], "the user said no");
  EXPECT_EQ(now["uses"][1]["fault"], nullptr);
  EXPECT_EQ(now["vault_locked"], true);
}

/// Waits with its answers as the agent does: the first at once, the second when there is news, and then no more.
void serve_news(const control::Request& request, Peer& peer) {
  const auto& watch = std::get<control::Watch>(request);
  control::Activity out = sample_activity(watch.seen + 1);
  if (watch.seen == 0) out.uses.erase(out.uses.begin());
  if (watch.seen < 2) peer.send(out);
}

TEST(Watch, PrintsEachUseOnceWhereThereIsNoTerminal) {
  FakeAgent agent(serve_news);
  const FobOutcome outcome = run_fob({"watch"}, {agent.environment(), "TZ=UTC"});
  EXPECT_NE(outcome.status, 0) << "the agent went away";
  EXPECT_NE(outcome.err.find("closed the connection"), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.out,
            "waiting: Confirm user presence for key work Touch Example Key 5.\n"
            "22:13:20  work              sign for git, by ssh-keygen \u2190 git\n"
            "22:14:20  work              log in as alice: refused, the user said no\n");
}

TEST(Watch, GivesTheTerminalBackAtCtrlC) {
  FakeAgent agent([](const control::Request& request, Peer& peer) {
    const auto& watch = std::get<control::Watch>(request);
    if (watch.seen == 0) return peer.send(sample_activity(1));
    peer.closed_by_client();
  });
  TerminalFob fob({"watch"}, {agent.environment(), "TERM=xterm"});
  ASSERT_TRUE(fob.shows("sign for git"));
  ASSERT_TRUE(fob.shows("Ctrl-C ends this."));
  fob.type("\x03");
  EXPECT_EQ(fob.status(), 0);
  EXPECT_TRUE(fob.screen().ends_with("\x1b[?25h\x1b[?1049l")) << fob.screen();
}

TEST(Watch, GivesTheTerminalToTheShellWhileItIsStopped) {
  FakeAgent agent([](const control::Request& request, Peer& peer) {
    const auto& watch = std::get<control::Watch>(request);
    if (watch.seen == 0) return peer.send(sample_activity(1));
    peer.closed_by_client();
  });
  TerminalFob fob({"watch"}, {agent.environment(), "TERM=xterm"},
                  "set -m; \"$0\" \"$@\"; echo \"stopped: $?\"; read _; fg >/dev/null");
  ASSERT_TRUE(fob.shows("Ctrl-C ends this."));
  fob.type("\x1a");
  EXPECT_TRUE(fob.shows("\x1b[?25h\x1b[?1049l"));
  ASSERT_TRUE(fob.shows("stopped: 148"));
  fob.type("\n");
  EXPECT_TRUE(fob.shows("\x1b[?1049h\x1b[?25l"));
  EXPECT_TRUE(fob.shows("sign for git"));
  ASSERT_TRUE(fob.shows("Ctrl-C ends this."));
  fob.type("\x03");
  EXPECT_EQ(fob.status(), 0);
  EXPECT_TRUE(fob.screen().ends_with("\x1b[?25h\x1b[?1049l")) << fob.screen();
}

TEST(Watch, LeavesTheTerminalToTheShellInTheBackground) {
  std::atomic<bool> in_background = false;
  std::atomic<bool> is_drawn = false;
  const auto becomes = [](const std::atomic<bool>& flag) {
    for (int i = 0; i < 500 && !flag; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return flag.load();
  };
  FakeAgent agent([&](const control::Request& request, Peer& peer) {
    const std::uint64_t seen = std::get<control::Watch>(request).seen;
    if (seen == 1) becomes(in_background);
    // What came there has been drawn, or passed over; then there is news again and again.
    if (seen > 1) is_drawn = true;
    if (seen > 1) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    peer.send(sample_activity(seen + 1));
  });
  TerminalFob fob(
      {"watch"}, {agent.environment(), "TERM=xterm"},
      "set -m; \"$0\" \"$@\"; echo \"stopped: $?\"; bg >/dev/null; echo on; read _; echo back; fg >/dev/null");
  ASSERT_TRUE(fob.shows("Ctrl-C ends this."));
  fob.type("\x1a");
  ASSERT_TRUE(fob.shows("stopped: 148"));
  const std::size_t stopped = fob.screen().size();
  ASSERT_TRUE(fob.shows("on"));
  in_background = true;
  ASSERT_TRUE(becomes(is_drawn));
  fob.type("\n");
  ASSERT_TRUE(fob.shows("back"));
  EXPECT_GT(fob.screen().find("\x1b[", stopped), fob.screen().rfind("back")) << fob.screen();
  EXPECT_TRUE(fob.shows("\x1b[?1049h\x1b[?25l"));
  ASSERT_TRUE(fob.shows("Ctrl-C ends this."));
  fob.type("\x03");
  EXPECT_EQ(fob.status(), 0);
  EXPECT_TRUE(fob.screen().ends_with("\x1b[?25h\x1b[?1049l")) << fob.screen();
}

TEST(Watch, SaysWhyThereIsNothingToWatch) {
  const FobOutcome outcome = run_fob({"watch"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("SSH_AUTH_SOCK is not set"), std::string::npos);
}

}  // namespace
}  // namespace fob::test
