#include "cli/clipboard.h"

#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "cli/run_program.h"
#include "protocol/error.h"

namespace fob::cli {
namespace {

/// They hand the text to the display, and stay behind in a process of their own.
constexpr std::chrono::milliseconds patience{5000};

bool is_set(const char* variable) {
  const char* value = getenv(variable);
  return value != nullptr && *value != '\0';
}

std::vector<std::vector<std::string>> commands_here() {
  std::vector<std::vector<std::string>> out;
  if (is_set("WAYLAND_DISPLAY")) out.push_back({"wl-copy", "--type", "text/plain"});
  if (is_set("DISPLAY")) {
    out.push_back({"xclip", "-selection", "clipboard"});
    out.push_back({"xsel", "--clipboard", "--input"});
  }
  out.push_back({"pbcopy"});
  return out;
}

/// False where there is no such program.
bool copy_by(const std::vector<std::string>& command, std::string_view text) {
  Program program;
  program.arguments = command;
  program.input = text;
  program.deadline = patience;
  ProgramOutcome outcome;
  try {
    outcome = run_program(program);
  } catch (const Error& error) {
    if (error.code() == Errc::not_found) return false;
    throw;
  }
  if (outcome.succeeded()) return true;
  const std::string said = first_line(outcome.err);
  throw Error(Errc::system, "nothing is on the clipboard: " + command[0] +
                                (outcome.timed_out ? " did not end in time" : " failed") +
                                (said.empty() ? "" : " (" + said + ")"));
}

}  // namespace

void copy_to_clipboard(std::string_view text) {
  for (const std::vector<std::string>& command : commands_here()) {
    if (copy_by(command, text)) return;
  }
  throw Error(Errc::not_found, is_set("WAYLAND_DISPLAY") || is_set("DISPLAY")
                                   ? "nothing is on the clipboard: install wl-clipboard (Wayland), xclip or xsel"
                                   : "nothing is on the clipboard: there is none here, for neither WAYLAND_DISPLAY "
                                     "nor DISPLAY is set");
}

}  // namespace fob::cli
