#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/descriptor.h"

namespace fob::test {

/// What a run of the fob program came to. Its status as a shell has it: 128 + signal where one ended it.
struct FobOutcome {
  int status = -1;
  std::string out;
  std::string err;
};

/// Runs fob without a terminal. The environment is `environment` and nothing else.
FobOutcome run_fob(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {});

/// fob in a terminal of its own, at which a test sits.
class TerminalFob {
 public:
  /// `shell_script`: what /bin/sh does there instead, to which the command that runs fob is "$0" "$@".
  explicit TerminalFob(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {},
                       const std::string& shell_script = "");
  ~TerminalFob();
  TerminalFob(const TerminalFob&) = delete;
  TerminalFob& operator=(const TerminalFob&) = delete;

  /// Reads on until `text` stands on the screen after what was waited for before. False after five seconds.
  bool shows(std::string_view text);
  void type(std::string_view keys) const;
  bool echoes() const;
  /// Waits until the terminal echoes, or does not. False after five seconds.
  bool becomes(bool echoing) const;
  /// Waits until the process is stopped (Ctrl-Z). False after five seconds.
  bool is_stopped() const;
  void signal(int number) const;
  int pid() const { return pid_; }
  /// Waits for the end; its status as a shell has it.
  int status();
  /// All that has been shown so far.
  const std::string& screen() const { return screen_; }

 private:
  bool read_some(int patience_ms);

  cli::Descriptor terminal_;
  int pid_ = -1;
  std::string screen_;
  std::size_t seen_ = 0;
};

}  // namespace fob::test
