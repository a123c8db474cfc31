#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace fob::cli {

/// Terminal columns that `text` takes: its characters, two for wide ones (UAX #11), as far as the C library knows.
std::size_t columns_of(std::string_view text);

/// As much of printable `text` as fits into so many columns, cut between characters.
std::string first_columns(std::string_view text, std::size_t columns);

/// Rows of cells in aligned columns, under a heading; plain text, two spaces between columns, none at the end of a
/// line. Cells must be printable.
class Table {
 public:
  explicit Table(std::vector<std::string> heading) : heading_(std::move(heading)) {}

  /// As many cells as the heading has. An empty cell becomes "-".
  void add(std::vector<std::string> row);
  void print(std::ostream& out) const;

 private:
  std::vector<std::string> heading_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace fob::cli
