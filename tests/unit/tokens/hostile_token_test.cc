#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "tests/unit/tokens/support.h"

namespace fob {
namespace {

using std::chrono::milliseconds;

/// Stands between a host and a token, and changes some of what the token says. When nothing has passed for a moment
/// it hangs up, so that a host that waits for the rest of a message does not have to wait for its deadline.
class HostileRelay {
 public:
  HostileRelay(int token, unsigned seed) : token_(token), random_(seed), severity_(1 + seed % 4) {
    std::tie(relay_, host_) = test::socket_pair();
    thread_ = std::thread([this] { run(); });
  }
  ~HostileRelay() {
    shutdown(relay_.get(), SHUT_RDWR);
    thread_.join();
  }
  int descriptor() const { return host_.get(); }

 private:
  static constexpr int quiet_ms = 60;

  unsigned below(unsigned limit) { return std::uniform_int_distribution<unsigned>(0, limit - 1)(random_); }
  std::uint8_t byte() { return static_cast<std::uint8_t>(below(256)); }

  void run() {
    virt::Report report{};
    for (;;) {
      pollfd waiting[] = {{relay_.get(), POLLIN, 0}, {token_, POLLIN, 0}};
      if (poll(waiting, 2, quiet_ms) <= 0) break;
      if (waiting[0].revents != 0) {
        if (recv(relay_.get(), report.data(), report.size(), MSG_WAITALL) <= 0) break;
        ::send(token_, report.data(), report.size(), MSG_NOSIGNAL);
      }
      if (waiting[1].revents != 0) {
        if (recv(token_, report.data(), report.size(), MSG_WAITALL) <= 0) break;
        say_changed(report);
      }
    }
    shutdown(relay_.get(), SHUT_RDWR);
  }

  void say(const virt::Report& report, std::size_t bytes = virt::report_bytes) {
    ::send(relay_.get(), report.data(), bytes, MSG_NOSIGNAL);
  }

  void say_changed(virt::Report report) {
    if (below(12) >= severity_) return say(report);
    switch (below(8)) {
      case 0: report[below(4)] = byte(); break;               // another channel
      case 1: report[4] = byte(); break;                      // command or sequence
      case 2: report[5] = byte(), report[6] = byte(); break;  // length
      case 3: std::generate(report.begin() + 7, report.end(), [this] { return byte(); }); break;
      case 4: std::generate(report.begin(), report.end(), [this] { return byte(); }); break;
      case 5: return say(report, below(virt::report_bytes));               // out of step from here on
      case 6: say(report); break;                                          // twice
      default: report[7 + below(virt::report_bytes - 7)] = byte(); break;  // in the CBOR
    }
    say(report);
  }

  int token_;
  test::Descriptor relay_;
  test::Descriptor host_;
  std::mt19937 random_;
  unsigned severity_;
  std::thread thread_;
};

/// Whatever comes back; that the host dies of it is allowed, but not that it crashes or hangs.
void use(const test::HostProcess& host) {
  const auto flags = static_cast<std::uint8_t>(sk_flags::user_presence_required | sk_flags::resident_key);
  try {
    host(host::Describe{});
    const test::Outcome made = host(host::Generate{test::new_key(KeyKind::sk_ed25519, flags), test::secret("1234")});
    if (const auto* key = std::get_if<host::Generated>(&made.reply)) {
      host(host::Sign{test::key_ref(key->key), as_bytes("data"), {}});
    }
    host(host::ListResident{test::secret("1234")});
    host(host::Describe{});
  } catch (const std::runtime_error&) {
    // The host has left.
  }
}

TEST(HostileToken, CannotCrashOrHangItsHost) {
  for (unsigned seed = 0; seed < 80; ++seed) {
    SCOPED_TRACE(seed);
    virt::Authenticator token;
    test::PluggedToken plugged(token);
    {
      test::HostProcess setup = test::HostProcess::fido(plugged.descriptor());
      setup(host::SetPin{test::secret("1234")}).as<host::Done>();
    }
    HostileRelay relay(plugged.descriptor(), seed);
    test::HostProcess host = test::HostProcess::fido(relay.descriptor());
    use(host);
    host.leave();
    const std::optional<int> status = host.status();
    ASSERT_TRUE(status);
    EXPECT_TRUE(WIFEXITED(*status)) << "signal " << WTERMSIG(*status);
    EXPECT_GE(token.status().pin_retries, 7U);
  }
}

/// getInfo, then a count of assertions that would fill any memory (CTAP 2.1 §6.2.2, numberOfCredentials).
TEST(HostileToken, CannotFillItsHostsMemory) {
  const auto reply = [](virt::Report request, std::initializer_list<std::uint8_t> data) {
    std::fill(request.begin() + 5, request.end(), std::uint8_t{0});
    request[6] = static_cast<std::uint8_t>(data.size());
    std::copy(data.begin(), data.end(), request.begin() + 7);
    return request;
  };
  const auto [end, host_end] = test::socket_pair();
  std::thread token([&, token_end = end.get()] {
    virt::Report report{};
    while (recv(token_end, report.data(), report.size(), MSG_WAITALL) > 0) {
      if (report[4] < 0x80) continue;
      virt::Report answer = reply(report, {0, 0xa3, 2, 0x41, 0, 3, 0x41, 0, 5, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0});
      if (report[4] == 0x86) {
        answer = report;
        answer[6] = 17;
        answer[23] = 0x04;
      } else if (report[7] == virt::command::get_info) {
        answer = reply(report, {0, 0xa2, 1, 0x80, 3, 0x50});
        answer[6] = 6 + 16;
      }
      ::send(token_end, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  });
  {
    test::HostProcess host = test::HostProcess::fido(host_end.get());
    const test::Outcome outcome = host(host::Sign{{KeyKind::sk_ed25519, "ssh:", {1}, 1}, as_bytes("data"), {}});
    EXPECT_EQ(outcome.error(), Errc::system) << outcome.text();
  }
  shutdown(end.get(), SHUT_RDWR);
  token.join();
}

}  // namespace
}  // namespace fob
