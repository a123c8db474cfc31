#include "cli/agent_connection.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>

#include <array>
#include <thread>

#include "cli/agent_socket.h"
#include "cli/frame_socket.h"
#include "protocol/limits.h"
#include "tests/unit/cli/fake_agent.h"
#include "tests/unit/cli/samples.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::cli {
namespace {

using control::Question;
using test::error_of;
using test::Peer;

/// A person who says what a test has them say, and writes down what they are told.
class Notes : public Dialog {
 public:
  void notice(std::string_view text) override { notices.emplace_back(text); }
  void tick() override { ++ticks; }
  std::optional<SecretBytes> answer(const Question& question) override {
    if (absent) throw Error(Errc::refused, "no terminal");
    questions.push_back(question);
    if (!says) return std::nullopt;
    return SecretBytes(as_bytes(*says));
  }

  std::vector<std::string> notices;
  std::vector<Question> questions;
  std::optional<std::string> says;
  bool absent = false;
  int ticks = 0;
};

/// A connection whose other end does as `agent` says, on a thread of its own.
class Conversation {
 public:
  explicit Conversation(std::function<void(Peer&)> agent) {
    auto [agent_end, client_end] = test::connected_sockets();
    connection_.emplace(std::move(client_end));
    thread_ = std::thread([end = std::move(agent_end), script = std::move(agent)]() mutable {
      Peer peer(std::move(end));
      peer.receive();
      script(peer);
    });
  }
  ~Conversation() {
    hang_up();
    thread_.join();
  }

  control::Reply ask(const control::Request& request = control::ListTokens{}) {
    return connection_->ask(request, notes);
  }
  std::optional<Errc> error() {
    return error_of([this] { ask(); });
  }
  void hang_up() { connection_.reset(); }

  Notes notes;

