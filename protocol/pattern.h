#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fob {

/// Whether `text` matches `pattern`, in which `*` stands for any characters and `?` for one (ssh_config(5),
/// PATTERNS). Time is at most text × pattern, whatever the stars.
bool matches_pattern(std::string_view text, std::string_view pattern);

/// Whether `text` matches a comma-separated list of patterns: at least one, and none that begins with `!`.
bool matches_pattern_list(std::string_view text, std::string_view patterns);

/// How many Unicode characters `text` has, or nothing where it is not UTF-8 (RFC 3629 §4).
std::optional<std::size_t> utf8_characters(std::string_view text);

/// `text` fit for a terminal, a log or a dialog: control characters and invalid UTF-8 become `?`, and no more than
/// `max_bytes`. All that a client sent goes through it before a person sees it.
std::string printable(std::string_view text, std::size_t max_bytes = 256);

}  // namespace fob
