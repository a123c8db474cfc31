#include "agent/desktop_client.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "tests/daemon/temp_dir.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

using desktop::Event;

/// Shell: sends an event over descriptor 0.
std::string send_event(Event event) {
  return "printf '\\0\\0\\0\\002\\012\\00" + std::to_string(static_cast<int>(event)) + "' >&0\n";
}

/// A fob-desktop that is a script, and a bus that it would speak on.
class DesktopClientTest : public testing::Test {
 protected:
  void set_script(const std::string& script) {
    write_file(program_, "#!/bin/sh\nDIR=" + directory_.path() + "\necho start >> \"$DIR/starts\"\n" + script, 0700);
  }
  void start() {
    asio::co_spawn(io_, client_.run(), asio::bind_cancellation_slot(cancel_.slot(), [this](const std::exception_ptr&) {
                     has_ended_ = true;
                   }));
  }
  bool soon_while_running(const std::function<bool()>& condition) {
    return soon([&] {
      io_.restart();
      io_.poll();
      return condition();
    });
  }
  void stop() {
    cancel_.emit(asio::cancellation_type::terminal);
    io_.restart();
    io_.run();
    EXPECT_TRUE(has_ended_);
  }
  std::ptrdiff_t starts() const {
    const std::string text = read_file(directory_.file("starts"));
    return std::count(text.begin(), text.end(), '\n');
  }
  /// The orders that the script has copied to this file: "notify 1 summary body", "withdraw 1", "acknowledge".
  std::vector<std::string> orders(const std::string& name = "received") const {
    const std::string bytes = read_file(directory_.file(name));
    std::vector<std::string> out;
    Reader in(as_bytes(bytes));
    while (in.remaining() >= 4) {
      const desktop::Order order = desktop::parse_order(in.string());
      if (const auto* notify = std::get_if<desktop::Notify>(&order)) {
        out.push_back("notify " + std::to_string(notify->id) + " " + notify->summary + " " + notify->body);
      } else if (const auto* withdraw = std::get_if<desktop::Withdraw>(&order)) {
        out.push_back("withdraw " + std::to_string(withdraw->id));
      } else {
        out.emplace_back("acknowledge");
      }
    }
    return out;
  }

  const TempDir directory_;
  const std::string program_ = directory_.file("desktop");
  const Variable bus_{"DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere"};
  asio::io_context io_{1};
  asio::cancellation_signal cancel_;
  DesktopClient client_{io_, program_};
  bool has_ended_ = false;
};

using Strings = std::vector<std::string>;

TEST_F(DesktopClientTest, SendsWhatIsToBeShownAndWithdrawn) {
  set_script("exec cat > \"$DIR/received\"");
  client_.notify(1, "before", "the start");
  client_.notify(2, "never", "seen");
  client_.withdraw(2);
  start();
  ASSERT_TRUE(soon_while_running([&] { return starts() == 1; }));
  client_.notify(3, "summary", "body");
  client_.withdraw(1);
  client_.withdraw(1);
  client_.withdraw(99);
  const Strings wanted{"notify 1 before the start", "notify 3 summary body", "withdraw 1"};
  EXPECT_TRUE(soon_while_running([&] { return orders() == wanted; }));
  stop();
}

TEST_F(DesktopClientTest, TellsEventsAndAcknowledgesSleepWhenAllIsDone) {
  set_script(send_event(Event::lock) + send_event(Event::unlock) + send_event(Event::idle) + send_event(Event::sleep) +
             send_event(Event::resume) + "exec cat > \"$DIR/received\"");
  std::vector<Event> events;
  client_.on_event = [&](DesktopEvent event) {
    events.push_back(event);
    if (event == Event::sleep) client_.notify(1, "sent", "before");
  };
  start();
  EXPECT_TRUE(soon_while_running([&] { return orders() == Strings{"notify 1 sent before", "acknowledge"}; }));
  EXPECT_EQ(events, (std::vector{Event::lock, Event::unlock, Event::idle, Event::sleep, Event::resume}));
  stop();
}

TEST_F(DesktopClientTest, AcknowledgesSleepThoughNobodyListens) {
  set_script(send_event(Event::sleep) + "exec cat > \"$DIR/received\"");
  start();
  EXPECT_TRUE(soon_while_running([&] { return orders() == Strings{"acknowledge"}; }));
  stop();
}

