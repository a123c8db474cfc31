#pragma once

#include <string>
#include <vector>

namespace fob::cli {

/// One thing that `fob doctor` has found to stand in the way.
struct Finding {
  std::string id;      ///< "no-agent": stays, for programs
  std::string what;    ///< one sentence
  std::string remedy;  ///< what to do, and where there is one, the command to type
};

using Findings = std::vector<Finding>;

}  // namespace fob::cli
