#pragma once

#include <string>
#include <string_view>

#include "protocol/bytes.h"

/// "The Secure Shell (SSH) Public Key File Format" (RFC 4716).
namespace fob::rfc4716 {

inline constexpr std::string_view begin_line = "---- BEGIN SSH2 PUBLIC KEY ----";
inline constexpr std::string_view end_line = "---- END SSH2 PUBLIC KEY ----";

struct File {
  Bytes blob;
  std::string comment;
};

/// `text` begins with begin_line; what follows the last line is passed over. Errors: malformed.
File parse(std::string_view text);

/// Lines of at most 72 bytes, as §3.3 wants. The comment is in quotes as PuTTY and ssh-keygen have it, and cut to what
/// fits into its line: PuTTY knows no lines that continue others, and to ssh-keygen they are at times the key.
std::string format(ByteView blob, std::string_view comment);

}  // namespace fob::rfc4716
