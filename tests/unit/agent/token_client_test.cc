// The agent's side of a token host, against hosts that misbehave.

#include "agent/token_client.h"

#include <gtest/gtest.h>

#include "protocol/limits.h"
#include "tests/daemon/temp_dir.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

using namespace std::chrono_literals;

Awaitable<Errc> outcome_of(TokenClient& client, std::chrono::milliseconds deadline) {
  try {
    co_await client.request<host::Done>(host::Reset(), deadline);
  } catch (const Error& error) {
    co_return error.code();
  }
  co_return Errc::malformed;  // nothing that these hosts bring about
}

/// What one request to a host that is this shell script ends with.
class TokenClientTest : public testing::Test {
 protected:
  TokenClient& host(const std::string& script) {
    return client_.emplace(io_, TokenClient::Launch{{"sh", "-c", "DIR=" + directory_.path() + "; " + script}, nullptr});
  }
  Errc outcome(const std::string& script, std::chrono::milliseconds deadline = 10s) {
    return run_to_end(io_, outcome_of(host(script), deadline));
  }
  /// How often the script began.
  std::size_t starts() const { return read_file(directory_.file("starts")).size(); }

  const TempDir directory_;
  asio::io_context io_{1};
  std::optional<TokenClient> client_;
};

TEST_F(TokenClientTest, FailsWhereTheHostEnds) {
  EXPECT_EQ(outcome("exit 0"), Errc::removed);
  EXPECT_EQ(outcome("kill -KILL $$"), Errc::removed);
  EXPECT_EQ(outcome("head -c 5 <&0 >/dev/null; exit 1"), Errc::removed);
}

TEST_F(TokenClientTest, FailsWhereTheHostTalksNonsense) {
  EXPECT_EQ(outcome("printf '\\377\\377\\377\\377' >&0; sleep 60"), Errc::removed) << "a length that is too large";
  EXPECT_EQ(outcome("printf '\\0\\0\\0\\0' >&0; sleep 60"), Errc::removed) << "an empty message";
  EXPECT_EQ(outcome("printf '\\0\\0\\0\\1\\376' >&0; sleep 60"), Errc::removed) << "an unknown type";
  EXPECT_EQ(outcome("head -c 100000 /dev/urandom >&0; sleep 60"), Errc::removed);
}

/// A shell command that sends the reply.
std::string sends(const host::Reply& reply) {
  std::string octal;
  for (const std::uint8_t byte : host::frame_reply(reply)) {
    char digits[8];
    std::snprintf(digits, sizeof(digits), "\\%03o", byte);
    octal += digits;
  }
  return "printf '" + octal + "' >&0; ";
}
constexpr char takes_the_request[] = "head -c 5 <&0 >/dev/null; ";

TEST_F(TokenClientTest, FailsWhereTheAnswerIsOfAnotherKind) {
  EXPECT_EQ(outcome(takes_the_request + sends(host::Found{true}) + "sleep 60"), Errc::system);
}

TEST_F(TokenClientTest, GivesUpAHostThatSaysTooMuch) {
  const std::string touch = sends(host::TouchWanted());
  EXPECT_EQ(outcome(takes_the_request + touch + touch + "sleep 60"), Errc::removed);
}

TEST_F(TokenClientTest, KillsAHostThatHangsAtTheDeadline) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(outcome("trap '' TERM; sleep 60", 200ms), Errc::timed_out);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

TEST_F(TokenClientTest, StartsAnewAfterAFailure) {
  TokenClient& client = host("printf x >> $DIR/starts; exit 1");
  for (std::size_t i = 1; i <= 3; ++i) {
    EXPECT_EQ(run_to_end(io_, outcome_of(client, 10s)), Errc::removed);
    EXPECT_EQ(starts(), i);
  }
}

TEST_F(TokenClientTest, KillsAHostThatDoesNotCancelInTime) {
  TokenClient& client = host("printf x >> $DIR/starts; trap '' TERM; while :; do sleep 1; done");
  asio::cancellation_signal cancel;
  bool ended = false;
  asio::co_spawn(io_, outcome_of(client, 60s),
                 asio::bind_cancellation_slot(cancel.slot(), [&](const std::exception_ptr&, Errc) { ended = true; }));
  io_.run_for(100ms);
  cancel.emit(asio::cancellation_type::terminal);
  const auto start = std::chrono::steady_clock::now();
  io_.run_for(limits::token_cancel_grace / 2);
  EXPECT_TRUE(ended) << "whoever cancels does not wait for the host";
  io_.run();
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_GE(took, limits::token_cancel_grace - 50ms);
  EXPECT_LT(took, 5s);
  EXPECT_FALSE(client.is_running());
}

TEST_F(TokenClientTest, SaysWhyTheHostCannotBeStarted) {
  client_.emplace(io_, TokenClient::Launch{{"/nowhere/fob-token-host"}, nullptr});
  EXPECT_EQ(run_to_end(io_, outcome_of(*client_, 1s)), Errc::system);
  client_.emplace(io_, TokenClient::Launch{{"true"}, []() -> int { throw Error(Errc::refused, "no permission"); }});
  EXPECT_EQ(run_to_end(io_, outcome_of(*client_, 1s)), Errc::refused);
}

}  // namespace
}  // namespace fob
