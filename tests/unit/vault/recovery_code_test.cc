#include "agent/vault/recovery_code.h"

#include <gtest/gtest.h>

#include <string>

#include "protocol/limits.h"

namespace fob {
namespace {

SecretBytes secret_of(std::string_view text) { return SecretBytes(as_bytes(text)); }
std::string code_of(std::string_view text) { return std::string(as_text(recovery_code_of(secret_of(text)).view())); }
std::optional<SecretBytes> parse(std::string_view typed) { return parse_recovery_code(as_bytes(typed)); }

constexpr char some[] = "twenty bytes of code";

/// Made with coreutils: `printf %s 'twenty bytes of code' | base32`, and the first 20 bits of `sha256sum`.
TEST(RecoveryCode, IsBase32InGroupsWithACheckSum) {
  EXPECT_EQ(code_of(some), "OR3W-K3TU-PEQG-E6LU-MVZS-A33G-EBRW-6ZDF-DSLF");
  EXPECT_EQ(code_of(some).size(), limits::recovery_code_bytes);
  EXPECT_EQ(code_of(std::string(20, '\0')).substr(0, 39), "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA");
  EXPECT_EQ(code_of(std::string(20, '\xff')).substr(0, 39), "7777-7777-7777-7777-7777-7777-7777-7777");
}

TEST(RecoveryCode, GivesItsSecretBack) {
  for (int i = 0; i < 100; ++i) {
    const SecretBytes secret = new_recovery_secret();
    ASSERT_EQ(secret.size(), recovery_secret_bytes);
    EXPECT_EQ(parse_recovery_code(recovery_code_of(secret).view()), secret);
  }
  EXPECT_FALSE(new_recovery_secret() == new_recovery_secret());
}

TEST(RecoveryCode, IsReadAsPeopleTypeIt) {
  const std::string code = code_of(some);
  std::string small;
  std::string bare;
  std::string spaced;
  std::string similar;
  for (const char letter : code) {
    small += static_cast<char>(letter >= 'A' ? letter - 'A' + 'a' : letter);
    if (letter != '-') bare += letter;
    spaced += letter == '-' ? std::string(" ") : std::string(1, letter) + " ";
    similar += letter == 'O' ? '0' : letter == 'I' ? '1' : letter == 'B' ? '8' : letter;
  }
  ASSERT_NE(similar, code);
  for (const std::string& typed : {small, bare, spaced, similar, "  " + code + "\t", "-" + bare + "-"}) {
    EXPECT_EQ(parse(typed), secret_of(some)) << typed;
  }
}

TEST(RecoveryCode, NoticesOneWrongLetter) {
  const std::string code = code_of(some);
  for (std::size_t at = 0; at < code.size(); ++at) {
    if (code[at] == '-') continue;
    for (const char letter : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")) {
      std::string typed = code;
      typed[at] = letter;
      EXPECT_EQ(parse(typed).has_value(), letter == code[at]) << typed;
    }
  }
}

TEST(RecoveryCode, NoticesLettersThatChangedPlaces) {
  const std::string code = code_of(some);
  for (std::size_t a = 0; a < code.size(); ++a) {
    for (std::size_t b = a + 1; b < code.size(); ++b) {
      if (code[a] == code[b] || code[a] == '-' || code[b] == '-') continue;
      std::string typed = code;
      std::swap(typed[a], typed[b]);
      EXPECT_FALSE(parse(typed).has_value()) << typed;
    }
  }
}

TEST(RecoveryCode, NoticesWhatIsMissingOrTooMuch) {
  const std::string code = code_of(some);
  for (std::size_t at = 0; at < code.size(); ++at) {
    if (code[at] == '-') continue;
    EXPECT_FALSE(parse(code.substr(0, at)).has_value());
    EXPECT_FALSE(parse(std::string(code).erase(at, 1)).has_value());
    EXPECT_FALSE(parse(std::string(code).insert(at, 1, 'A')).has_value());
    std::string typed = code;
    for (const char letter : std::string_view("9_.,!\0\n\x80\xc3", 9)) {
      typed[at] = letter;
      EXPECT_FALSE(parse(typed).has_value()) << typed;
    }
  }
  EXPECT_FALSE(parse("").has_value());
  EXPECT_FALSE(parse(std::string(100'000, '-')).has_value());
  EXPECT_FALSE(parse(std::string(100'000, 'A')).has_value());
}

}  // namespace
}  // namespace fob
