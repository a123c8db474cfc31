#pragma once

#include <optional>
#include <string_view>

#include "protocol/control_reply.h"
#include "protocol/secret_bytes.h"

namespace fob::cli {

/// The person, as AgentConnection sees one while the agent works.
class Dialog {
 public:
  virtual ~Dialog() = default;

  /// Shows what is waited for in place of the notice before; empty: nothing any more.
  virtual void notice(std::string_view text) = 0;
  /// Called some times a second while a notice is shown.
  virtual void tick() = 0;
  /// What the person types; nothing if they decline. Throws Error where nobody can be asked, and Interrupted.
  virtual std::optional<SecretBytes> answer(const control::Question& question) = 0;
};

}  // namespace fob::cli
