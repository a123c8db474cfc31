#include "protocol/pattern.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace fob {
namespace {

struct PatternVector {
  const char* text;
  const char* pattern;
  bool matches;
};

/// From OpenSSH's regress/unittests/match/tests.c.
const std::vector<PatternVector> openssh_patterns{
    {"", "", true},
    {"", "aaa", false},
    {"aaa", "", false},
    {"aaa", "aaaa", false},
    {"aaaa", "aaa", false},
    {"abc", "abc", true},
    {"abc", "abd", false},
    {"abc", "abcd", false},
    {"abcd", "abc", false},
    {"", "*", true},
    {"", "**", true},
    {"", "***", true},
    {"", "?", false},
    {"", "*?", false},
    {"", "?*", false},
    {"", "**a*", false},
    {"a", "?", true},
    {"aa", "a?", true},
    {"a", "*", true},
    {"aa", "a*", true},
    {"aa", "?*", true},
    {"aa", "?a", true},
    {"aa", "*a", true},
    {"ba", "a?", false},
    {"ba", "a*", false},
    {"ab", "?a", false},
    {"ab", "*a", false},
    {"aa", "**", true},
    {"ab", "a***b", true},
    {"axb", "a***b", true},
    {"axxb", "a***b", true},
    {"ax", "a***b", false},
    {"abbb", "a*b*b", true},
    {"abbb", "a*b*c", false},
    {"aaaaaaaaac", "a*a*a*a*b", false},
    {"aaaaaaaaab", "a*a*a*a*b", true},
    {"ab", "*b", true},
    {"ab", "*a*", true},
};

/// OpenSSH's first match_pattern(), as its unit test keeps it to compare with: slow where patterns are nasty, and
/// plain enough to be believed.
bool reference(const char* s, const char* pattern) {
  if (*pattern == '\0') return *s == '\0';
  if (*pattern == '*') return reference(s, pattern + 1) || (*s != '\0' && reference(s + 1, pattern));
  return *s != '\0' && (*pattern == '?' || *pattern == *s) && reference(s + 1, pattern + 1);
}

/// All words of `length` letters of `alphabet`.
std::vector<std::string> words(const std::string& alphabet, std::size_t length) {
  std::vector<std::string> out{""};
  for (std::size_t i = 0; i < length; ++i) {
    std::vector<std::string> longer;
    for (const std::string& word : out) {
      for (const char letter : alphabet) longer.push_back(word + letter);
    }
    out = std::move(longer);
  }
  return out;
}

TEST(MatchesPattern, AgreesWithOpenSshsVectors) {
  for (const PatternVector& vector : openssh_patterns) {
    EXPECT_EQ(matches_pattern(vector.text, vector.pattern), vector.matches) << vector.text << " " << vector.pattern;
  }
}

TEST(MatchesPattern, AgreesWithReferenceOnAllShortWords) {
  for (std::size_t text_length = 0; text_length < 5; ++text_length) {
    for (const std::string& text : words("abc", text_length)) {
      for (std::size_t length = 0; length < 6; ++length) {
        for (const std::string& pattern : words("ax?*", length)) {
          ASSERT_EQ(matches_pattern(text, pattern), reference(text.c_str(), pattern.c_str())) << text << " " << pattern;
        }
      }
    }
  }
}

TEST(MatchesPattern, TakesNoLongerForManyStars) {
  // A matcher that tries every way would need more than 10^30 steps.
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "a*";
  const std::string text(20'000, 'a');
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(matches_pattern(text, pattern + "b"));
  EXPECT_TRUE(matches_pattern(text, pattern));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(MatchesPattern, KeepsCase) { EXPECT_FALSE(matches_pattern("Host", "host")); }

TEST(MatchesPattern, TakesNulForAnyOtherCharacter) {
  EXPECT_FALSE(matches_pattern(std::string_view("ab\0c", 4), "ab"));
  EXPECT_TRUE(matches_pattern(std::string_view("ab\0c", 4), "ab*"));
}

/// From OpenSSH's unit test. Its 1 is a match; its 0 (none) and -1 (a negated one) are both no match here.
TEST(MatchesPatternList, AgreesWithOpenSshsVectors) {
  const std::vector<PatternVector> vectors{
      {"", "", false},       {"", "*", true},       {"", "!*", false},    {"", "!a,*", true},   {"", "*,!a", true},
      {"", "a,!*", false},   {"", "!*,a", false},   {"a", "", false},     {"a", "*", true},     {"a", "!*", false},
      {"a", "!a", false},    {"a", "!a,*", false},  {"b", "!a,*", true},  {"a", "*,!a", false}, {"b", "*,!a", true},
      {"a", "a,!*", false},  {"b", "a,!*", false},  {"a", "a,!a", false}, {"a", "!*,a", false}, {"b", "!*,a", false},
      {"abc", "ABC", false}, {"ABC", "abc", false},
  };
  for (const PatternVector& vector : vectors) {
    EXPECT_EQ(matches_pattern_list(vector.text, vector.pattern), vector.matches)
        << vector.text << " " << vector.pattern;
  }
}

TEST(MatchesPatternList, TakesEmptyElementsForTheEmptyText) {
  EXPECT_TRUE(matches_pattern_list("", ",a"));
  EXPECT_TRUE(matches_pattern_list("", "a,,b"));
  EXPECT_FALSE(matches_pattern_list("", "a,"));
  EXPECT_FALSE(matches_pattern_list("x", ","));
  EXPECT_TRUE(matches_pattern_list("x", ",x"));
  EXPECT_FALSE(matches_pattern_list("", "!,"));
}

TEST(MatchesPatternList, TakesPatternsWithCommasApart) {
  EXPECT_TRUE(matches_pattern_list("/usr/lib/x.so", "/usr/lib*/*,/usr/local/lib*/*"));
  EXPECT_TRUE(matches_pattern_list("/usr/local/lib64/x.so", "/usr/lib*/*,/usr/local/lib*/*"));
  EXPECT_FALSE(matches_pattern_list("/tmp/x.so", "/usr/lib*/*,/usr/local/lib*/*"));
}

TEST(Printable, KeepsPlainText) {
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("alice@example.org ~!"), "alice@example.org ~!");
}

TEST(Printable, KeepsUtf8) {
  const std::string text = "\u00e9\u00a0\u20ac\U0001f511\uffff\U0010ffff\ud7ff\ue000\u200a\u2010";
  EXPECT_EQ(printable(text), text);
}

TEST(Printable, HidesControlCharacters) {
  for (int c = 0; c < 0x20; ++c) EXPECT_EQ(printable(std::string(1, static_cast<char>(c))), "?") << c;
  EXPECT_EQ(printable("\x7f"), "?");
  EXPECT_EQ(printable("a\x1b[31mb\n"), "a?[31mb?");
  EXPECT_EQ(printable("\u0080\u0085\u009b\u009f"), "????");
}

TEST(Printable, HidesMarksThatTurnTheDirectionOfText) {
  for (const char* mark : {"\u061c", "\u200b", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202d", "\u202e",
                           "\u2066", "\u2067", "\u2068", "\u2069", "\ufeff"}) {
    EXPECT_EQ(printable(mark), "?") << mark;
  }
}

/// The ill-formed sequences of RFC 3629 §§3, 4 and 10, and truncated ones.
TEST(Printable, HidesInvalidUtf8) {
  EXPECT_EQ(printable("\x80"), "?");
  EXPECT_EQ(printable("\xbf"), "?");
  EXPECT_EQ(printable("\xff\xfe"), "??");
  EXPECT_EQ(printable("\xc0\x80"), "??");
  EXPECT_EQ(printable("\xc1\xbf"), "??");
  EXPECT_EQ(printable("\xe0\x9f\xbf"), "???");
  EXPECT_EQ(printable("\xed\xa0\x80"), "???");
  EXPECT_EQ(printable("\xed\xbf\xbf"), "???");
  EXPECT_EQ(printable("\xf0\x8f\xbf\xbf"), "????");
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "????");
  EXPECT_EQ(printable("\xf5\x80\x80\x80"), "????");
  EXPECT_EQ(printable("\xc3"), "?");
  EXPECT_EQ(printable("\xe2\x82"), "??");
  EXPECT_EQ(printable("\xf0\x9f\x94"), "???");
  EXPECT_EQ(printable("\xc3("), "?(");
  EXPECT_EQ(printable("\xe2\x28\xa1"), "?(?");
}

TEST(Printable, CutsLongText) {
  const std::string longest(256, 'a');
  EXPECT_EQ(printable(longest), longest);
  EXPECT_EQ(printable(longest + "a"), longest + "\u2026");
  EXPECT_EQ(printable(std::string(200'000, '\n')), std::string(256, '?') + "\u2026");
  EXPECT_EQ(printable("abcd", 3), "abc\u2026");
}

TEST(Printable, CutsBetweenCharacters) {
  std::string text(255, 'a');
  EXPECT_EQ(printable(text + "\u00e9"), text + "\u2026");
  text.pop_back();
  EXPECT_EQ(printable(text + "\u00e9"), text + "\u00e9");
}

}  // namespace
}  // namespace fob
