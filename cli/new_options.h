#pragma once

#include <CLI/CLI.hpp>

#include <string>

#include "protocol/control_request.h"

namespace fob::cli {

/// What the command line of `fob new` says.
struct NewOptions {
  bool json = false;
  control::NewKey key;
  std::string type;   ///< empty: what the kind of token suggests
  unsigned bits = 0;  ///< 0: what the type suggests
  std::string challenge_file;
  std::string attestation_file;
  std::string file;
};

/// Adds the options. Those that do not fit the kind of token, or each other, are refused while the line is parsed; then
/// the key's kind and size are set, too.
void define_new(CLI::App& command, NewOptions& options);

}  // namespace fob::cli
