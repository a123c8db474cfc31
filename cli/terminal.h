#pragma once

#include <termios.h>

#include <optional>
#include <string>
#include <string_view>

#include "cli/descriptor.h"
#include "cli/dialog.h"

namespace fob::cli {

/// Whether text for this descriptor may be coloured: it is a terminal that can, and NO_COLOR is not set.
bool may_colour(int descriptor);

/// `text` in bold, where standard output may be coloured.
std::string bold(const std::string& text);

/// The terminal of the person who typed fob.
///
/// Questions go to /dev/tty, wherever standard input and output lead. Without one, what must not be echoed is asked by
/// an askpass program (askpass.h), in place of one too where SSH_ASKPASS_REQUIRE says so; where there is neither, they
/// throw Error{Errc::refused}. What was typed before a question is no answer to it. What is typed is read into secret
/// memory; while it is not echoed, no signal leaves the terminal that way, Ctrl-Z included. Notices go to standard
/// error: as one line that is replaced and taken away on a terminal, else one line each. All texts are made printable
/// here.
class Terminal : public Dialog {
 public:
  ~Terminal() override { wipe_notice(); }

  void notice(std::string_view text) override;
  void tick() override;
  std::optional<SecretBytes> answer(const control::Question& question) override;

  /// One line, without its end; nothing for an empty one or the end of input.
  std::optional<SecretBytes> ask_hidden(std::string_view prompt);
  /// Typed twice, and again until both are the same. Throws Error{Errc::refused} after three times.
  std::optional<SecretBytes> ask_new(std::string_view prompt);
  std::optional<SecretBytes> ask_line(std::string_view prompt);
  /// What is pasted after a line that says to, not echoed: lines up to the one that `is_last` knows, or the end of
  /// input; nothing where there are none. Of a terminal only. Throws too_large over `max_bytes`.
  std::optional<SecretBytes> ask_paste(std::string_view prompt, std::size_t max_bytes,
                                       bool (*is_last)(std::string_view line));
  /// Whether the person types "yes" or "y".
  bool confirms(std::string_view question);

 private:
  /// `for_program`: how another program asks, which shows no other question beside.
  std::optional<SecretBytes> ask_secret(std::string_view prompt, std::string_view for_program);
  std::optional<SecretBytes> ask_at_terminal(const std::string& question, bool echo);
  void draw_notice();
  void wipe_notice();

  std::string notice_;  ///< as it is shown now
  unsigned ticks_ = 0;
};

}  // namespace fob::cli
