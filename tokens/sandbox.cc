#include "tokens/sandbox.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "tokens/landlock.h"

namespace fob::sandbox {
namespace {

#ifdef FOB_INSTRUMENTED
constexpr bool instrumented = true;
#else
constexpr bool instrumented = false;
#endif

struct FilterDeleter {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, FilterDeleter>;

/// What libfido2, OpenSSL, libc and the host's loop call over open descriptors, and what an abort calls.
constexpr int fido_calls[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(flock),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(lseek),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(getrandom),
    SCMP_SYS(brk),
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(mprotect),
    SCMP_SYS(madvise),
    SCMP_SYS(mlock),
    SCMP_SYS(memfd_secret),
    SCMP_SYS(ftruncate),
    SCMP_SYS(futex),
    SCMP_SYS(sched_yield),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

/// What no library has business with; it gets EPERM.
constexpr int middleware_refused[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(kill),
    SCMP_SYS(tkill),
    SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(rt_tgsigqueueinfo),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(process_madvise),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(kcmp),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsmount),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
};

void check(int result, const char* what) {
  if (result < 0) throw_system_error(what, -result);
}

Filter new_filter(std::uint32_t default_action) {
  Filter out(seccomp_init(default_action));
  if (!out) throw Error(Errc::system, "seccomp_init failed");
  return out;
}

void load(const Filter& filter) { check(seccomp_load(filter.get()), "cannot load the seccomp filter"); }

/// What happens to signals for processes whose number compares so with our own.
void add_signal_rule(const Filter& filter, std::uint32_t action, scmp_compare comparison) {
  const scmp_arg_cmp receiver{0, comparison, static_cast<scmp_datum_t>(getpid()), 0};
  check(seccomp_rule_add_array(filter.get(), action, SCMP_SYS(tgkill), 1, &receiver), "seccomp_rule_add");
}

void filter_fido_calls() {
  const Filter filter = new_filter(SCMP_ACT_KILL_PROCESS);
  for (const int call : fido_calls) check(seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0), "seccomp_rule_add");
  // abort(3) signals its own process, and nobody may signal another's: the agent has the same user.
  add_signal_rule(filter, SCMP_ACT_ALLOW, SCMP_CMP_EQ);
  load(filter);
}

void refuse_family(const Filter& filter, scmp_compare comparison, unsigned family) {
  const scmp_arg_cmp first_argument{0, comparison, family, 0};
  const int result =
      seccomp_rule_add_array(filter.get(), SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, &first_argument);
  check(result, "seccomp_rule_add");
}

enum class Network { none, internet };

void filter_middleware_calls(Network network) {
  const Filter filter = new_filter(SCMP_ACT_ALLOW);
  const std::uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
  for (const int call : middleware_refused) check(seccomp_rule_add(filter.get(), refuse, call, 0), "seccomp_rule_add");
  add_signal_rule(filter, refuse, SCMP_CMP_NE);
  // The rules are alternatives, so "none of these" takes ranges.
  static_assert(AF_UNIX < AF_INET && AF_INET < AF_INET6 && AF_INET6 < AF_NETLINK);
  refuse_family(filter, SCMP_CMP_LT, AF_UNIX);
  refuse_family(filter, SCMP_CMP_GT, AF_NETLINK);
  for (unsigned family = AF_UNIX + 1; family < AF_NETLINK; ++family) {
    const bool is_internet = family == AF_INET || family == AF_INET6;
    if (!is_internet || network == Network::none) refuse_family(filter, SCMP_CMP_EQ, family);
  }
  load(filter);
}

void limit(__rlimit_resource resource, rlim_t most, const char* name) {
  const rlimit value{most, most};
  if (setrlimit(resource, &value) != 0) throw_system_error(std::string("setrlimit(") + name + ")", errno);
}

void confine(unsigned last_descriptor) {
  close_range(last_descriptor + 1, ~0U, 0);
  limit(RLIMIT_CORE, 0, "RLIMIT_CORE");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw_system_error("prctl(PR_SET_NO_NEW_PRIVS)", errno);
  if (instrumented) return;
  if (prctl(PR_SET_DUMPABLE, 0) != 0) throw_system_error("prctl(PR_SET_DUMPABLE)", errno);
}

}  // namespace

void enter_fido(unsigned last_descriptor) {
  confine(last_descriptor);
  if (instrumented) return;
  limit(RLIMIT_AS, limits::token_host_memory_bytes, "RLIMIT_AS");
  restrict_paths({});
  filter_fido_calls();
}

void enter_middleware(unsigned last_descriptor, const std::string& library) {
  confine(last_descriptor);
  if (instrumented) return;
  AllowedPaths allowed;
  allowed.readable = {"/usr", "/lib", "/lib32", "/lib64", "/etc", "/sys", "/run/udev", "/proc/self", "/opt"};
  allowed.readable.push_back(std::filesystem::path(library).parent_path());
  allowed.devices = {"/dev"};
  restrict_paths(allowed);
  filter_middleware_calls(Network::none);
}

void enter_pkcs11(unsigned last_descriptor, bool network) {
  confine(last_descriptor);
  if (instrumented) return;
  filter_middleware_calls(network ? Network::internet : Network::none);
}

void enter_lister(unsigned last_descriptor) {
  confine(last_descriptor);
  if (instrumented) return;
  AllowedPaths allowed;
  allowed.readable = {"/"};
  restrict_paths(allowed);
  filter_middleware_calls(Network::none);
}

}  // namespace fob::sandbox
