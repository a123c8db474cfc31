// A stopped process's registers, where ptrace(2) differs from one machine to the next.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace fob::faults {

/// Whether this program was built for a machine whose registers it knows.
bool knows_registers();

// Each throws Error{Errc::system} where the process is gone.

/// At the entry of a system call: it is not made; its answer is given at its end.
void skip_call(pid_t thread);
/// At the entry: the third argument.
void set_third_argument(pid_t thread, std::uint64_t value);
/// At its end: what it answers.
void set_result(pid_t thread, std::int64_t value);

}  // namespace fob::faults
