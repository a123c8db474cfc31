#include "agent/input_buffer.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

#include "protocol/limits.h"
#include "protocol/wire.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

using Outcome = InputBuffer::Outcome;

Bytes framed(std::string_view message) {
  Writer out;
  out.string(message);
  return out.take();
}

bool is_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

/// A client, and the buffer at the agent's end.
class InputBufferTest : public testing::Test {
 protected:
  InputBufferTest() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_.data()), 0); }
  ~InputBufferTest() override {
    for (const int end : ends_) close(end);
  }

  void send(ByteView bytes) {
    ASSERT_EQ(::send(ends_[0], bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  void send(std::string_view text) { send(as_bytes(text)); }
  Outcome read() { return buffer_.read_from(ends_[1]); }
  /// The first message, as text.
  std::optional<std::string> message() const {
    const auto found = buffer_.message();
    if (!found) return std::nullopt;
    return std::string(as_text(*found));
  }
  /// Sends this from another thread, as it is more than a socket holds, and reads until a message is there.
  void pass(const Bytes& bytes) {
    std::thread client([&] {
      for (ByteView rest = bytes; !rest.empty();) {
        const ssize_t sent = ::send(ends_[0], rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        rest = rest.subspan(static_cast<std::size_t>(sent));
      }
    });
    while (!buffer_.message()) ASSERT_NE(read(), Outcome::end);
    client.join();
  }

  BufferPool pool_;
  InputBuffer buffer_{pool_};
  std::array<int, 2> ends_{};
};

TEST_F(InputBufferTest, HoldsNothingBeforeAndAfter) {
  EXPECT_EQ(buffer_.held_bytes(), 0U);
  EXPECT_EQ(read(), Outcome::nothing_yet);
  EXPECT_EQ(buffer_.held_bytes(), 0U);
  EXPECT_FALSE(message());
  send(framed("message"));
  EXPECT_EQ(read(), Outcome::data);
  EXPECT_GT(buffer_.held_bytes(), 0U);
  EXPECT_EQ(message(), "message");
  EXPECT_EQ(message(), "message") << "it stays until it is consumed";
  buffer_.consume();
  EXPECT_FALSE(message());
  EXPECT_EQ(buffer_.held_bytes(), 0U);
}

TEST_F(InputBufferTest, TakesMessagesByteByByte) {
  const std::string text(5000, 'm');
  for (const std::uint8_t byte : framed(text)) {
    EXPECT_FALSE(message());
    send(ByteView(&byte, 1));
    ASSERT_EQ(read(), Outcome::data);
  }
  EXPECT_EQ(message(), text);
}

TEST_F(InputBufferTest, TakesSeveralMessagesWithOneRead) {
  Bytes together;
  for (int i = 0; i < 50; ++i) {
    const Bytes next = framed("message " + std::to_string(i));
    together.insert(together.end(), next.begin(), next.end());
  }
  together.insert(together.end(), {0, 0, 0, 9, 'p', 'a', 'r', 't'});
  send(together);
  ASSERT_EQ(read(), Outcome::data);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(message(), "message " + std::to_string(i));
    buffer_.consume();
  }
  EXPECT_FALSE(message());
  send("ial x");
  EXPECT_EQ(read(), Outcome::data);
  EXPECT_EQ(message(), "partial x");
}

TEST_F(InputBufferTest, TakesMessagesOfOneByteUpToTheLimit) {
  for (const std::size_t size :
       {std::size_t{1}, BufferPool::buffer_bytes - 4, BufferPool::buffer_bytes - 3, limits::message_bytes}) {
    const std::string text(size, 'm');
    pass(framed(text));
    EXPECT_EQ(message(), text);
    buffer_.consume();
    EXPECT_EQ(buffer_.held_bytes(), 0U);
  }
}

TEST_F(InputBufferTest, RefusesLengthsThatNoMessageHas) {
  const std::pair<std::uint32_t, Errc> cases[] = {
      {0, Errc::malformed}, {262'145, Errc::too_large}, {0x7fffffff, Errc::too_large}, {0xffffffff, Errc::too_large}};
  for (const auto& [length, fault] : cases) {
    InputBuffer buffer(pool_);
    send(Writer().u32(length).bytes());
    EXPECT_EQ(buffer.read_from(ends_[1]), Outcome::data);
    EXPECT_EQ(error_of([&] { buffer.message(); }), fault) << length;
  }
}

TEST_F(InputBufferTest, AnswersWhatCameBeforeABadLength) {
  Bytes bytes = framed("good");
  bytes.insert(bytes.end(), {0, 0, 0, 0});
  send(bytes);
  EXPECT_EQ(read(), Outcome::data);
  EXPECT_EQ(message(), "good");
  buffer_.consume();
  EXPECT_EQ(error_of([&] { message(); }), Errc::malformed);
}

TEST_F(InputBufferTest, GrowsWithWhatArrivesOnly) {
  send(Writer().u32(limits::message_bytes).bytes());
  EXPECT_EQ(read(), Outcome::data);
  for (std::size_t sent = 0; sent < 100'000; sent += 1000) {
    send(std::string(1000, 'm'));
    EXPECT_EQ(read(), Outcome::data);
    EXPECT_LE(buffer_.held_bytes(), std::max(BufferPool::buffer_bytes, 2 * (sent + 1004)));
  }
}

TEST_F(InputBufferTest, NeverGrowsBeyondOneMessage) {
  std::size_t most = 0;
  for (int i = 0; i < 20; ++i) {
    pass(framed(std::string(limits::message_bytes, 'm')));
    most = std::max(most, buffer_.held_bytes());
    buffer_.consume();
  }
  EXPECT_EQ(most, limits::message_bytes + 4);
}

TEST_F(InputBufferTest, TellsTheEnd) {
  send(framed("last"));
  shutdown(ends_[0], SHUT_WR);
  EXPECT_EQ(read(), Outcome::data);
  EXPECT_EQ(read(), Outcome::end);
  EXPECT_EQ(message(), "last") << "what came before is still there";
  buffer_.consume();
  EXPECT_EQ(read(), Outcome::end);
  EXPECT_EQ(buffer_.held_bytes(), 0U);
  EXPECT_EQ(buffer_.read_from(-1), Outcome::end) << "a broken connection";
}

TEST_F(InputBufferTest, WipesWhatIsConsumed) {
  Bytes two = framed("first secret");
  const Bytes second = framed("second");
  two.insert(two.end(), second.begin(), second.end());
  send(two);
  EXPECT_EQ(read(), Outcome::data);
  const std::optional<ByteView> first = buffer_.message();
  ASSERT_TRUE(first);
  buffer_.consume();
  EXPECT_TRUE(is_zero(*first)) << "the memory is still the buffer's";
  EXPECT_EQ(message(), "second");
}

TEST_F(InputBufferTest, WipesWhatHasMoved) {
  Bytes bytes = framed("first");
  const std::string secret(100, 's');
  const Bytes second = framed(secret);
  bytes.insert(bytes.end(), second.begin(), second.end());
  send(ByteView(bytes).first(bytes.size() - 1));
  EXPECT_EQ(read(), Outcome::data);
  const std::optional<ByteView> first = buffer_.message();
  ASSERT_TRUE(first);
  buffer_.consume();
  send("s");
  EXPECT_EQ(read(), Outcome::data);
  const std::optional<ByteView> moved = buffer_.message();
  ASSERT_TRUE(moved);
  EXPECT_EQ(as_text(*moved), secret);
  EXPECT_EQ(moved->data(), first->data()) << "it has moved to the front";
  EXPECT_TRUE(is_zero({moved->data() + moved->size(), 9}));
}

TEST_F(InputBufferTest, GivesBackCleanBuffers) {
  send(framed(std::string(1000, 's')));
  EXPECT_EQ(read(), Outcome::data);
  buffer_.consume();
  const Bytes spare = pool_.take();
  EXPECT_EQ(spare.size(), BufferPool::buffer_bytes);
  EXPECT_TRUE(is_zero(spare));
  {
    InputBuffer unfinished(pool_);
    send(Writer().u32(500).bytes());
    send(std::string(100, 's'));
    EXPECT_EQ(unfinished.read_from(ends_[1]), Outcome::data);
  }
  EXPECT_TRUE(is_zero(pool_.take())) << "of a client that has gone";
}

TEST(BufferPool, GivesAgainWhatItGot) {
  BufferPool pool;
  Bytes first = pool.take();
  EXPECT_EQ(first.size(), BufferPool::buffer_bytes);
  const std::uint8_t* memory = first.data();
  pool.give_back(std::move(first));
  EXPECT_EQ(pool.take().data(), memory);
}

TEST(BufferPool, KeepsNoLargeOnesAndNotManyAtAll) {
  BufferPool pool;
  pool.give_back(Bytes(BufferPool::buffer_bytes + 1));
  pool.give_back(Bytes());
  EXPECT_EQ(pool.take().size(), BufferPool::buffer_bytes);
  for (int i = 0; i < 1000; ++i) pool.give_back(Bytes(BufferPool::buffer_bytes, 1));
  int kept = 0;
  while (!is_zero(pool.take())) ++kept;
  EXPECT_GT(kept, 0);
  EXPECT_LE(kept, 64);
}

}  // namespace
}  // namespace fob
