#include "cli/agent_config.h"

#include "cli/file.h"
#include "cli/home.h"
#include "cli/toml_file.h"

namespace fob::cli {
namespace {

/// As the agent's own.
constexpr std::size_t file_bytes = 64 * 1024;
constexpr const char* default_pinentry = "/usr/bin/pinentry";

}  // namespace

std::string configured_pinentry() {
  try {
    const std::string path = config_file("agent.toml");
    const Bytes text = read_file(path, file_bytes);
    const toml::table table = parse_toml(path, as_text(text));
    const auto prompt = table["prompt"];
    if (prompt["program"].value_or(std::string()) != "pinentry") return "";
    return prompt["pinentry"].value_or(std::string(default_pinentry));
  } catch (const Error&) {
    return "";  // mostly there is none
  }
}

}  // namespace fob::cli
