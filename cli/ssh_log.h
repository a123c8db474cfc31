#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fob::cli {

/// A login as `ssh -v` or `-vv` tells of it, taken apart. The texts are ssh's and the server's, not yet printable.
struct SshLog {
  struct Key {
    std::string name;         ///< its file; of a key that only the agent has, its comment
    std::string type;         ///< "ED25519", "RSA-CERT"
    std::string fingerprint;  ///< "SHA256:…"
    bool of_agent = false;
    bool unusable = false;  ///< the server takes none of the signatures that ssh can make with it
    bool accepted = false;  ///< the server would take it
    bool refused = false;   ///< then who has it would not sign
    bool rejected = false;  ///< or it signed, and was not let in
    bool passed = false;    ///< or it was let in so far, and something else is wanted beside
    std::string fault;      ///< or why its file cannot be read: "bad permissions"
  };
  /// Of a key that ssh could not show to the server.
  struct BadFile {
    std::string path;
    std::string fault;  ///< "invalid format", "bad permissions"
  };
  /// What ended it.
  enum class End {
    unknown,
    logged_in,
    bad_configuration,    ///< ssh's own files
    unresolved,           ///< no address
    unreachable,          ///< no answer
    hung_up,              ///< the server ended it before the login
    no_common_algorithm,  ///< for the connection itself
    host_key_unknown,
    host_key_changed,
    too_many_failures,
    denied,
  };

  End end = End::unknown;
  bool greeted = false;                        ///< a server answered
  std::string reason;                          ///< what ssh says of the end, or of the file that it does not like
  std::string known_in;                        ///< the file with the other host key, for host_key_changed
  std::vector<Key> offered;                    ///< in order
  std::vector<std::string> skipped;            ///< fingerprints of keys that ssh's configuration lets not be used
  std::vector<std::string> untried;            ///< files of keys that ssh could not use: not there, or encrypted
  std::vector<BadFile> unreadable;             ///< or for another reason
  std::vector<std::string> server_algorithms;  ///< of signatures, as far as the server says (server-sig-algs)
  std::vector<std::string> methods;            ///< by which one may go on: "publickey", "password"

  bool answered = false;  ///< after the login: the command ended there, or is not wanted

  bool logged_in() const { return end == End::logged_in; }
  /// The one that opened the door, or that the server took at least; nullptr: none.
  const Key* accepted() const;
};

/// Of any text; what is not known is passed over, and so is what follows a login but for `answered`.
SshLog parse_ssh_log(std::string_view text);

}  // namespace fob::cli
