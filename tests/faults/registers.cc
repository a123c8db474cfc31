#include "tests/faults/registers.h"

#include <elf.h>
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "protocol/error.h"

namespace fob::faults {
namespace {

#if defined(__x86_64__) || defined(__aarch64__)
/// Changes the general registers of `thread`.
template <class Change>
void change_registers(pid_t thread, Change change) {
  user_regs_struct registers{};
  iovec place{&registers, sizeof(registers)};
  if (ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &place) != 0) throw_system_error("cannot read registers", errno);
  change(registers);
  if (ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &place) != 0) throw_system_error("cannot set registers", errno);
}
#endif

}  // namespace

#if defined(__x86_64__)

bool knows_registers() { return true; }

void skip_call(pid_t thread) {
  change_registers(thread, [](user_regs_struct& registers) { registers.orig_rax = ~0ULL; });
}

void set_third_argument(pid_t thread, std::uint64_t value) {
  change_registers(thread, [&](user_regs_struct& registers) { registers.rdx = value; });
}

void set_result(pid_t thread, std::int64_t value) {
  change_registers(thread,
                   [&](user_regs_struct& registers) { registers.rax = static_cast<unsigned long long>(value); });
}

#elif defined(__aarch64__)

bool knows_registers() { return true; }

void skip_call(pid_t thread) {
  int number = -1;
  iovec place{&number, sizeof(number)};
  if (ptrace(PTRACE_SETREGSET, thread, NT_ARM_SYSTEM_CALL, &place) != 0) {
    throw_system_error("cannot skip a system call", errno);
  }
}

void set_third_argument(pid_t thread, std::uint64_t value) {
  change_registers(thread, [&](user_regs_struct& registers) { registers.regs[2] = value; });
}

void set_result(pid_t thread, std::int64_t value) {
  change_registers(thread,
                   [&](user_regs_struct& registers) { registers.regs[0] = static_cast<unsigned long long>(value); });
}

#else

bool knows_registers() { return false; }
void skip_call(pid_t) { throw Error(Errc::unsupported, "the registers of this machine are not known"); }
void set_third_argument(pid_t thread, std::uint64_t) { skip_call(thread); }
void set_result(pid_t thread, std::int64_t) { skip_call(thread); }

#endif

}  // namespace fob::faults
