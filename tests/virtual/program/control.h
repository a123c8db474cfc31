#pragma once

#include "tests/virtual/program/device.h"

namespace fob::virt {

/// Answers one line of the control socket with one line. Sets `quit` where it asks for the end.
std::string answer_line(const std::string& line, Device& device, bool& quit);

}  // namespace fob::virt
