#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/pkcs11_module.h"
#include "agent/provider_policy.h"

namespace fob {

/// The PKCS#11 modules that are known: those of p11-kit's configuration, of fob's own, and those that `ssh-add -s` or a
/// kept key has named. Each has a token host of its own, started when it is used; none is loaded here.
///
/// Threads: the main one only.
class Pkcs11Modules {
 public:
  using Shared = std::shared_ptr<Pkcs11Module>;

  Pkcs11Modules(asio::io_context& io, const Config::Pkcs11& config, ProviderPolicy policy);

  /// Called when the first module is named.
  std::function<void()> on_first_use;

  /// The module at a resolved path, which has passed the allow-list.
  Shared at(const std::string& path);
  /// The module that a kept key names: refused unless it passes the allow-list, or is configured or registered now.
  Awaitable<Shared> allowed(std::string path);
  /// Nullptr if it has not been used.
  Shared find(const std::string& path) const;
  /// Those that p11-kit's configuration registers now, and those of fob's.
  Awaitable<std::vector<Shared>> configured();
  /// The smartcard readers, as pcscd sees them; none where it does not run.
  Awaitable<std::vector<CardReader>> readers();

  /// Wipes PINs: on lock, suspend.
  void forget_pins();
  /// Ends all hosts; no module is used after that.
  void close_all();
  /// Hosts that have not ended yet.
  std::size_t running_hosts() const;

 private:
  const Config::Pkcs11::Module* settings_of(const std::string& path) const;

  asio::io_context& io_;
  Config::Pkcs11 config_;
  ProviderPolicy policy_;
  TokenClient registry_;  // asks p11-kit what is registered
  TokenClient readers_;
  std::map<std::string, Shared> modules_;  // by path
};

}  // namespace fob
