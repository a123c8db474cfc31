#include "tokens/ctaphid_link.h"

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "tests/unit/protocol/vectors.h"
#include "tests/unit/tokens/support.h"
#include "tokens/fido_memory.h"
#include "tokens/fido_token.h"

namespace fob {
namespace {

using std::chrono::milliseconds;
using test::error_of;
using Clock = std::chrono::steady_clock;

/// A token's thread that answers INIT as CTAP 2.1 §11.2.9.1.3 has it, and then calls `script`.
class ScriptedToken {
 public:
  using Script = std::function<void(int descriptor, const virt::Report& first)>;

  explicit ScriptedToken(Script script) {
    std::tie(token_, host_) = test::socket_pair();
    thread_ = std::thread([this, script = std::move(script)] { run(script); });
  }
  ~ScriptedToken() {
    shutdown(token_.get(), SHUT_RDWR);
    thread_.join();
  }
  int descriptor() const { return host_.get(); }

  static bool hear(int descriptor, virt::Report& out) {
    return recv(descriptor, out.data(), out.size(), MSG_WAITALL) == static_cast<ssize_t>(out.size());
  }
  /// False once the test is over.
  static bool say(int descriptor, const virt::Report& report) {
    return ::send(descriptor, report.data(), report.size(), MSG_NOSIGNAL) > 0;
  }

 private:
  static constexpr std::uint8_t init = 0x86;

  void run(const Script& script) {
    virt::Report report{};
    while (hear(token_.get(), report)) {
      if (report[4] != init) {
        script(token_.get(), report);
        continue;
      }
      virt::Report reply = report;
      reply[6] = 17;
      const std::uint8_t rest[] = {1, 2, 3, 4, 2, 5, 0, 0, capabilities};  // channel, versions, capabilities
      std::copy(std::begin(rest), std::end(rest), reply.begin() + 15);
      say(token_.get(), reply);
    }
  }

