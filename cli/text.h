#pragma once

#include <string>
#include <string_view>

#include "protocol/control_reply.h"
#include "protocol/key_file/key_file.h"
#include "protocol/public_key.h"

namespace fob::cli {

/// Text of the agent or a token, fit for a terminal and of at most limits::sentence_bytes.
std::string shown(std::string_view text);

std::string to_hex(ByteView bytes);

/// What using the key takes: "touch, PIN, resident, confirm"; "nothing" for none of them.
std::string needs_of(const control::Key& key);
std::string needs_of(std::uint8_t sk_flags);

/// As the token counts its firmware: "5.4.3" where it is packed so, "328" otherwise; empty for 0.
std::string firmware_text(std::uint64_t firmware);
/// "set, 8 tries left", "blocked", "not set", "none possible".
std::string pin_text(const TokenInfo& info);
/// "set", "not set", "1 try left", "wrong PIN typed before", "locked", "at the reader".
std::string pin_text(const Pkcs11TokenInfo& info);
/// Of either kind of token.
std::string pin_text(const control::Token& token);
/// "2fc0579f-8113-47ea-b116-bb5a8db9202a".
std::string aaguid_text(const std::array<std::uint8_t, 16>& aaguid);
/// "ecdsa-sk", "rsa" and the like: as --type of `fob new` has it.
std::string type_word(KeyKind kind);
std::vector<std::string> type_words(const std::vector<KeyKind>& kinds);
/// "openssh", "pem", "pkcs8", "ppk": as --format of `fob export` has it.
std::string format_word(KeyFileFormat format);

/// "2026-11-21", here; empty for 0. `seconds` since 1970.
std::string day_of(std::uint64_t seconds);
/// "23:59:07", the same.
std::string clock_of(std::uint64_t seconds);

/// "alice@desk": the comment of a key that has none, as ssh-keygen has it. Empty where that cannot be told.
std::string default_comment();

/// `text` as one word for a shell: in quotes where something in it means something there.
std::string shell_word(std::string_view text);

/// "a, b, c".
std::string joined(const std::vector<std::string>& words);

/// Bits of sk_flags (PROTOCOL.u2f).
inline constexpr std::uint8_t flag_touch = 0x01;
inline constexpr std::uint8_t flag_pin = 0x04;
inline constexpr std::uint8_t flag_resident = 0x20;

}  // namespace fob::cli
