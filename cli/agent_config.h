#pragma once

#include <string>

namespace fob::cli {

/// The program that the agent's configuration (fob-agent.toml(5), where the agent looks for it by itself) has PINs and
/// passphrases asked for by; empty: askpass programs do, or the file is none that the agent would read.
std::string configured_pinentry();

}  // namespace fob::cli