  static constexpr std::uint8_t capabilities = 0x04;
  test::Descriptor token_;
  test::Descriptor host_;
  std::thread thread_;
};

constexpr std::uint8_t cbor = 0x90;
constexpr std::uint8_t cancel = 0x91;
constexpr std::uint8_t keepalive = 0xbb;

virt::Report on_channel(std::uint8_t command, std::initializer_list<std::uint8_t> data) {
  virt::Report out{1, 2, 3, 4, command, 0, static_cast<std::uint8_t>(data.size())};
  std::copy(data.begin(), data.end(), out.begin() + 7);
  return out;
}

/// getInfo: {1: ["FIDO_2_1"], 3: an AAGUID of zeros}.
void say_info(int descriptor) {
  virt::Report out = on_channel(cbor, {0, 0xa2, 1, 0x81, 0x68, 'F', 'I', 'D', 'O', '_', '2', '_', '1', 3, 0x50});
  out[6] = 15 + 16;
  ScriptedToken::say(descriptor, out);
}

bool is_get_info(const virt::Report& report) { return report[4] == cbor && report[7] == virt::command::get_info; }

TEST(CtaphidLink, LeavesOutReportsOfOtherChannels) {
  ScriptedToken token([](int descriptor, const virt::Report&) {
    virt::Report foreign = on_channel(cbor, {0x7f});
    foreign[0] = 9;
    for (int i = 0; i < 100; ++i) ScriptedToken::say(descriptor, foreign);
    foreign[4] = keepalive;
    foreign[7] = 2;
    ScriptedToken::say(descriptor, foreign);
    say_info(descriptor);
  });
  unsigned touches = 0;
  TokenWatch watch;
  watch.touch_wanted = [&touches] { ++touches; };
  FidoToken fido(token.descriptor(), watch);
  EXPECT_EQ(fido.describe().versions, std::vector<std::string>{"FIDO_2_1"});
  EXPECT_EQ(touches, 0U);
}

TEST(CtaphidLink, PutsShortReadsTogether) {
  ScriptedToken token([](int descriptor, const virt::Report&) {
    const auto [relay, end] = test::socket_pair();
    say_info(relay.get());
    std::uint8_t byte = 0;
    for (std::size_t i = 0; i < virt::report_bytes && read(end.get(), &byte, 1) == 1; ++i) {
      ::send(descriptor, &byte, 1, MSG_NOSIGNAL);
    }
  });
  FidoToken fido(token.descriptor(), {});
  EXPECT_TRUE(fido.describe().is_fido2);
}

TEST(CtaphidLink, ThrowsAwayWhatWasLeftInTheQueue) {
  std::atomic<bool> is_left = false;
  ScriptedToken token([&is_left, count = 0](int descriptor, const virt::Report&) mutable {
    say_info(descriptor);
    // The first is asked for by libfido2 when it opens the device. Nobody asks for what follows the second.
    if (++count != 2) return;
    ScriptedToken::say(descriptor, on_channel(cbor, {0x7f}));
    is_left = true;
  });
  FidoToken fido(token.descriptor(), {});
  EXPECT_TRUE(fido.describe().is_fido2);
  while (!is_left) std::this_thread::sleep_for(milliseconds(1));
  EXPECT_TRUE(fido.describe().is_fido2);
}

TEST(CtaphidLink, TellsOfATouchOnce) {
  ScriptedToken token([](int descriptor, const virt::Report& report) {
    if (is_get_info(report)) return say_info(descriptor);
    for (int i = 0; i < 5; ++i) ScriptedToken::say(descriptor, on_channel(keepalive, {1}));
    for (int i = 0; i < 5; ++i) ScriptedToken::say(descriptor, on_channel(keepalive, {2}));
    ScriptedToken::say(descriptor, on_channel(cbor, {0x2f}));
  });
  unsigned touches = 0;
  TokenWatch watch;
  watch.touch_wanted = [&touches] { ++touches; };
  FidoToken fido(token.descriptor(), watch);
  const KeyRef key{KeyKind::sk_ed25519, "ssh:", {1}, 1};
  EXPECT_EQ(error_of([&] { fido.sign(key, {}, nullptr); }), Errc::timed_out);
  EXPECT_EQ(touches, 1U);
}

TEST(CtaphidLink, SendsOneCancelAndReadsOn) {
  std::atomic<unsigned> cancels = 0;
  std::atomic<bool> asked = false;
  ScriptedToken token([&](int descriptor, const virt::Report& report) {
    if (is_get_info(report)) return say_info(descriptor);
    asked = true;
    if (report[4] != cancel) return;
    ++cancels;
    for (int i = 0; i < 3; ++i) {
      ScriptedToken::say(descriptor, on_channel(keepalive, {2}));
      std::this_thread::sleep_for(milliseconds(20));
    }
    ScriptedToken::say(descriptor, on_channel(cbor, {0x2d}));
  });
  const auto [agent, channel] = test::socket_pair();
  TokenWatch watch;
  watch.cancelled = [&asked] { return asked.load(); };
  watch.descriptor = [end = channel.get()] { return end; };
  FidoToken fido(token.descriptor(), watch);
  std::thread poke([&asked, end = agent.get()] {
    while (!asked) std::this_thread::sleep_for(milliseconds(1));
    EXPECT_EQ(write(end, "x", 1), 1);
  });
  EXPECT_EQ(error_of([&] { fido.sign({KeyKind::sk_ed25519, "ssh:", {1}, 1}, {}, nullptr); }), Errc::cancelled);
  poke.join();
  EXPECT_EQ(cancels, 1U);
  asked = false;
  EXPECT_TRUE(fido.describe().is_fido2);
}

/// A PIN that has just been sent must not be followed by a touch that nobody wants any more.
TEST(CtaphidLink, BeginsNothingAfterACancel) {
  std::atomic<unsigned> commands = 0;
  ScriptedToken token([&](int descriptor, const virt::Report&) {
    ++commands;
    say_info(descriptor);
  });
  bool is_cancelled = false;
  TokenWatch watch;
  watch.cancelled = [&is_cancelled] { return is_cancelled; };
  FidoToken fido(token.descriptor(), watch);
  fido.describe();
  const unsigned before = commands;
  is_cancelled = true;
  EXPECT_EQ(error_of([&] { fido.describe(); }), Errc::cancelled);
  EXPECT_EQ(commands, before);
}

TEST(CtaphidLink, GivesUpOnATokenThatIgnoresTheCancel) {
  std::atomic<bool> asked = false;
  ScriptedToken token([&](int descriptor, const virt::Report& report) {
    if (is_get_info(report)) return say_info(descriptor);
    asked = true;
    while (ScriptedToken::say(descriptor, on_channel(keepalive, {2}))) std::this_thread::sleep_for(milliseconds(50));
  });
  TokenWatch watch;
  watch.cancelled = [&asked] { return asked.load(); };
  FidoToken fido(token.descriptor(), watch);
  const Clock::time_point begun = Clock::now();
  EXPECT_EQ(error_of([&] { fido.sign({KeyKind::sk_ed25519, "ssh:", {1}, 1}, {}, nullptr); }), Errc::cancelled);
  EXPECT_LT(Clock::now() - begun, milliseconds(6'000));
}

TEST(CtaphidLink, RefusesWhatIsNeitherDeviceNorSocket) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_EQ(error_of([&] { FidoToken(ends[0], {}); }), Errc::system);
  close(ends[0]);
  close(ends[1]);
  EXPECT_EQ(error_of([] { FidoToken(-1, {}); }), Errc::system);
}

}  // namespace
}  // namespace fob
