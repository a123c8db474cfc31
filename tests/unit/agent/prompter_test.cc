#include "agent/prompter.h"
#include "agent/activity.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <optional>

#include "protocol/limits.h"
#include "tests/daemon/temp_dir.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

/// An askpass program that is this script, and a display.
class PrompterTest : public testing::Test {
 protected:
  void set_script(const std::string& script) {
    write_file(directory_.file("askpass"), "#!/bin/sh\nDIR=" + directory_.path() + "\n" + script + "\n", 0700);
  }
  /// Empty: yes.
  std::string confirm(const std::string& text = "text") { return run_to_end(io_, prompter_.confirm(text)); }
  std::string ask(const std::string& script) {
    set_script(script);
    return confirm();
  }

  const TempDir directory_;
  const Variable askpass_{"SSH_ASKPASS", directory_.file("askpass").c_str()};
  const Variable display_{"DISPLAY", ":99"};
  const Variable wayland_{"WAYLAND_DISPLAY", nullptr};
  const Variable require_{"SSH_ASKPASS_REQUIRE", nullptr};
  asio::io_context io_{1};
  Activity activity_;
  Prompter prompter_{io_, {}, nullptr, activity_};
};

TEST_F(PrompterTest, TakesSuccessWithoutTextOrWithYesForYes) {
  for (const char* script : {"exit 0", "echo yes", "printf YES", "echo", "printf 'yes\\r\\n'", "echo yes; echo more"}) {
    EXPECT_EQ(ask(script), "") << script;
  }
}

TEST_F(PrompterTest, TakesAllElseForNo) {
  for (const char* script : {"exit 1", "exit 255", "echo no", "echo yess", "echo ' yes'", "echo y", "echo yes; exit 1",
                             "kill -KILL $$", "head -c 60000 /dev/zero", "head -c 1000000 /dev/zero"}) {
    EXPECT_EQ(ask(script), "the user said no") << script;
  }
}

TEST_F(PrompterTest, ShowsTheTextAsOneArgument) {
  set_script("printf '%s|%s|%s' \"$#\" \"$1\" \"$SSH_ASKPASS_PROMPT\" > \"$DIR/seen\"");
  EXPECT_EQ(confirm("line\nline 2 'quoted' $HOME -n"), "");
  EXPECT_EQ(read_file(directory_.file("seen")), "1|line\nline 2 'quoted' $HOME -n|confirm");
}

TEST_F(PrompterTest, AsksOnlyWhereThereIsAScreen) {
  set_script("echo asked >> \"$DIR/asked\"");
  {
    const Variable none("DISPLAY", nullptr);
    EXPECT_NE(confirm().find("nobody can be asked"), std::string::npos);
    const Variable wayland("WAYLAND_DISPLAY", "wayland-0");
    EXPECT_EQ(confirm(), "");
  }
  {
    const Variable never("SSH_ASKPASS_REQUIRE", "never");
    EXPECT_NE(confirm().find("nobody can be asked"), std::string::npos);
  }
  {
    const Variable none("DISPLAY", nullptr);
    const Variable force("SSH_ASKPASS_REQUIRE", "FORCE");
    EXPECT_EQ(confirm(), "");
  }
  EXPECT_EQ(read_file(directory_.file("asked")), "asked\nasked\n");
}

TEST_F(PrompterTest, SaysWhyItCannotAsk) {
  const Variable missing("SSH_ASKPASS", directory_.file("missing").c_str());
  EXPECT_NE(confirm().find(directory_.file("missing")), std::string::npos);
}

TEST_F(PrompterTest, OpensNoMoreDialogsThanItsLimit) {
  set_script("echo >> \"$DIR/open\"; while [ ! -e \"$DIR/answer\" ]; do sleep 0.02; done");
  std::vector<std::future<std::string>> answers;
  for (std::size_t i = 0; i < limits::open_prompts; ++i) {
    answers.push_back(asio::co_spawn(io_, prompter_.confirm("text"), asio::use_future));
  }
  io_.poll();
  EXPECT_TRUE(soon([&] { return read_file(directory_.file("open")).size() == limits::open_prompts; }));
  auto refused = asio::co_spawn(io_, prompter_.confirm("text"), asio::use_future);
  while (refused.wait_for(std::chrono::seconds(0)) != std::future_status::ready) io_.run_one();
  EXPECT_NE(refused.get().find("too many"), std::string::npos);
  write_file(directory_.file("answer"), "");
  io_.restart();
  io_.run();
  for (auto& answer : answers) EXPECT_EQ(answer.get(), "");
  EXPECT_EQ(confirm(), "") << "those that were answered make room";
}

