#pragma once

#include <string>

namespace fob {

/// The path of a program that comes with the agent: beside the agent itself, else where it is installed. Whether it is
/// there shows when it is run. Throws Error{Errc::system}.
std::string helper_program(const std::string& name);

}  // namespace fob
