#pragma once

#include <string>

namespace fob::cli {

/// HOME, or else what the user database says; without a slash at its end. Throws not_found where neither says.
std::string home_directory();

/// $XDG_CONFIG_HOME/fob/`name`, or ~/.config/fob/`name`.
std::string config_file(const std::string& name);

/// `path` with the home in place of a "~" in front of its first slash.
std::string with_home(const std::string& path);

}  // namespace fob::cli
