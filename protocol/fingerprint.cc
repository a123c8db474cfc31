#include "protocol/fingerprint.h"

#include <algorithm>
#include <array>

#include "protocol/base64.h"
#include "protocol/evp.h"

namespace fob {
namespace {

constexpr int columns = 17;
constexpr int rows = 9;
/// What a field shows after so many visits; the last two mark the start and the end.
constexpr std::string_view shades = " .o+=*BOX@%&#/^SE";
constexpr std::uint8_t start_mark = shades.size() - 2;
constexpr std::uint8_t end_mark = shades.size() - 1;

using Field = std::array<std::array<std::uint8_t, columns>, rows>;

/// The bishop takes one diagonal step for each two bits, low bits first, and slides along the walls.
Field walk(ByteView digest) {
  Field field{};
  int x = columns / 2;
  int y = rows / 2;
  for (unsigned byte : digest) {
    for (int step = 0; step < 4; ++step, byte >>= 2) {
      x = std::clamp(x + ((byte & 1) != 0 ? 1 : -1), 0, columns - 1);
      y = std::clamp(y + ((byte & 2) != 0 ? 1 : -1), 0, rows - 1);
      std::uint8_t& visits = field[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)];
      if (visits < start_mark - 1) ++visits;
    }
  }
  field[rows / 2][columns / 2] = start_mark;
  field[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)] = end_mark;
  return field;
}

std::string border(const std::string& title) {
  const std::size_t before = (columns - title.size()) / 2;
  return '+' + std::string(before, '-') + title + std::string(columns - before - title.size(), '-') + '+';
}

}  // namespace

std::string fingerprint(const PublicKey& key, Hash hash) {
  const Digest digest(hash, key.plain_blob());
  if (hash != Hash::md5) {
    const std::string padded = encode_base64(digest.view());
    return std::string(name_of(hash)).append(1, ':').append(padded, 0, padded.find('='));
  }
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "MD5";
  for (const std::uint8_t byte : digest.view()) {
    out += ':';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::string randomart(const PublicKey& key, Hash hash) {
  std::string title = '[' + key.display_type() + ' ' + std::to_string(key.bits()) + ']';
  if (title.size() > columns) title = '[' + key.display_type() + ']';
  // ssh-keygen's buffer is one too small: "[ED25519-SK-CERT-".
  title = title.substr(0, columns - 1);
  std::string out = border(title) + '\n';
  for (const auto& row : walk(Digest(hash, key.plain_blob()).view())) {
    out += '|';
    for (const std::uint8_t visits : row) out += shades[visits];
    out += "|\n";
  }
  return out + border('[' + std::string(name_of(hash)) + ']');
}

}  // namespace fob
