#pragma once

#include <string>
#include <vector>

#include "cli/command_line.h"
#include "protocol/control_request.h"

namespace fob::cli {

/// --slot, --pin-policy and --touch-policy, of commands that put a key on a token.
void add_piv_options(Command command, control::PivPlace& place);

/// An option that was given and does not fit, and what is to be said of it.
struct Misfit {
  const char* option;
  const char* reason;
};
/// Throws UsageError for the first of them that `command` was given.
void refuse_options(Command command, const std::vector<Misfit>& misfits);

}  // namespace fob::cli
