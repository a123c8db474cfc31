// The system calls of another process: what they are, and how they can fail.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace fob::faults {

/// A system call as it was about to be made.
struct Call {
  std::uint64_t number = 0;
  std::array<std::uint64_t, 6> arguments{};
};

/// As in its manual page: "pwrite64". A number where libseccomp knows none.
std::string name_of(const Call& call);

/// The errors of ENOSPC, EIO and EMFILE with which Linux may answer this call. Empty: it can only be killed.
std::vector<int> errors_of(const Call& call);
bool can_fail_with(const Call& call, int error);
/// Whether the kernel does what is asked even where it answers with an error: close(2) lets go of the descriptor.
bool acts_though_it_fails(const Call& call);
/// Whether it may write less than it was given, as it does when the disk gets full within it, or the process is killed.
bool can_be_cut(const Call& call);

/// "ENOSPC".
std::string name_of_error(int error);

}  // namespace fob::faults
