#include "cli/run_program.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "protocol/limits.h"
#include "tests/daemon/temp_dir.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::cli {
namespace {

ProgramOutcome run_shell(const std::string& script, const std::string& input = "") {
  Program shell;
  shell.arguments = {"sh", "-c", script};
  shell.input = input;
  return run_program(shell);
}

TEST(RunProgram, KeepsBothOutputsAndTheStatus) {
  const ProgramOutcome outcome = run_shell("echo out; echo err >&2; exit 3");
  EXPECT_EQ(outcome.out, "out\n");
  EXPECT_EQ(outcome.err, "err\n");
  EXPECT_EQ(outcome.status, 3);
  EXPECT_FALSE(outcome.succeeded());
  EXPECT_EQ(run_shell("kill -9 $$").status, 128 + 9);
}

TEST(RunProgram, GivesInputOfAnySize) {
  const std::string input(300'000, 'x');
  EXPECT_EQ(run_shell("cat", input).out, input);
  EXPECT_EQ(run_shell("wc -c | tr -d ' '", input).out, "300000\n");
}

TEST(RunProgram, IsNotHurtByAProgramThatReadsNothing) {
  const ProgramOutcome outcome = run_shell("exec <&-; echo done", std::string(4'000'000, 'x'));
  EXPECT_EQ(outcome.out, "done\n");
  EXPECT_TRUE(outcome.succeeded());
}

TEST(RunProgram, KeepsNoMoreThanItsLimit) {
  const ProgramOutcome outcome = run_shell("head -c 3000000 /dev/zero; head -c 10 /dev/zero >&2");
  EXPECT_EQ(outcome.out.size(), limits::program_output_bytes);
  EXPECT_EQ(outcome.err.size(), 10U);
  EXPECT_TRUE(outcome.succeeded());
}

TEST(RunProgram, EndsAProgramAtItsDeadline) {
  Program endless;
  endless.deadline = std::chrono::milliseconds(50);
  for (const char* script : {"exec sleep 600", "while :; do echo y; done", "trap '' TERM; while :; do :; done"}) {
    endless.arguments = {"sh", "-c", script};
    EXPECT_TRUE(run_program(endless).timed_out) << script;
  }
}

TEST(RunProgram, WaitsForNoneOfItsChildren) {
  const TempDir folder;
  const ProgramOutcome outcome = run_shell("sleep 600 & echo $! >" + folder.file("pid") + "; echo done");
  EXPECT_EQ(outcome.out, "done\n");
  run_shell("kill " + fob::read_file(folder.file("pid")));
}

TEST(RunProgram, TakesArgumentsAsTheyAre) {
  Program echo;
  echo.arguments = {"printf", "%s\\n", "$(id) `id` ; *", "two words"};
  EXPECT_EQ(run_program(echo).out, "$(id) `id` ; *\ntwo words\n");
}

TEST(RunProgram, PutsVariablesInPlaceOfOurs) {
  setenv("FOB_TEST_VARIABLE", "before", 1);
  Program shell;
  shell.arguments = {"sh", "-c", "echo $FOB_TEST_VARIABLE $FOB_TEST_OTHER ${PATH:+path}"};
  shell.environment = {"FOB_TEST_VARIABLE=after", "FOB_TEST_OTHER=new"};
  EXPECT_EQ(run_program(shell).out, "after new path\n");
  unsetenv("FOB_TEST_VARIABLE");
}

TEST(RunProgram, SaysWhichProgramIsMissing) {
  Program none;
  none.arguments = {"/no/such/program"};
  EXPECT_EQ(test::error_of([&] { run_program(none); }), Errc::not_found);
  none.arguments = {"/dev/null"};
  EXPECT_EQ(test::error_of([&] { run_program(none); }), Errc::system);
}

TEST(FirstLine, IsTheFirstThatSaysSomething) {
  EXPECT_EQ(first_line("\n  \nerror: no\x1b[2J\r\nmore"), "error: no?[2J");
  EXPECT_EQ(first_line(""), "");
}

}  // namespace
}  // namespace fob::cli
