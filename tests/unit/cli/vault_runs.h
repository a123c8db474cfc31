#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/cli/fake_agent.h"
#include "tests/unit/cli/fob_process.h"
#include "tests/unit/cli/samples.h"

namespace fob::test {

/// Runs of fob with an agent that has a vault: serve_vault.

/// The outcome of a run, and the last request that is of type `Wanted`.
template <class Wanted>
std::pair<FobOutcome, std::optional<Wanted>> run_and_get(const std::vector<std::string>& arguments) {
  std::pair<FobOutcome, std::optional<Wanted>> out;
  FakeAgent agent([&](const control::Request& request, Peer& peer) {
    if (const auto* wanted = std::get_if<Wanted>(&request)) out.second = *wanted;
    serve_vault(request, peer);
  });
  out.first = run_fob(arguments, {agent.environment()});
  return out;
}

inline FobOutcome run_with_agent(const std::vector<std::string>& arguments) {
  FakeAgent agent(serve_vault);
  return run_fob(arguments, {agent.environment()});
}

/// The line is refused with status 2, and with a sentence that has `reason`, before the agent hears of it.
inline void expect_refused(const std::vector<std::string>& line, const std::string& reason) {
  FakeAgent agent(serve_vault);
  const FobOutcome outcome = run_fob(line, {agent.environment()});
  EXPECT_EQ(outcome.status, 2) << outcome.err;
  EXPECT_NE(outcome.err.find(reason), std::string::npos) << outcome.err;
  EXPECT_EQ(agent.requests(), 0U);
}

/// What is shown of a new recovery code.
inline const std::string code_for_people =
    "\nRecovery code:  " + std::string(sample_recovery_code) +
    "\n\nIt opens the vault when passphrase and tokens are lost. Keep it on paper: it is not shown again.\n";
inline const std::string code_warning =
    "recovery_code opens the vault when passphrase and tokens are lost; it is not shown again.\n";

}  // namespace fob::test
