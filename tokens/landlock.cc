#include "tokens/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "protocol/error.h"

namespace fob::sandbox {
namespace {

// Newer than the headers of Debian 12.
constexpr std::uint64_t access_truncate = 1ULL << 14;            // version 3
constexpr std::uint64_t access_ioctl_device = 1ULL << 15;        // version 5
constexpr std::uint64_t network_bind_and_connect = 3;            // version 4
constexpr std::uint64_t scope_abstract_sockets_and_signals = 3;  // version 6

/// struct landlock_ruleset_attr as of version 6; a kernel takes a prefix that it knows.
struct RulesetAttributes {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;
  std::uint64_t scoped = 0;
};

constexpr std::uint64_t access_read =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t access_device =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_DIR | access_ioctl_device;
/// Everything of version 1 that is not reading.
constexpr std::uint64_t access_change = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
/// What may be allowed for something that is not a folder.
constexpr std::uint64_t access_of_file = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
                                         LANDLOCK_ACCESS_FS_WRITE_FILE | access_truncate | access_ioctl_device;

/// An open descriptor, closed at the end.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }

 private:
  int number_;
};

RulesetAttributes attributes(long version) {
  RulesetAttributes out;
  out.handled_access_fs = access_change;
  if (version >= 2) out.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) out.handled_access_fs |= access_truncate;
  if (version >= 4) out.handled_access_net = network_bind_and_connect;
  if (version >= 5) out.handled_access_fs |= access_ioctl_device;
  if (version >= 6) out.scoped = scope_abstract_sockets_and_signals;
  return out;
}

std::size_t attributes_size(long version) {
  if (version >= 6) return sizeof(RulesetAttributes);
  return version >= 4 ? 2 * sizeof(std::uint64_t) : sizeof(std::uint64_t);
}

void allow(int ruleset, const std::string& path, std::uint64_t access) {
  const Descriptor parent(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (parent.get() < 0) return;
  const bool is_folder = faccessat(parent.get(), ".", F_OK, 0) == 0;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = is_folder ? access : access & access_of_file;
  rule.parent_fd = parent.get();
  if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
    throw_system_error("landlock_add_rule for " + path, errno);
  }
}

}  // namespace

bool restrict_paths(const AllowedPaths& allowed) {
  const long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return false;
  const RulesetAttributes wanted = attributes(version);
  const Descriptor ruleset(
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &wanted, attributes_size(version), 0)));
  if (ruleset.get() < 0) throw_system_error("landlock_create_ruleset", errno);
  const std::uint64_t handled = wanted.handled_access_fs;
  for (const std::string& path : allowed.readable) allow(ruleset.get(), path, access_read & handled);
  for (const std::string& path : allowed.devices) allow(ruleset.get(), path, access_device & handled);
  if (syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) throw_system_error("landlock_restrict_self", errno);
  return true;
}

}  // namespace fob::sandbox
