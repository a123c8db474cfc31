#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace fob {

/// What the configuration file says (fob-agent.toml(5)); without one, what is written here.
struct Config {
  struct Fido {
    /// A token that is reached over a Unix stream socket.
    struct Socket {
      std::string path;  ///< absolute
      std::string name;  ///< product, for people; may be empty
      std::string serial;
    };
    std::chrono::seconds pin_cache{0};  ///< how long a PIN is kept; 0: not at all
    std::vector<Socket> sockets;
  };
  struct Pkcs11 {
    struct Module {
      std::string path;                      ///< absolute
      std::string name;                      ///< for people; may be empty
      std::vector<std::string> environment;  ///< "NAME=value", for its token host alone
      bool network = true;                   ///< may open network connections
    };
    std::chrono::seconds pin_cache{0};
    bool registered = true;  ///< use what p11-kit's configuration registers
    std::vector<Module> modules;
  };
  struct Prompt {
    enum class Program { askpass, pinentry };
    Program program = Program::askpass;
    std::string pinentry = "/usr/bin/pinentry";
    bool notifications = true;
  };
  struct Vault {
    std::string path;                       ///< empty: default_vault_path()
    std::chrono::seconds lock_after{3600};  ///< without use; 0: never
    bool lock_on_sleep = true;
    bool lock_on_screen_lock = true;
    bool lock_on_agent_lock = true;  ///< ssh-add -x
    bool lock_on_sigusr1 = true;
    bool lock_on_idle = false;  ///< when logind says that the session is
  };

  Fido fido;
  Pkcs11 pkcs11;
  Prompt prompt;
  Vault vault;
};

/// Reads the file of -O config=FILE, or, where `explicit_path` is empty, $XDG_CONFIG_HOME/fob/agent.toml, else
/// HOME/.config/fob/agent.toml; that one may be missing.
///
/// Throws malformed (with file and line), too_large, refused (the file is writable by others than this user and root,
/// or no regular file), system.
Config load_config(const std::string& explicit_path);

}  // namespace fob
