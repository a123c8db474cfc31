#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "tests/unit/virtual/host.h"

// CTAPHID frame by frame.

namespace fob::virt {
namespace {

constexpr std::uint32_t broadcast = 0xffffffff;

struct Frame {
  std::uint32_t channel = 0;
  std::uint8_t type = 0;
  Bytes data;  ///< of a first frame: what its length says, as far as it is there
};

class Hid : public testing::Test {
 protected:
  /// Frames of one message may come as slowly as a busy machine sends them.
  explicit Hid(Milliseconds frame_timeout = Milliseconds(30'000))
      : token_(Personality{.frame_timeout = frame_timeout}) {}

  void send(std::uint32_t channel, ByteView rest) {
    Report report{};
    for (unsigned i = 0; i < 4; ++i) report[i] = static_cast<std::uint8_t>(channel >> (24 - 8 * i));
    std::ranges::copy(rest, report.begin() + 4);
    ASSERT_EQ(::send(plug_.fd(), report.data(), report.size(), MSG_NOSIGNAL), 64);
  }
  void send(std::uint32_t channel, std::uint8_t command, std::size_t size, ByteView data) {
    const Bytes head{static_cast<std::uint8_t>(command | 0x80), static_cast<std::uint8_t>(size >> 8),
                     static_cast<std::uint8_t>(size)};
    send(channel, concat({head, data}));
  }
  Frame receive(int timeout = 5000) {
    pollfd entry{plug_.fd(), POLLIN, 0};
    Report report{};
    if (poll(&entry, 1, timeout) <= 0 || recv(plug_.fd(), report.data(), report.size(), MSG_WAITALL) != 64) return {};
    Frame out{.channel = static_cast<std::uint32_t>(report[0]) << 24 | static_cast<std::uint32_t>(report[1]) << 16 |
                         static_cast<std::uint32_t>(report[2]) << 8 | report[3],
              .type = report[4],
              .data = {}};
    const bool first = (report[4] & 0x80) != 0;
    const std::size_t head = first ? 7 : 5;
    const std::size_t size = first ? static_cast<std::size_t>(report[5] << 8 | report[6]) : 59;
    out.data = to_bytes(ByteView(report).subspan(head, std::min(size, 64 - head)));
    return out;
  }
  std::uint32_t open_channel() {
    send(broadcast, 0x06, 8, as_bytes("abcdefgh"));
    const Frame reply = receive();
    EXPECT_EQ(reply.channel, broadcast);
    EXPECT_EQ(reply.type, 0x86);
    EXPECT_EQ(reply.data.size(), 17U);
    if (reply.data.size() != 17) return 0;
    EXPECT_EQ(as_text(ByteView(reply.data).first(8)), "abcdefgh");
    EXPECT_EQ(reply.data[12], 2);
    EXPECT_EQ(reply.data[16], 0x05);
    return static_cast<std::uint32_t>(reply.data[8]) << 24 | static_cast<std::uint32_t>(reply.data[9]) << 16 |
           static_cast<std::uint32_t>(reply.data[10]) << 8 | reply.data[11];
  }
  void expect_error(std::uint32_t channel, std::uint8_t code) {
    const Frame reply = receive_answer();
    EXPECT_EQ(reply.channel, channel);
    EXPECT_EQ(reply.type, 0xbf);
    EXPECT_EQ(reply.data, Bytes{code});
  }
  /// Leaves the channel busy with authenticatorSelection.
  void begin_waiting(std::uint32_t channel) {
    token_.set_touch(TouchPolicy::manual());
    send(channel, 0x10, 1, Bytes{0x0b});
    EXPECT_EQ(receive().data, Bytes{2});
  }

  /// But for keepalives.
  Frame receive_answer(int timeout = 5000) {
    for (;;) {
      const Frame frame = receive(timeout);
      if (frame.type != 0xbb) return frame;
    }
  }

  Authenticator token_;
  Plug plug_{token_};
};

TEST_F(Hid, PingOfManyFrames) {
  const std::uint32_t channel = open_channel();
  EXPECT_NE(open_channel(), channel);
  const Bytes data(57 + 59 + 1, 0x5a);
  send(channel, 0x01, data.size(), ByteView(data).first(57));
  send(channel, concat({Bytes{0}, ByteView(data).subspan(57, 59)}));
  send(channel, Bytes{1, 0x5a});
  EXPECT_EQ(receive().data, Bytes(57, 0x5a));
  EXPECT_EQ(receive().data, Bytes(59, 0x5a));
  EXPECT_EQ(receive().data[0], 0x5a);
  EXPECT_EQ(token_.status().commands.at("ping"), 1U);
}

TEST_F(Hid, Wink) {
  const std::uint32_t channel = open_channel();
  send(channel, 0x08, 0, {});
  EXPECT_EQ(receive().type, 0x88);
}

TEST_F(Hid, Errors) {
  const std::uint32_t channel = open_channel();
  send(channel, 0x22, 0, {});
  expect_error(channel, 0x01);
  send(channel, 0x01, 7610, {});
  expect_error(channel, 0x03);
  send(channel, 0x10, 0, {});
  expect_error(channel, 0x03);
  send(channel, 0x06, 7, {});
  expect_error(channel, 0x03);
  send(channel + 1, 0x01, 1, {});
  expect_error(channel + 1, 0x0b);
  send(0, 0x01, 1, {});
  expect_error(0, 0x0b);
  send(channel, 0x01, 100, {});
  send(channel, Bytes{1});
  expect_error(channel, 0x04);
  send(channel, 0x01, 100, {});
  send(channel, 0x01, 1, {});
  expect_error(channel, 0x04);
  send(channel, Bytes{0});  // spurious: no answer
  send(channel, 0x01, 1, Bytes{9});
  EXPECT_EQ(receive().data, Bytes{9});
}

class HidWithHaste : public Hid {
 protected:
  HidWithHaste() : Hid(Milliseconds(100)) {}
};

TEST_F(HidWithHaste, EndsFramesThatStopComing) {
  const std::uint32_t channel = open_channel();
  send(channel, 0x01, 100, {});
  expect_error(channel, 0x05);
}

TEST_F(Hid, InitStartsOver) {
  const std::uint32_t channel = open_channel();
  send(channel, 0x01, 100, {});
  send(channel, 0x06, 8, as_bytes("12345678"));
  EXPECT_EQ(receive().type, 0x86);
  send(channel, 0x01, 1, Bytes{9});
  EXPECT_EQ(receive().data, Bytes{9});

  begin_waiting(channel);
  send(channel, 0x06, 8, as_bytes("12345678"));
  EXPECT_EQ(receive_answer().type, 0x86);
  EXPECT_EQ(receive(250).type, 0);
  EXPECT_FALSE(token_.status().waiting);
}

TEST_F(Hid, BusyWithAnother) {
  const std::uint32_t mine = open_channel();
  const std::uint32_t theirs = open_channel();
  send(mine, 0x01, 60, {});
  send(theirs, 0x01, 1, {});
  expect_error(theirs, 0x06);
  send(mine, Bytes{0});
  EXPECT_EQ(receive().type, 0x81);
  EXPECT_EQ(receive().type, 0x00);

  begin_waiting(mine);
  send(theirs, 0x01, 1, {});
  expect_error(theirs, 0x06);
  send(theirs, 0x11, 0, {});  // not theirs to cancel
  const Frame next = receive();
  EXPECT_EQ(next.type, 0xbb);
  EXPECT_TRUE(token_.touch());
  EXPECT_EQ(receive_answer().data, Bytes{0});
  EXPECT_EQ(token_.status().cancels, 1U);
}

TEST_F(Hid, KeepsAliveTenTimesASecond) {
  const std::uint32_t channel = open_channel();
  begin_waiting(channel);
  const auto start = Clock::now();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(receive().data, Bytes{2});
  EXPECT_GE(Clock::now() - start, Milliseconds(280));
  EXPECT_LT(Clock::now() - start, Milliseconds(600));
  send(channel, 0x11, 0, {});
  EXPECT_EQ(receive_answer(50).data, Bytes{0x2d});
}

TEST(HidProcessing, SaysSo) {
  Authenticator token({.processing = Milliseconds(5000)});
  Plug plug(token);
  token.unplug_at({command::get_info, UnplugRule::Phase::keepalives, 2});
  fido_dev_t* dev = plug.dev();  // libfido2 asks for the info when it opens
  EXPECT_EQ(plug.wait(), End::unplugged);
  EXPECT_FALSE(fido_dev_is_fido2(dev));
}

TEST(HidNoU2f, CapabilityAndCommand) {
  Authenticator token({.u2f = false});
  Plug plug(token);
  EXPECT_EQ(fido_dev_flags(plug.dev()), 0x0d);
  fido_dev_force_u2f(plug.dev());
  Cred cred;
  EXPECT_NE(make(plug.dev(), {}, cred), FIDO_OK);
}

}  // namespace
}  // namespace fob::virt
