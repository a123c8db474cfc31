#include "protocol/key_file/armour.h"

#include <sodium.h>

#include <algorithm>

#include "protocol/base64.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/wire.h"

namespace fob {
namespace {

constexpr std::string_view begin_mark = "-----BEGIN ";
constexpr std::string_view end_mark = "-----END ";
constexpr std::string_view dashes = "-----";
constexpr std::string_view white_space = " \t\r\n";
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
constexpr std::size_t label_bytes = 64;
constexpr std::size_t max_headers = 16;

/// What stands between "-----BEGIN " and "-----" on the line that `at` is on; nothing where it is no such line.
std::optional<std::string_view> label_at(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at + begin_mark.size(), label_bytes + dashes.size());
  const std::size_t end = rest.find(dashes);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view label = rest.substr(0, end);
  if (label.find_first_of("\r\n") != std::string_view::npos) return std::nullopt;
  return label;
}

/// Nothing but blanks before it on its line: a comment may hold anything.
bool begins_line(std::string_view text, std::size_t at) {
  const std::size_t before = text.substr(0, at).find_last_not_of(" \t");
  return before == std::string_view::npos || text[before] == '\n' || text[before] == '\r';
}

/// From after the first line to before the last.
std::string_view body_of(std::string_view text, std::string_view label) {
  const std::size_t end = text.find(end_mark);
  if (end == std::string_view::npos) throw_malformed_file("its last line is missing");
  const std::string_view last = text.substr(end + end_mark.size());
  if (!last.starts_with(label) || !last.substr(label.size()).starts_with(dashes)) {
    throw_malformed_file("its last line does not fit its first");
  }
  return text.substr(0, end);
}

/// RFC 1421 §4.4: lines with a colon, then an empty one. Base64 has no colon.
Block split_headers(std::string_view label, std::string_view body) {
  Block out{label, {}, body};
  Lines lines(without_mark(body));
  while (const auto line = lines.next()) {
    if (line->find(':') == std::string_view::npos) break;
    if (out.headers.size() == max_headers) throw_malformed_file("it has too many headers");
    out.headers.push_back(split_header(*line));
    out.base64 = lines.rest();
  }
  return out;
}

}  // namespace

void throw_malformed_file(const std::string& why) { throw Error(Errc::malformed, "no valid key file: " + why); }

void check_file_size(std::string_view text) {
  if (text.size() <= limits::key_file_bytes) return;
  throw Error(Errc::too_large, "no key file: it has " + std::to_string(text.size()) + " bytes, and key files at most " +
                                   std::to_string(limits::key_file_bytes));
}

std::optional<std::string_view> Lines::next() {
  if (rest_.empty()) return std::nullopt;
  const std::size_t end = std::min(rest_.find_first_of("\r\n"), rest_.size());
  const std::string_view line = rest_.substr(0, end);
  rest_.remove_prefix(end);
  const std::size_t end_bytes = rest_.starts_with("\r\n") ? 2 : 1;
  rest_.remove_prefix(std::min(end_bytes, rest_.size()));
  return line;
}

std::string_view Lines::take() {
  const auto line = next();
  if (!line) throw_malformed_file("it ends too early");
  if (line->size() > limits::key_file_line_bytes) {
    throw_malformed_file("a line of " + std::to_string(line->size()) + " bytes, at most " +
                         std::to_string(limits::key_file_line_bytes) + " are allowed");
  }
  return *line;
}

std::string_view right_trimmed(std::string_view text) { return text.substr(0, text.find_last_not_of(white_space) + 1); }

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(white_space), text.size()));
  return right_trimmed(text);
}

std::string_view without_mark(std::string_view text) {
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  text.remove_prefix(std::min(text.find_first_not_of(white_space), text.size()));
  return text;
}

Header split_header(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) throw_malformed_file("a line without a colon where a header must stand");
  return {trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1))};
}

Bytes parse_base64(std::string_view text) {
  auto out = decode_base64(text, white_space.data());
  if (!out) throw_malformed_file("its base64 is broken");
  return std::move(*out);
}

Bytes parse_hex(std::string_view text) {
  Bytes out(text.size() / 2);
  std::size_t size = 0;
  if (text.size() % 2 != 0 || (!text.empty() && sodium_hex2bin(out.data(), out.size(), text.data(), text.size(),
                                                               nullptr, &size, nullptr) != 0)) {
    throw_malformed_file("its hexadecimal digits are broken");
  }
  // sodium_hex2bin takes a digit that is none for the end.
  if (size != out.size()) throw_malformed_file("its hexadecimal digits are broken");
  return out;
}

Bytes format_hex(ByteView bytes) {
  Bytes out(bytes.size() * 2 + 1);
  sodium_bin2hex(reinterpret_cast<char*>(out.data()), out.size(), bytes.data(), bytes.size());
  out.pop_back();  // the terminating NUL
  return out;
}

std::optional<Block> find_block(std::string_view text, bool (*wanted)(std::string_view label)) {
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  for (std::size_t at = 0; (at = text.find(begin_mark, at)) != std::string_view::npos; at += begin_mark.size()) {
    const auto label = label_at(text, at);
    if (!label || !wanted(*label) || !begins_line(text, at)) continue;
    const std::string_view rest = text.substr(at + begin_mark.size() + label->size() + dashes.size());
    return split_headers(*label, body_of(rest, *label));
  }
  return std::nullopt;
}

Bytes format_block(std::string_view label, std::string_view headers, ByteView contents, std::size_t columns) {
  Writer out;
  out.raw(as_bytes(begin_mark)).raw(as_bytes(label)).raw(as_bytes(dashes)).u8('\n').raw(as_bytes(headers));
  out.raw(encode_base64_lines(contents, columns));
  out.raw(as_bytes(end_mark)).raw(as_bytes(label)).raw(as_bytes(dashes)).u8('\n');
  return out.take();
}

}  // namespace fob
