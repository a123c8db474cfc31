#include "agent/provider_policy.h"

#include <strings.h>

#include <climits>
#include <cstdlib>
#include <memory>

#include "protocol/error.h"
#include "protocol/pattern.h"

namespace fob {

std::string ProviderPolicy::resolve(const std::string& provider, bool is_remote) const {
  if (strcasecmp(provider.c_str(), "internal") == 0) return "internal";
  if (is_remote && !allow_remote) {
    throw Error(Errc::refused, "providers cannot be added over a forwarded connection (-O allow-remote-pkcs11)");
  }
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(provider.c_str(), nullptr), &std::free);
  if (!real) throw Error(Errc::refused, "no such provider: " + printable(provider));
  std::string path = real.get();
  if (!matches_pattern_list(path, allowed)) {
    throw Error(Errc::refused, "provider " + printable(path) + " is not allowed: the list is " + allowed + " (-P)");
  }
  return path;
}

}  // namespace fob
