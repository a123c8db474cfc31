#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "protocol/error.h"
#include "protocol/pattern.h"

namespace fob::cli {

/// Some files that are not TOML run into assertions of toml++ 3.3 instead of its errors.
[[noreturn]] inline void fail_in_toml_parser() { throw Error(Errc::malformed, "its parser gave up"); }

}  // namespace fob::cli

#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ASSERT(condition) ((condition) ? void() : fob::cli::fail_in_toml_parser())
// Else toml++ would have the compiler take its assertions for granted.
#undef NDEBUG
#include <toml++/toml.h>

namespace fob::cli {

/// toml++ recurses for each dot of a key.
inline constexpr std::size_t toml_line_bytes = 4096;

[[noreturn]] inline void fail_in_toml(const std::string& path, std::size_t line, const std::string& text) {
  throw Error(Errc::malformed, printable(path) + ":" + std::to_string(line) + ": " + text);
}

/// What `text` holds; `path` is for errors. Throws malformed, with file and line.
inline toml::table parse_toml(const std::string& path, std::string_view text) {
  std::string_view rest = text;
  for (std::size_t line = 1; !rest.empty(); ++line) {
    const std::size_t size = std::min(rest.find('\n'), rest.size());
    if (size > toml_line_bytes) {
      fail_in_toml(
          path, line,
          "line of " + std::to_string(size) + " bytes, at most " + std::to_string(toml_line_bytes) + " are allowed");
    }
    rest.remove_prefix(std::min(size + 1, rest.size()));
  }
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    fail_in_toml(path, error.source().begin.line, "not TOML: " + printable(error.description()));
  } catch (const Error& error) {
    throw Error(error.code(), printable(path) + ": not TOML: " + error.what());
  }
}

}  // namespace fob::cli