 private:
  std::optional<AgentConnection> connection_;
  std::thread thread_;
};

TEST(AgentConnection, ReturnsTheReply) {
  Conversation conversation([](Peer& peer) { peer.send(control::Tokens{{test::sample_token("fido:1")}}); });
  const auto tokens = expect<control::Tokens>(conversation.ask());
  ASSERT_EQ(tokens.tokens.size(), 1U);
  EXPECT_EQ(tokens.tokens[0].id, "fido:1");
}

TEST(AgentConnection, ThrowsWhatTheAgentSays) {
  Conversation conversation([](Peer& peer) { peer.send(control::Failed{Errc::wrong_pin, "wrong PIN, 7 tries left"}); });
  try {
    conversation.ask();
    FAIL() << "no Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::wrong_pin);
    EXPECT_STREQ(error.what(), "wrong PIN, 7 tries left");
  }
}

TEST(AgentConnection, PassesNoticesAndQuestionsOn) {
  std::optional<std::string> got;
  Conversation conversation([&](Peer& peer) {
    peer.send(control::Notice{"touch it"});
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    peer.send(control::Notice{});
    got = peer.ask(Question::Kind::pin, "PIN");
    peer.send(control::Done{});
  });
  conversation.notes.says = "1234";
  expect<control::Done>(conversation.ask());
  EXPECT_EQ(conversation.notes.notices, (std::vector<std::string>{"touch it", "", ""}));
  EXPECT_GE(conversation.notes.ticks, 2);
  ASSERT_EQ(conversation.notes.questions.size(), 1U);
  EXPECT_EQ(conversation.notes.questions[0].text, "PIN");
  EXPECT_EQ(got, "1234");
}

TEST(AgentConnection, TellsTheAgentThatThePersonDeclines) {
  std::optional<std::string> got = "something";
  Conversation conversation([&](Peer& peer) {
    got = peer.ask(Question::Kind::text, "sure?");
    peer.send(control::Failed{Errc::cancelled, "declined"});
  });
  EXPECT_EQ(conversation.error(), Errc::cancelled);
  EXPECT_EQ(got, std::nullopt);
}

TEST(AgentConnection, ReadsLargeRepliesThatComeInPieces) {
  control::Keys keys;
  keys.keys.assign(limits::keys, test::sample_key("work", "openssh/sshkey/rsa_1.pub"));
  Conversation conversation([&](Peer& peer) { peer.send(keys); });
  EXPECT_EQ(expect<control::Keys>(conversation.ask()).keys.size(), limits::keys);
}

TEST(AgentConnection, SendsLargeRequests) {
  control::NewKey request;
  request.name = "work";
  request.challenge.resize(limits::challenge_bytes);
  Conversation conversation([](Peer& peer) { peer.send(control::Done{}); });
  expect<control::Done>(conversation.ask(request));
}

TEST(AgentConnection, SaysWhenTheAgentGoesAway) {
  Conversation at_once([](Peer&) {});
  EXPECT_EQ(at_once.error(), Errc::removed);
  Conversation after_notice([](Peer& peer) { peer.send(control::Notice{"touch it"}); });
  EXPECT_EQ(after_notice.error(), Errc::removed);
  Conversation in_a_reply([](Peer& peer) {
    const Bytes frame = control::frame_reply(control::Tokens{{test::sample_token("fido:1")}});
    peer.send_raw(ByteView(frame).first(frame.size() / 2));
  });
  EXPECT_EQ(in_a_reply.error(), Errc::removed);
  Conversation in_a_length([](Peer& peer) { peer.send_raw(Bytes{0, 0}); });
  EXPECT_EQ(in_a_length.error(), Errc::removed);
}

TEST(AgentConnection, ReadsWhyBeforeItNoticesThatTheAgentIsGone) {
  auto [agent_end, client_end] = test::connected_sockets();
  {
    Peer peer(std::move(agent_end));
    peer.send(control::Failed{Errc::refused, "too many clients"});
  }
  AgentConnection connection(std::move(client_end));
  Notes notes;
  EXPECT_EQ(error_of([&] { connection.ask(control::ListTokens{}, notes); }), Errc::refused);
}

TEST(FrameSocket, SaysThatTheAgentDoesNotAnswer) {
  auto [agent_end, client_end] = test::connected_sockets();
  Notes notes;
  FrameSocket frames(client_end.get(), notes, std::chrono::milliseconds(1));
  try {
    frames.receive(1);
    FAIL() << "no Error";
  } catch (const AgentSilent& silent) {
    EXPECT_EQ(silent.code(), Errc::timed_out);
    EXPECT_TRUE(silent.fault.find("has not answered for ") != std::string::npos) << silent.fault;
    EXPECT_TRUE(silent.remedy.find("kill -CONT PID") != std::string::npos) << silent.remedy;
    EXPECT_EQ(silent.what(), silent.fault + "; " + silent.remedy);
  }
}

TEST(FrameSocket, EndsNoAgentThatIsBusy) {
  auto [agent_end, client_end] = test::connected_sockets();
  // The process at the other end is this one, and it runs.
  std::array<char, 17> before{};
  prctl(PR_GET_NAME, before.data());
  prctl(PR_SET_NAME, "fob-agent");
  const AgentSilent silent = silent_agent(client_end.get(), std::chrono::seconds(10));
  prctl(PR_SET_NAME, before.data());
  EXPECT_TRUE(silent.fault.ends_with("has not answered for 10 s")) << silent.fault;
  EXPECT_EQ(silent.remedy, "it is busy or waits for somebody: see fob watch, or its log");
}

TEST(FrameSocket, SaysThatTheAgentDoesNotAnswerAndWaitsOn) {
  auto [agent_end, client_end] = test::connected_sockets();
  Peer peer(std::move(agent_end));
  /// Answers once the person has been told.
  class Told : public Notes {
   public:
    explicit Told(Peer& peer) : peer_(peer) {}
    void tick() override {
      if (ticks++ == 1) peer_.send_raw(Bytes{0, 0, 0, 1, 7});
    }

   private:
    Peer& peer_;
  } told(peer);
  FrameSocket frames(client_end.get(), told, std::chrono::milliseconds(1), FrameSocket::Silence::is_told);
  EXPECT_EQ(frames.receive(1), Bytes{7});
  ASSERT_EQ(told.notices.size(), 1U);
  EXPECT_TRUE(told.notices[0].starts_with("no answer yet: it is busy or waits for somebody")) << told.notices[0];
}

TEST(AgentConnection, GivesUpOnlyWhatChangesNothingAndTakesNoTime) {
  EXPECT_TRUE(may_be_given_up(control::ListKeys{}));
  EXPECT_TRUE(may_be_given_up(control::ListSlots{}));
  EXPECT_TRUE(may_be_given_up(control::Watch{}));
  EXPECT_FALSE(may_be_given_up(control::ListTokens{}));
  EXPECT_FALSE(may_be_given_up(control::ChangeKey{}));
  EXPECT_FALSE(may_be_given_up(control::LockVault{}));
  EXPECT_FALSE(may_be_given_up(control::NewKey{}));
}

TEST(AgentConnection, RefusesGarbage) {
  const auto answered_with = [](Bytes bytes) {
    Conversation conversation([&](Peer& peer) { peer.send_raw(bytes); });
    return conversation.error();
  };
  EXPECT_EQ(answered_with({0, 0, 0, 0}), Errc::malformed);
  EXPECT_EQ(answered_with({0, 0, 0, 1, 7}), Errc::unsupported);
  EXPECT_EQ(answered_with({0, 0, 0, 2, 129, 0}), Errc::malformed);
  EXPECT_EQ(answered_with({0, 0, 0, 5, 132, 255, 255, 255, 255}), Errc::malformed);
  EXPECT_EQ(answered_with(to_bytes(as_bytes("HTTP/1.1 400 Bad Request"))), Errc::malformed);
}

TEST(AgentConnection, RefusesHugeLengthsAtOnce) {
  Conversation conversation([](Peer& peer) {
    peer.send_raw(Bytes{255, 255, 255, 255});
    peer.closed_by_client();
  });
  EXPECT_EQ(conversation.error(), Errc::malformed);
  Conversation just_over([](Peer& peer) {
    peer.send_raw(Writer().u32(static_cast<std::uint32_t>(limits::control_reply_bytes) + 1).take());
    peer.closed_by_client();
  });
  EXPECT_EQ(just_over.error(), Errc::malformed);
}

TEST(AgentConnection, RefusesTheReplyToSomethingElse) {
  Conversation conversation([](Peer& peer) { peer.send(control::Done{}); });
  EXPECT_EQ(error_of([&] { expect<control::Tokens>(conversation.ask()); }), Errc::malformed);
}

TEST(AgentConnection, ClosesWhenNobodyCanBeAsked) {
  bool closed = false;
  {
    Conversation conversation([&](Peer& peer) {
      peer.send(Question{Question::Kind::pin, "PIN"});
      closed = peer.closed_by_client();
    });
    conversation.notes.absent = true;
    EXPECT_EQ(conversation.error(), Errc::refused);
  }
  EXPECT_TRUE(closed);
}

}  // namespace
}  // namespace fob::cli
