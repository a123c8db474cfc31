#pragma once

#include <string>

namespace fob {

/// Which provider libraries may be loaded, from where (ssh-agent(1), -P and -O allow-remote-pkcs11).
struct ProviderPolicy {
  std::string allowed = "/usr/lib*/*,/usr/local/lib*/*";  ///< pattern list, against the resolved path
  bool allow_remote = false;

  /// The resolved path of an SK provider, or "internal"; throws refused.
  std::string resolve(const std::string& provider, bool is_remote) const;
  /// The resolved path of a library; throws refused. Nobody but root and this user may be able to replace it.
  std::string resolve_library(const std::string& path, bool is_remote) const;
};

}  // namespace fob
