#include "protocol/key_file/rfc4716.h"

#include <algorithm>
#include <cctype>

#include "protocol/base64.h"
#include "protocol/key_file/armour.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob::rfc4716 {
namespace {

constexpr std::size_t line_bytes = 72;
constexpr std::size_t base64_columns = 70;
constexpr std::string_view comment_name = "Comment";
constexpr char continued = '\\';

/// §3.3: names are compared without case.
bool is_comment(std::string_view name) {
  return std::equal(name.begin(), name.end(), comment_name.begin(), comment_name.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  });
}

/// Quotes around it go (§3.3.2), and the backslashes that PuTTY puts before quotes in it.
std::string unquoted(std::string_view value) {
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') return std::string(value);
  std::string out;
  value = value.substr(1, value.size() - 2);
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && i + 1 < value.size()) ++i;
    out += value[i];
  }
  return out;
}

/// Whether a byte of UTF-8 is not the first of its character.
bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U; }

/// At most `max_bytes`; no character is cut in two.
std::string quoted(std::string_view comment, std::size_t max_bytes) {
  std::string out = "\"";
  std::size_t fits = out.size();
  for (const char byte : printable(comment, limits::comment_bytes)) {
    if (!continues_character(byte) && out.size() < max_bytes) fits = out.size();
    if (byte == '\\' || byte == '"') out += '\\';
    out += byte;
  }
  if (out.size() >= max_bytes) out.resize(fits);
  return out + '"';
}

/// A header's line with those that continue it (§3.3), whose blanks at the beginning are of the value.
std::string whole_header(std::string_view line, Lines& lines) {
  std::string out(line);
  while (out.ends_with(continued)) {
    out.pop_back();
    out += right_trimmed(lines.take());
    if (out.size() > limits::key_file_line_bytes) throw_malformed_file("a header is too long");
  }
  return out;
}

}  // namespace

File parse(std::string_view text) {
  Lines lines(text);
  if (trimmed(lines.take()) != begin_line) throw_malformed_file("its first line is not " + std::string(begin_line));
  File out;
  std::string base64;
  for (;;) {
    const std::string_view line = trimmed(lines.take());
    if (line == end_line) break;
    if (line.find(':') == std::string_view::npos) {
      base64 += line;
      continue;
    }
    if (!base64.empty()) throw_malformed_file("a header stands behind the key");
    const std::string header = whole_header(line, lines);
    const Header parts = split_header(header);
    if (!is_comment(parts.first)) continue;
    out.comment = unquoted(parts.second);
    if (out.comment.size() > limits::comment_bytes) throw_malformed_file("its comment is too long");
  }
  out.blob = parse_base64(base64);
  return out;
}

std::string format(ByteView blob, std::string_view comment) {
  std::string out = std::string(begin_line) + "\n";
  if (!comment.empty()) {
    const std::string header = std::string(comment_name) + ": ";
    out += header + quoted(comment, line_bytes - header.size()) + "\n";
  }
  out += as_text(encode_base64_lines(blob, base64_columns));
  return out + std::string(end_line) + "\n";
}

}  // namespace fob::rfc4716