TEST_F(PrompterTest, TakesADialogDownThatNobodyWaitsFor) {
  set_script("echo $$ > \"$DIR/pid\"; exec sleep 60");
  asio::cancellation_signal cancel;
  asio::co_spawn(io_, prompter_.confirm("text"),
                 asio::bind_cancellation_slot(cancel.slot(), [](const std::exception_ptr&, const std::string&) {}));
  io_.poll();
  ASSERT_TRUE(soon([&] { return read_file(directory_.file("pid")).ends_with('\n'); }));
  const pid_t pid = std::stoi(read_file(directory_.file("pid")));
  EXPECT_EQ(kill(pid, 0), 0);
  cancel.emit(asio::cancellation_type::terminal);
  io_.restart();
  io_.run();
  EXPECT_NE(kill(pid, 0), 0) << "neither ended nor reaped";
  EXPECT_EQ(ask("exit 0"), "") << "its place is free again";
}

class PrompterAskTest : public PrompterTest {
 protected:
  TypedAnswer ask_for(Asker::Kind kind, const std::string& text = "text") {
    return run_to_end(io_, prompter_.ask(kind, text));
  }
  /// What was typed, or the refusal in brackets.
  std::string typed(const std::string& script) {
    set_script(script);
    const TypedAnswer answer = ask_for(Asker::Kind::pin);
    return answer.refusal.empty() ? std::string(as_text(answer.text.view())) : "[" + answer.refusal + "]";
  }
};

TEST_F(PrompterAskTest, GivesTheFirstLineThatWasTyped) {
  EXPECT_EQ(typed("echo 123456"), "123456");
  EXPECT_EQ(typed("printf 123456"), "123456");
  EXPECT_EQ(typed("printf '123456\\r\\nmore'"), "123456");
  EXPECT_EQ(typed("printf ' a b '"), " a b ") << "spaces may belong to it";
  EXPECT_EQ(typed("exit 0"), "");
}

TEST_F(PrompterAskTest, TakesAnotherExitStatusForNo) {
  EXPECT_EQ(typed("echo 123456; exit 1"), "[the user said no]");
  EXPECT_EQ(typed("kill -KILL $$"), "[the user said no]");
}

TEST_F(PrompterAskTest, TellsAskpassThatSomethingIsTyped) {
  set_script("printf '%s|%s' \"$1\" \"$SSH_ASKPASS_PROMPT\" > \"$DIR/seen\"");
  const Variable inherited("SSH_ASKPASS_PROMPT", "confirm");
  ask_for(Asker::Kind::text, "what?");
  EXPECT_EQ(read_file(directory_.file("seen")), "what?|");
}

TEST_F(PrompterAskTest, LeavesNewPinsToFob) {
  set_script("echo 123456");
  EXPECT_NE(ask_for(Asker::Kind::new_pin).refusal.find("fob pin set"), std::string::npos);
}

TEST_F(PrompterAskTest, AsksThroughPinentryWhereTheConfigurationSaysSo) {
  write_file(directory_.file("pinentry"),
             "#!/bin/sh\necho OK ready\nwhile read -r word rest; do case $word in\n"
             "SETDESC) echo \"$rest\" > " +
                 directory_.file("seen") +
                 "; echo OK;;\n"
                 "GETPIN) echo 'D 12%2534'; echo OK;; BYE) exit;; *) echo OK;; esac; done\n",
             0700);
  Config::Prompt settings;
  settings.program = Config::Prompt::Program::pinentry;
  settings.pinentry = directory_.file("pinentry");
  Prompter prompter(io_, settings, nullptr, activity_);
  const Variable none("DISPLAY", nullptr);
  const TypedAnswer answer = run_to_end(io_, prompter.ask(Asker::Kind::pin, "which PIN"));
  EXPECT_EQ(as_text(answer.text.view()), "12%34") << answer.refusal;
  EXPECT_NE(read_file(directory_.file("seen")).find("which PIN"), std::string::npos);
}

TEST_F(PrompterTest, AnnouncesUntilTheTouchIsOver) {
  set_script(
      "printf '%s|%s' \"$1\" \"$SSH_ASKPASS_PROMPT\" > \"$DIR/new\"; echo $$ > \"$DIR/pid.new\"\n"
      "mv \"$DIR/new\" \"$DIR/seen\"; mv \"$DIR/pid.new\" \"$DIR/pid\"; exec sleep 60");
  std::shared_ptr<void> announcement = prompter_.announce("touch it");
  ASSERT_TRUE(soon([&] { return !read_file(directory_.file("pid")).empty(); }));
  EXPECT_EQ(read_file(directory_.file("seen")), "touch it|none");
  const pid_t pid = std::stoi(read_file(directory_.file("pid")));
  EXPECT_EQ(kill(pid, 0), 0);
  announcement.reset();
  io_.run();
  EXPECT_NE(kill(pid, 0), 0);
}

TEST_F(PrompterTest, AnnouncesNothingWhereThereIsNoScreen) {
  set_script("touch \"$DIR/seen\"");
  const Variable none("DISPLAY", nullptr);
  prompter_.announce("touch it");
  io_.run();
  EXPECT_FALSE(exists(directory_.file("seen")));
}

}  // namespace
}  // namespace fob
