#pragma once

#include "cli/new_options.h"

namespace fob::cli {

/// Asks the person at the terminal what the command line of `fob new` leaves open: the name, and unless an option
/// decides anything, where the key goes, its type and its comment. Enter takes the default of each. Asks nothing where
/// may_ask says so. Throws refused where a key of the name is there, before anything else is asked, or where nothing
/// fits three times; Interrupted; and what the agent says.
void ask_for_rest(NewOptions& options);

/// Throws refused if the agent has a key of that name.
void check_name_is_free(const std::string& name);

}  // namespace fob::cli