TEST_F(DesktopClientTest, StartsAProcessThatDiedAgainAndShowsAgain) {
  set_script(
      "if [ ! -e \"$DIR/once\" ]; then touch \"$DIR/once\"; head -c 27 > \"$DIR/first\"; exit 1; fi\n"
      "exec cat > \"$DIR/received\"");
  start();
  ASSERT_TRUE(soon_while_running([&] { return starts() == 1; }));
  client_.notify(7, "still", "there");
  EXPECT_TRUE(soon_while_running([&] { return orders() == Strings{"notify 7 still there"}; }));
  EXPECT_EQ(orders("first"), Strings{"notify 7 still there"});
  stop();
}

TEST_F(DesktopClientTest, StartsItNoMoreThanFourTimesAMinute) {
  for (const char* script : {"exit 1", "exit 0", "kill -KILL $$"}) {
    set_script(script);
    write_file(directory_.file("starts"), "");
    asio::io_context io(1);
    DesktopClient client(io, program_);
    asio::co_spawn(io, client.run(), asio::detached);
    EXPECT_TRUE(soon([&] {
      io.poll();
      return starts() == 4;
    }));
    io.run_for(std::chrono::milliseconds(300));
    EXPECT_EQ(starts(), 4) << script;
    client.notify(1, "to", "nobody");
    client.withdraw(1);
  }
}

TEST_F(DesktopClientTest, EndsWhereThereIsNoUseInGoingOn) {
  set_script("exit 3");
  start();
  EXPECT_TRUE(soon_while_running([&] { return has_ended_; })) << "it found no bus";
  EXPECT_EQ(starts(), 1);
  client_.notify(1, "to", "nobody");
  client_.withdraw(1);
  std::filesystem::remove(program_);
  has_ended_ = false;
  start();
  EXPECT_TRUE(soon_while_running([&] { return has_ended_; })) << "there is no such program";
}

TEST_F(DesktopClientTest, IsNotStartedWhereThereIsNoBus) {
  if (access("/run/dbus/system_bus_socket", F_OK) == 0) GTEST_SKIP() << "this machine has a system bus";
  const Variable session("DBUS_SESSION_BUS_ADDRESS", nullptr);
  const Variable system("DBUS_SYSTEM_BUS_ADDRESS", nullptr);
  const Variable runtime("XDG_RUNTIME_DIR", directory_.path().c_str());
  set_script("exit 3");
  start();
  EXPECT_TRUE(soon_while_running([&] { return has_ended_; }));
  EXPECT_EQ(starts(), 0);
  write_file(directory_.file("bus"), "");
  start();
  EXPECT_TRUE(soon_while_running([&] { return starts() == 1; }));
}

TEST_F(DesktopClientTest, ReplacesAProcessThatTalksNonsense) {
  for (const char* nonsense : {"\\377\\377\\377\\377", "\\0\\0\\0\\0", "\\0\\0\\0\\002\\012\\011",
                               "\\0\\0\\0\\001\\002", "\\0\\0\\0\\003\\012\\001\\0"}) {
    set_script(std::string("printf '") + nonsense + "' >&0; exec sleep 60");
    write_file(directory_.file("starts"), "");
    asio::io_context io(1);
    DesktopClient client(io, program_);
    client.on_event = [](DesktopEvent) { FAIL(); };
    asio::co_spawn(io, client.run(), asio::detached);
    EXPECT_TRUE(soon([&] {
      io.poll();
      return starts() >= 2;
    })) << nonsense;
  }
}

TEST_F(DesktopClientTest, ReplacesAProcessThatDoesNotRead) {
  set_script("exec sleep 60");
  start();
  ASSERT_TRUE(soon_while_running([&] { return starts() == 1; }));
  for (std::uint32_t id = 0; id < 1000; ++id) {
    client_.notify(id, "summary", std::string(4000, 'x'));
    client_.withdraw(id);
  }
  EXPECT_TRUE(soon_while_running([&] { return starts() == 2; }));
  stop();
}

TEST_F(DesktopClientTest, EndsItsProcessWhenItIsCancelled) {
  set_script("trap '' TERM; : > \"$DIR/ready\"; cat > /dev/null; echo end > \"$DIR/end\"");
  start();
  ASSERT_TRUE(soon_while_running([&] { return exists(directory_.file("ready")); }));
  stop();
  EXPECT_EQ(read_file(directory_.file("end")), "end\n") << "by the end of the channel, not by a signal";
}

}  // namespace
}  // namespace fob
