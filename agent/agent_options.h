#pragma once

#include <cstdint>
#include <optional>

#include "agent/provider_policy.h"
#include "protocol/fingerprint.h"

namespace fob {

/// What the command line decides about requests.
struct AgentOptions {
  Hash fingerprint_hash = Hash::sha256;                   ///< -E
  std::optional<std::uint32_t> default_lifetime_seconds;  ///< -t
  ProviderPolicy providers;                               ///< -P, -O allow-remote-pkcs11
  bool allow_remote_management = false;                   ///< -O allow-remote-management
  bool restrict_websafe = true;                           ///< cleared by -O no-restrict-websafe
  std::string websafe_allow = "ssh:*";                    ///< -O websafe-allow: applications that may sign anything
};

}  // namespace fob
