#include "agent/provider_policy.h"

#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>

#include "protocol/error.h"
#include "protocol/pattern.h"

namespace fob {

namespace {

/// Whoever may change a folder on the way, or the library, chooses what is loaded.
void check_owners(const std::string& path) {
  for (std::size_t end = 1; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string part = path.substr(0, end);
    struct stat status {};
    if (stat(part.c_str(), &status) != 0) throw_system_error("cannot look at " + printable(part), errno);
    if (status.st_uid != 0 && status.st_uid != geteuid()) {
      throw Error(Errc::refused, printable(part) + " belongs to user " + std::to_string(status.st_uid) +
                                     ", who could have another library loaded; wanted root or this user");
    }
    const bool sticky = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
    if ((status.st_mode & S_IWOTH) != 0 && !sticky) {
      throw Error(Errc::refused, "everybody can write to " + printable(part) + ": no library is loaded from there");
    }
  }
}

}  // namespace

std::string ProviderPolicy::resolve(const std::string& provider, bool is_remote) const {
  if (strcasecmp(provider.c_str(), "internal") == 0) return "internal";
  return resolve_library(provider, is_remote);
}

std::string ProviderPolicy::resolve_library(const std::string& provider, bool is_remote) const {
  if (is_remote && !allow_remote) {
    throw Error(Errc::refused, "providers cannot be added over a forwarded connection (-O allow-remote-pkcs11)");
  }
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(provider.c_str(), nullptr), &std::free);
  if (!real) throw Error(Errc::refused, "no such provider: " + printable(provider));
  std::string path = real.get();
  if (!matches_pattern_list(path, allowed)) {
    throw Error(Errc::refused, "provider " + printable(path) + " is not allowed: the list is " + allowed + " (-P)");
  }
  check_owners(path);
  return path;
}

}  // namespace fob
