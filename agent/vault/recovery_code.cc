#include "agent/vault/recovery_code.h"

#include <sodium.h>

#include <algorithm>
#include <string_view>

#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {
namespace {

/// RFC 4648 §6.
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::size_t letter_bits = 5;
constexpr std::size_t secret_letters = recovery_secret_bytes * 8 / letter_bits;
constexpr std::size_t check_letters = 4;
constexpr std::size_t letters = secret_letters + check_letters;
constexpr std::size_t group_letters = 4;
static_assert(letters + letters / group_letters - 1 == limits::recovery_code_bytes);

/// The secret, and behind it its check sum, filled up to whole bytes: 20 bits of 24 count.
SecretBytes with_check_sum(ByteView secret) {
  SecretBytes digest(crypto_hash_sha256_BYTES);
  crypto_hash_sha256(digest.data(), secret.data(), secret.size());
  SecretBytes out(recovery_secret_bytes + 3);
  std::copy(secret.begin(), secret.end(), out.data());
  std::copy_n(digest.data(), 3, out.data() + recovery_secret_bytes);
  return out;
}

/// The `number`th five bits of `bytes`.
unsigned value_at(const SecretBytes& bytes, std::size_t number) {
  unsigned out = 0;
  for (std::size_t bit = number * letter_bits; bit < (number + 1) * letter_bits; ++bit) {
    out = out << 1 | ((unsigned{bytes.data()[bit / 8]} >> (7 - bit % 8)) & 1U);
  }
  return out;
}

/// Nothing where base32 has no such letter.
std::optional<unsigned> value_of(char typed) {
  if (typed >= 'a' && typed <= 'z') typed = static_cast<char>(typed - 'a' + 'A');
  if (typed == '0') typed = 'O';
  if (typed == '1') typed = 'I';
  if (typed == '8') typed = 'B';
  const std::size_t found = alphabet.find(typed);
  if (found == std::string_view::npos) return std::nullopt;
  return static_cast<unsigned>(found);
}

bool counts(char typed) { return typed != '-' && typed != ' ' && typed != '\t'; }

/// The values of the letters, one in each byte. Nothing where a letter is wrong or their number.
std::optional<SecretBytes> values_of(ByteView typed) {
  SecretBytes out(letters);
  std::size_t count = 0;
  for (const char letter : as_text(typed)) {
    if (!counts(letter)) continue;
    const std::optional<unsigned> value = value_of(letter);
    if (!value || count == letters) return std::nullopt;
    out.data()[count++] = static_cast<std::uint8_t>(*value);
  }
  if (count != letters) return std::nullopt;
  return out;
}

}  // namespace

SecretBytes new_recovery_secret() {
  SecretBytes out(recovery_secret_bytes);
  randombytes_buf(out.data(), out.size());
  return out;
}

SecretBytes recovery_code_of(const SecretBytes& secret) {
  if (secret.size() != recovery_secret_bytes) throw Error(Errc::system, "a recovery code of another size");
  const SecretBytes bytes = with_check_sum(secret.view());
  SecretBytes out(limits::recovery_code_bytes);
  std::size_t at = 0;
  for (std::size_t i = 0; i < letters; ++i) {
    if (i > 0 && i % group_letters == 0) out.data()[at++] = '-';
    out.data()[at++] = static_cast<std::uint8_t>(alphabet[value_at(bytes, i)]);
  }
  return out;
}

std::optional<SecretBytes> parse_recovery_code(ByteView typed) {
  const std::optional<SecretBytes> values = values_of(typed);
  if (!values) return std::nullopt;
  SecretBytes secret(recovery_secret_bytes);
  for (std::size_t bit = 0; bit < recovery_secret_bytes * 8; ++bit) {
    const unsigned value = unsigned{values->data()[bit / letter_bits]} >> (letter_bits - 1 - bit % letter_bits) & 1U;
    secret.data()[bit / 8] = static_cast<std::uint8_t>(unsigned{secret.data()[bit / 8]} << 1 | value);
  }
  const SecretBytes right = with_check_sum(secret.view());
  for (std::size_t i = secret_letters; i < letters; ++i) {
    if (values->data()[i] != value_at(right, i)) return std::nullopt;
  }
  return secret;
}

}  // namespace fob
