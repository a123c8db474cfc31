#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/bytes.h"

/// RFC 4648 §4, padded.
namespace fob {

/// Characters in `ignored` are passed over; nothing where it is no base64.
std::optional<Bytes> decode_base64(std::string_view text, const char* ignored = nullptr);

/// Not for secrets: neither is the string wiped, nor does the time hide what is in it.
std::string encode_base64(ByteView bytes);
/// In lines of at most `columns`, each ended by LF.
Bytes encode_base64_lines(ByteView bytes, std::size_t columns);

}  // namespace fob
