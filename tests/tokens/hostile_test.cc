// A token that answers anything: its host may die, the agent and its other keys never notice.

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <random>

#include "tests/daemon/test_key.h"
#include "tests/tokens/token_rig.h"

namespace fob {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view data = "what is to be signed";
constexpr std::size_t report_bytes = 64;
using Report = std::array<std::uint8_t, report_bytes>;

/// How much of its answers makes sense.
enum class Manners {
  noise,   ///< bytes of any number
  frames,  ///< reports with random contents
  init,    ///< a proper answer to INIT, then random commands and lengths on the right channel
  cbor,    ///< proper frames with random CBOR
};

/// Plugs itself in, again each time that it is thrown out.
class HostileStick {
 public:
  HostileStick(std::string socket, Manners manners, std::uint32_t seed)
      : socket_(std::move(socket)), manners_(manners), random_(seed), thread_([this] { live(); }) {}
  ~HostileStick() {
    stop_ = true;
    thread_.join();
  }
  HostileStick(const HostileStick&) = delete;
  HostileStick& operator=(const HostileStick&) = delete;

 private:
  unsigned choose(unsigned count) { return std::uniform_int_distribution<unsigned>(0, count - 1)(random_); }

  void live() {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_.c_str(), sizeof(address.sun_path) - 1);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
      while (!stop_ && answer(fd)) {
      }
    }
    close(fd);
  }

  bool answer(int fd) {
    pollfd readable{fd, POLLIN, 0};
    if (poll(&readable, 1, 20) != 1) return true;
    Report report{};
    if (recv(fd, report.data(), report.size(), MSG_WAITALL) != static_cast<ssize_t>(report.size())) return false;
    if ((report[4] & 0x80) == 0) return true;  // the rest of a message
    const bool is_init = (report[4] & 0x7f) == 0x06;
    if (manners_ >= Manners::init && is_init) return send_init(fd, report);
    switch (manners_) {
      case Manners::noise: return send_noise(fd);
      case Manners::frames: return send_frames(fd, report, false);
      case Manners::init: return send_frames(fd, report, true);
      case Manners::cbor: return send_cbor(fd, report);
    }
    return false;
  }

  bool send_all(int fd, ByteView bytes) {
    return send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(bytes.size());
  }
  Bytes some_bytes(std::size_t count) {
    Bytes out(count);
    std::generate(out.begin(), out.end(), [this] { return static_cast<std::uint8_t>(choose(256)); });
    return out;
  }
  bool send_noise(int fd) { return send_all(fd, some_bytes(1 + choose(500))); }
  bool send_init(int fd, const Report& asked) {
    Report out{};
    std::copy_n(asked.begin(), 15, out.begin());
    out[5] = 0;
    out[6] = 17;
    const Bytes rest{0, 0, 0, 7, 2, 1, 0, 0, 0x05};
    std::copy(rest.begin(), rest.end(), out.begin() + 15);
    return send_all(fd, out);
  }
  bool send_frames(int fd, const Report& asked, bool right_channel) {
    for (unsigned i = 0, count = 1 + choose(20); i < count; ++i) {
      Bytes report = some_bytes(report_bytes);
      if (right_channel) std::copy_n(asked.begin(), 4, report.begin());
      if (right_channel && choose(2) == 0) report[4] = asked[4];
      if (!send_all(fd, report)) return false;
    }
    return true;
  }
  /// CBOR that is likely to be taken for a map of something.
  bool send_cbor(int fd, const Report& asked) {
    Bytes body = some_bytes(1 + choose(1000));
    body[0] = choose(4) == 0 ? static_cast<std::uint8_t>(choose(256)) : 0;
    constexpr std::uint8_t heads[] = {0xa1, 0xa5, 0xbf, 0x9f, 0x81, 0x5b, 0x7b, 0xbb, 0x9b, 0x58, 0x1b, 0xff, 0xf6};
    for (std::size_t i = 1; i < body.size(); i += 1 + choose(6)) body[i] = heads[choose(std::size(heads))];
    Report report{};
    std::copy_n(asked.begin(), 5, report.begin());
    report[5] = static_cast<std::uint8_t>(body.size() >> 8);
    report[6] = static_cast<std::uint8_t>(body.size());
    std::size_t at = std::min<std::size_t>(body.size(), 57);
    std::copy_n(body.begin(), at, report.begin() + 7);
    if (!send_all(fd, report)) return false;
    for (std::uint8_t sequence = 0; at < body.size(); ++sequence) {
      report[4] = sequence;
      const std::size_t part = std::min<std::size_t>(body.size() - at, 59);
      std::copy_n(body.begin() + static_cast<std::ptrdiff_t>(at), part, report.begin() + 5);
      at += part;
      if (!send_all(fd, report)) return false;
    }
    return true;
  }

  std::string socket_;
  Manners manners_;
  std::mt19937 random_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

class HostileToken : public testing::TestWithParam<Manners> {};

TEST_P(HostileToken, HarmsNothingButItself) {
  TokenRig rig({.sticks = 2, .plugged_in = false});
  const TestKey& software = TestKey::any(KeyKind::ed25519);
  const TestKey& sk = TestKey::any(KeyKind::sk_ecdsa_p256);
  Client client(rig.daemon());
  ASSERT_TRUE(client.add(software));
  ASSERT_TRUE(client.add(sk));
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    const HostileStick hostile(rig.directory().file("token0"), GetParam(), seed);
    pause_for(5ms);
    Client asking(rig.daemon());
    asking.send(SignRequest{sk.blob(), as_bytes(data), 0});
    ControlClient control(rig.daemon());
    control.send(rig.wish("key"));
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(client.sign(software.blob(), as_bytes(data)));
    asking.has_input(100ms);
  }
  rig.stick(1).plug_in();
  ASSERT_TRUE(rig.has_tokens(1)) << "the hostile one has gone";
  control::NewKey wish = rig.wish("good");
  wish.on = "fido:1";
  const PublicKey key = rig.generate(wish);
  EXPECT_TRUE(client.sign(key.blob, as_bytes(data)));
}

INSTANTIATE_TEST_SUITE_P(All, HostileToken,
                         testing::Values(Manners::noise, Manners::frames, Manners::init, Manners::cbor));

}  // namespace
}  // namespace fob
