#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/bytes.h"

namespace fob {

/// "no valid key file: `why`".
[[noreturn]] void throw_malformed_file(const std::string& why);
/// Throws too_large for a text over limits::key_file_bytes.
void check_file_size(std::string_view text);

/// The lines of a text, whatever ends them: LF, CR LF or CR.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  /// Without its end; nothing after the last.
  std::optional<std::string_view> next();
  /// The same; throws malformed where there is none, or where it has more than limits::key_file_line_bytes.
  std::string_view take();
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

/// Without white space at both ends, or at the right one.
std::string_view trimmed(std::string_view text);
std::string_view right_trimmed(std::string_view text);
/// Without what may stand before the first line: white space, and the mark that editors put before UTF-8.
std::string_view without_mark(std::string_view text);

/// "Name: value", both trimmed.
using Header = std::pair<std::string_view, std::string_view>;
/// Throws malformed where the line has no colon.
Header split_header(std::string_view line);

/// White space in it is passed over. Errors: malformed.
Bytes parse_base64(std::string_view text);
/// Errors: malformed.
Bytes parse_hex(std::string_view text);
Bytes format_hex(ByteView bytes);

/// What stands between "-----BEGIN LABEL-----" and "-----END LABEL-----" (RFC 7468 §2), with headers as RFC 1421 has
/// them or none.
struct Block {
  std::string_view label;
  std::vector<Header> headers;
  std::string_view base64;
};

/// The first block at the beginning of a line with a label that `wanted` takes; others, and text around them, are
/// passed over. Nothing where there is none. Errors: malformed where it does not end, or more than 16 headers.
std::optional<Block> find_block(std::string_view text, bool (*wanted)(std::string_view label));

/// The text of a block; `headers` are whole lines, or empty.
Bytes format_block(std::string_view label, std::string_view headers, ByteView contents, std::size_t columns);

}  // namespace fob
