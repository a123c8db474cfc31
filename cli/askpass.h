#pragma once

#include <optional>
#include <string>

#include "protocol/secret_bytes.h"

namespace fob::cli {

/// Another program that asks for what must not be echoed, as ssh(1) has it: the one that SSH_ASKPASS names, or
/// /usr/bin/ssh-askpass.

/// OpenSSH's _PATH_SSH_ASKPASS_DEFAULT on Debian.
inline constexpr const char* default_askpass = "/usr/bin/ssh-askpass";

enum class AskpassUse {
  instead,  ///< of a terminal: SSH_ASKPASS_REQUIRE is "force", or "prefer" and there is a screen
  without,  ///< where there is no terminal: there is a screen (DISPLAY or WAYLAND_DISPLAY)
  never,    ///< SSH_ASKPASS_REQUIRE is "never", or there is no screen
};
AskpassUse askpass_use();

/// Runs it with `question` as its argument: the first line of what it prints, read into secret memory. Nothing if it
/// exits with another status than 0, or the line is empty. Throws refused if it cannot be run; too_large; Interrupted,
/// and it is ended then.
std::optional<SecretBytes> ask_by_program(const std::string& question);

}  // namespace fob::cli
