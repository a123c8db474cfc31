#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/finding.h"
#include "protocol/sshsig.h"

namespace fob::cli {

/// What --json prints of the commands that deal with other programs and hosts; as json.h.

/// Of `fob sign`; `path` is empty where the signature goes to standard output.
std::string json_of_signed(const Sshsig& sshsig, const std::string& key_name, const std::string& path);

/// Of `fob verify`; `key_name` is empty unless the key is one of the agent's, `identity` unless it was checked.
std::string json_of_verified(const Sshsig& sshsig, const std::string& key_name, const std::string& identity);

/// What `fob authorize` has done.
struct Authorized {
  std::string key_name;
  std::string place;                ///< "alice@build-host"
  bool added = false;               ///< else the key was there already
  std::string options;              ///< then those of its line: "restrict"
  std::vector<std::string> mended;  ///< files there that others could write to
  std::string fault;                ///< why a login with the key fails; empty: it does not
  /// The methods of which the server wants one beside the key: "password".
  std::vector<std::string> also_wants{};
};
std::string json_of(const Authorized& authorized);

/// One setting that `fob git setup` makes.
struct GitSetting {
  std::string name;
  std::string before;  ///< empty: it was not set
  std::string now;
};
std::string json_of_git(const std::string& key_name, const std::string& scope, const std::vector<GitSetting>& settings);

/// Of `fob doctor`; `host` is empty where none was asked about.
std::string json_of(const std::vector<Finding>& findings, const std::string& host);

}  // namespace fob::cli
