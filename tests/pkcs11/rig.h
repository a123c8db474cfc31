#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"
#include "tests/daemon/session.h"
#include "tests/daemon/test_key.h"
#include "tests/pkcs11/soft_hsm.h"
#include "tests/tokens/token_rig.h"

namespace fob {

/// An agent, a SoftHSM2, the module that wraps it and goes wrong on command, and a person who answers dialogs.
class Pkcs11Rig {
 public:
  struct Options {
    std::string config = {};  ///< TOML
    std::vector<std::string> arguments = {};
    bool registered = false;  ///< also what p11-kit registers on this machine
    std::string data_home = {};
    bool allow_module = true;  ///< -P that lets the wrapping module in
  };
  explicit Pkcs11Rig(Options options);
  Pkcs11Rig() : Pkcs11Rig(Options()) {}

  /// Starts the agent; before that `hsm` can be filled.
  void start();
  void stop() { daemon_.reset(); }
  /// For the agent that is started next.
  void configure(const std::string& toml) { options_.config = toml; }
  void forbid_module() { options_.allow_module = false; }
  Daemon& daemon() { return *daemon_; }
  SoftHsm& hsm() { return hsm_; }
  const TempDir& directory() const { return directory_; }
  /// The wrapping module's file.
  const std::string& module() const { return module_; }

  /// What the wrapping module does from now on (tests/virtual/pkcs11/control.h).
  void control(const std::string& lines);
  /// How often the module's function was called.
  std::size_t calls(const std::string& function) const;
  /// What the person types into askpass (a shell script's body), and what it was shown.
  void set_askpass(const std::string& script);
  std::string dialogs() const { return read_file(directory_.file("dialogs")); }
  std::size_t pin_dialogs() const;

  /// ssh-add -s of the wrapping module.
  bool add(const std::string& pin = "1234", Constraints constraints = {});
  bool add(Client& client, const std::string& path, const std::string& pin, Constraints constraints = {});
  bool remove();
  std::vector<IdentitiesAnswer::Identity> list();
  /// A signature by the key with this comment, verified with its public key.
  bool signs(const std::string& comment, std::uint32_t flags = 0);
  PublicKey key(const std::string& comment);
  /// The process that has the module loaded, or -1: never a number to send a signal to unseen, for -1 means everybody.
  pid_t host() const;
  /// Whether the agent ends that process soon: before it would for want of work (limits::token_host_rest).
  bool host_is_ended() const;
  /// Ends that process, if there is one.
  void kill_host() const;

 private:
  Options options_;
  TempDir directory_;
  SoftHsm hsm_;
  std::string module_;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace fob
