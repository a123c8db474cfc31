#pragma once

#include <optional>
#include <string>

#include "tests/virtual/personality.h"
#include "tests/virtual/touch.h"

namespace fob::virt {

/// The command line of fob-virtual-token.
struct Options {
  std::string connect;  ///< a socket; empty: uhid
  bool uhid = false;
  std::string control;
  std::string state;
  TouchPolicy touch;
  bool unplugged = false;  ///< wait for `plug` on the control socket
  Personality personality;
};

/// Nothing, after saying why on stderr, if they do not make sense.
std::optional<Options> parse_options(int argc, char** argv);

/// "auto", "manual" or milliseconds.
std::optional<TouchPolicy> parse_touch(const std::string& text);
/// A whole number, decimal or 0x…; nothing if it is none or above `most`.
std::optional<unsigned> parse_number(const std::string& text, unsigned most);

}  // namespace fob::virt
