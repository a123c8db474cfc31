#include "protocol/pattern.h"

#include <algorithm>
#include <vector>

#include "tests/fuzz/fuzz.h"

using namespace fob;

namespace {

/// By dynamic programming: whether the first i characters match the first j of the pattern.
bool reference(std::string_view text, std::string_view pattern) {
  std::vector<bool> row(text.size() + 1, false);
  row[0] = true;
  for (const char letter : pattern) {
    std::vector<bool> next(text.size() + 1, false);
    next[0] = letter == '*' && row[0];
    for (std::size_t i = 1; i <= text.size(); ++i) {
      next[i] = letter == '*' ? (next[i - 1] || row[i]) : (row[i - 1] && (letter == '?' || letter == text[i - 1]));
    }
    row = std::move(next);
  }
  return row.back();
}

void check_printable(std::string_view text) {
  const std::string shown = printable(text);
  fuzz::require(shown.size() <= 256 + 3, "a printable text has at most 256 bytes and an ellipsis");
  fuzz::require(std::none_of(shown.begin(), shown.end(),
                             [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }),
                "a printable text has no control character");
  if (shown.size() <= 256) fuzz::require(printable(shown) == shown, "a printable text stays as it is");
}

}  // namespace

/// The input up to its first NUL is the text, the rest the pattern.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = as_text({data, size});
  check_printable(input);
  const std::size_t split = std::min(input.find('\0'), input.size());
  const std::string_view text = input.substr(0, split);
  const std::string_view pattern = input.substr(std::min(split + 1, input.size()));
  fuzz::require(matches_pattern(text, pattern) == reference(text, pattern), "the matcher agrees with the plain one");
  if (pattern.find_first_of(",!") == std::string_view::npos && !pattern.empty()) {
    fuzz::require(matches_pattern_list(text, pattern) == matches_pattern(text, pattern),
                  "a list of one is its pattern");
  }
  matches_pattern_list(text, pattern);
  return 0;
}
