#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace fob::cli {

/// Another program that fob runs, without a shell, with the person's terminal.
struct Program {
  std::vector<std::string> arguments;      ///< the first one is the program, looked for in PATH unless it has a slash
  std::string input;                       ///< its standard input; no secrets
  std::vector<std::string> environment{};  ///< "NAME=value": beside what fob's own has, or in its place
  bool catch_errors = true;                ///< its standard error is kept; else it goes where fob's goes
  std::optional<std::chrono::milliseconds> deadline{};  ///< then it is ended; nothing: it may take its time
};

/// What its run came to.
struct ProgramOutcome {
  int status = -1;  ///< as a shell has it: 128 + signal where one ended it
  bool timed_out = false;
  std::string out;  ///< of each no more than limits::program_output_bytes; what follows is dropped
  std::string err;

  bool succeeded() const { return status == 0 && !timed_out; }
};

/// Runs it and waits for its end; what it leaves running behind (ssh's masters, clipboards) is not waited for. Throws
/// not_found where there is no such program; system; Interrupted, and it is ended then.
ProgramOutcome run_program(const Program& program);

/// The first line that is not empty, printable: what another program says for itself.
std::string first_line(const std::string& text);

}  // namespace fob::cli
