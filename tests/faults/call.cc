#include "tests/faults/call.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace fob::faults {
namespace {

// By their manual pages, and for what looks a path up: a folder's block that cannot be read (path_resolution(7) leaves
// EIO to the file system). fcntl(2), flock(2), lseek(2), mmap(2), getrandom(2), brk(2) and the like know none of the
// three errors, and are not here: they are killed only. ENOSPC of fsync(2) is that of blocks not allocated until then.

constexpr std::string_view that_fill_the_disk[] = {
    "write",     "writev",  "pwrite64",        "pwritev", "pwritev2", "copy_file_range", "sendfile",
    "fallocate", "fsync",   "fdatasync",       "rename",  "renameat", "renameat2",       "link",
    "linkat",    "symlink", "sync_file_range", "mkdir",   "mkdirat",  "symlinkat",
};
/// Beside the above, and open and openat.
constexpr std::string_view that_use_the_disk[] = {
    "ftruncate",  "truncate", "close", "fchmod", "chmod",   "fchmodat", "fchown",     "utimensat",  "unlink",
    "unlinkat",   "rmdir",    "read",  "readv",  "pread64", "access",   "getdents64", "readlink",   "readlinkat",
    "newfstatat", "statx",    "stat",  "lstat",  "statfs",  "fstatfs",  "faccessat",  "faccessat2",
};
/// Beside open and openat.
constexpr std::string_view that_make_a_descriptor[] = {
    "dup", "pipe2", "socket", "epoll_create1", "eventfd2", "timerfd_create", "memfd_create", "memfd_secret",
};

template <class Names>
bool is_among(std::string_view name, const Names& names) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool opens(std::string_view name) { return name == "open" || name == "openat"; }

bool makes_a_file(std::string_view name, const Call& call) {
  return opens(name) && (call.arguments[name == "open" ? 1 : 2] & O_CREAT) != 0;
}

}  // namespace

std::string name_of(const Call& call) {
  const std::unique_ptr<char, void (*)(void*)> name(
      seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, static_cast<int>(call.number)), free);
  return name ? name.get() : std::to_string(call.number);
}

std::vector<int> errors_of(const Call& call) {
  const std::string name = name_of(call);
  const bool fills = is_among(name, that_fill_the_disk);
  std::vector<int> out;
  if (fills || makes_a_file(name, call)) out.push_back(ENOSPC);
  if (fills || opens(name) || is_among(name, that_use_the_disk)) out.push_back(EIO);
  if (opens(name) || is_among(name, that_make_a_descriptor)) out.push_back(EMFILE);
  return out;
}

bool can_fail_with(const Call& call, int error) {
  const std::vector<int> errors = errors_of(call);
  return std::find(errors.begin(), errors.end(), error) != errors.end();
}

bool acts_though_it_fails(const Call& call) { return name_of(call) == "close"; }

bool can_be_cut(const Call& call) {
  const std::string name = name_of(call);
  return (name == "write" || name == "pwrite64") && call.arguments[2] > 1;
}

std::string name_of_error(int error) {
  const char* name = strerrorname_np(error);
  return name != nullptr ? name : std::to_string(error);
}

}  // namespace fob::faults
