#include "cli/table.h"

#include <wchar.h>

#include <algorithm>

#include "cli/terminal.h"

namespace fob::cli {
namespace {

constexpr auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };

/// The UTF-8 character at the front of `text`, which is valid; 0 bytes for the empty text.
std::string_view first_character(std::string_view text) {
  std::size_t length = std::min<std::size_t>(1, text.size());
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) ++length;
  return text.substr(0, length);
}

std::size_t columns_of_character(std::string_view character) {
  if (character.size() == 1) return 1;
  constexpr unsigned lead_masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  const std::size_t length = std::min<std::size_t>(character.size(), 4);
  wchar_t code = static_cast<wchar_t>(static_cast<unsigned char>(character[0]) & lead_masks[length]);
  for (const char byte : character.substr(1)) code = code << 6 | (static_cast<unsigned char>(byte) & 0x3f);
  const int width = wcwidth(code);
  return width < 0 ? 1 : static_cast<std::size_t>(width);
}

void print_row(std::ostream& out, const std::vector<std::string>& row, const std::vector<std::size_t>& widths,
               bool heading) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    line += row[i];
    if (i + 1 < row.size()) line.append(widths[i] - columns_of(row[i]) + 2, ' ');
  }
  out << (heading ? bold(line) : line) << '\n';
}

}  // namespace

std::size_t columns_of(std::string_view text) {
  // Most texts, of which there may be tens of thousands.
  if (std::all_of(text.begin(), text.end(), is_ascii)) return text.size();
  std::size_t out = 0;
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    out += columns_of_character(character);
    text.remove_prefix(character.size());
  }
  return out;
}

std::string first_columns(std::string_view text, std::size_t columns) {
  std::string out;
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    const std::size_t width = columns_of_character(character);
    if (width > columns) break;
    columns -= width;
    out += character;
    text.remove_prefix(character.size());
  }
  return out;
}

void Table::add(std::vector<std::string> row) {
  for (std::string& cell : row) {
    if (cell.empty()) cell = '-';
  }
  rows_.push_back(std::move(row));
}

void Table::print(std::ostream& out) const {
  std::vector<std::size_t> widths;
  for (const std::string& title : heading_) widths.push_back(columns_of(title));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));
  }
  print_row(out, heading_, widths, true);
  for (const auto& row : rows_) print_row(out, row, widths, false);
}

}  // namespace fob::cli
