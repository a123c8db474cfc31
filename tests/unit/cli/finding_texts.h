#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "cli/finding.h"

namespace fob::test {

/// "id: what | remedy" of each.
inline std::vector<std::string> texts(const cli::Findings& findings) {
  std::vector<std::string> out;
  for (const cli::Finding& finding : findings) out.push_back(finding.id + ": " + finding.what + " | " + finding.remedy);
  return out;
}
/// The same of the only one.
inline std::string text(const cli::Findings& findings) {
  EXPECT_EQ(findings.size(), 1U) << testing::PrintToString(texts(findings));
  return findings.empty() ? "" : texts(findings)[0];
}
inline bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace fob::test
