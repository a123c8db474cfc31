// One operation under every fault at every one of its system calls.
#pragma once

#include <array>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/faults/tracer.h"

namespace fob::faults {

/// What a run with a fault came to. `old_state` and `new_state` are what the check calls "old" and "new".
enum class Verdict {
  sound,    ///< the old state or the new one; after success the new one, after an error the old one
  late,     ///< an error was told, and yet the new state is there: nothing is lost
  untrue,   ///< success was told, and the old state is there
  half,     ///< neither the old state nor the new one, but nothing is gone for good
  lost,     ///< something that was there before and should be there after is gone, or cannot be opened
  crashed,  ///< the operation ended by a signal of its own making
  missed,   ///< the fault could not be injected: the run was not like the first one
};
inline constexpr std::size_t verdicts = 7;

struct Campaign {
  std::string name;
  std::string fixture;  ///< a folder
  /// What is run in a folder, which is a fresh copy of `fixture` for each run. Its status is 0 where it did what it
  /// should.
  std::function<Program(const std::string& folder)> operation;
  /// Writes "old", "new", "half …" or "lost …", with status 0. Run after each operation, in a process of its own.
  std::function<Program(const std::string& folder)> check;
  bool marked = true;  ///< see tracer.h
  /// Whose failure may come too late; see Verdict::late.
  std::set<std::string> late_calls;
};

struct Tally {
  std::size_t calls = 0;     ///< of the run without a fault
  std::size_t kills = 0;     ///< runs that were killed
  std::size_t failures = 0;  ///< runs in which calls failed
  std::array<std::size_t, verdicts> count{};
  std::set<std::size_t> losing_calls;  ///< those at which one fault or more was Verdict::lost
  std::vector<std::string> details;    ///< a line for each fault that was not sound

  std::size_t of(Verdict verdict) const { return count[static_cast<std::size_t>(verdict)]; }
  bool all_sound() const;    ///< but for what came late where it may
  std::size_t too_late = 0;  ///< late, at other calls than Campaign::late_calls
};

/// Throws malformed where the operation or its check does not even work without a fault; unsupported; system.
Tally carry_out(const Campaign& campaign);

/// A table of operations on the standard output, with a line for all that was not sound.
void print_heading();
void print(const std::string& name, const Tally& tally);

}  // namespace fob::faults
