#include "cli/agent_socket.h"

#include <gtest/gtest.h>

#include "tests/daemon/temp_dir.h"
#include "tests/unit/cli/fake_agent.h"
#include "tests/unit/cli/fob_process.h"

namespace fob::test {
namespace {

/// What `fob list` says is wrong in this environment.
std::string fault_in(const std::vector<std::string>& environment) {
  const FobOutcome outcome = run_fob({"list"}, environment);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, "");
  return outcome.err;
}

bool says(const std::string& text, std::string_view what) {
  const bool found = text.find(what) != std::string::npos;
  if (!found) ADD_FAILURE() << text;
  return found;
}

/// Where only an agent socket is, and nobody speaks the control protocol.
class OtherAgent {
 public:
  explicit OtherAgent(const std::string& name)
      : agent_([](const control::Request&, Peer&) {}), path_(folder_.file(name)) {
    if (symlink(agent_.control_path().c_str(), path_.c_str()) != 0) throw_system_error("symlink", errno);
  }
  std::string environment() const { return "SSH_AUTH_SOCK=" + path_; }

 private:
  FakeAgent agent_;
  TempDir folder_;
  std::string path_;
};

TEST(AgentSocket, IsMissingWhereNoVariableIsSet) {
  EXPECT_TRUE(says(fault_in({}), "no agent runs here: SSH_AUTH_SOCK is not set; start one with: eval"));
  EXPECT_TRUE(says(fault_in({"SSH_AUTH_SOCK="}), "SSH_AUTH_SOCK is not set"));
}

TEST(AgentSocket, OfAnAgentThatHasEnded) {
  EXPECT_TRUE(says(fault_in({"SSH_AUTH_SOCK=/tmp/no-such-agent"}), "no agent answers at SSH_AUTH_SOCK"));
  EXPECT_TRUE(says(fault_in({"SSH_AUTH_SOCK=/tmp/no/such/folder"}), "it has ended"));
}

TEST(AgentSocket, OfAnotherAgentIsNamed) {
  const OtherAgent agent("agent");
  const std::string fault = fault_in({agent.environment()});
  EXPECT_TRUE(says(fault, "is no fob-agent but cli_tests (pid "));
  EXPECT_TRUE(says(fault, "eval \"$(fob-agent -s)\""));
}

TEST(AgentSocket, MayBeNamedByAVariableOfItsOwn) {
  FakeAgent agent([](const control::Request&, Peer& peer) { peer.send(control::Keys{}); });
  const FobOutcome outcome = run_fob({"list", "--json"}, {"FOB_CONTROL_SOCK=" + agent.control_path()});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "[]\n");
  EXPECT_TRUE(says(fault_in({"FOB_CONTROL_SOCK=/tmp/no-such-socket", agent.environment()}), "FOB_CONTROL_SOCK"));
}

TEST(AgentSocket, WithTooLongAPathIsRefused) {
  EXPECT_TRUE(says(fault_in({"SSH_AUTH_SOCK=/tmp/" + std::string(100, 'x')}), "at most 107 are possible"));
}

TEST(AgentSocket, OfAnAgentThatDiesMidWay) {
  FakeAgent agent([](const control::Request&, Peer& peer) { peer.send(control::Notice{"touch it"}); });
  EXPECT_TRUE(says(fault_in({agent.environment()}), "the agent closed the connection before it answered"));
}

TEST(AgentSocket, OfAnotherUserIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can listen as another user";
  if (seteuid(65534) != 0) GTEST_SKIP() << "there is no other user";
  const auto agent =
      std::make_unique<FakeAgent>([](const control::Request&, Peer& peer) { peer.send(control::Keys{}); });
  ASSERT_EQ(seteuid(0), 0);
  EXPECT_TRUE(says(fault_in({agent->environment()}), "belongs to another user (uid 65534)"));
}

}  // namespace
}  // namespace fob::test
