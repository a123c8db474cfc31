#pragma once

#include <optional>
#include <string>

#include "cli/command_line.h"
#include "cli/services.h"
#include "protocol/control_request.h"

namespace fob::cli {

/// What the command line of `fob new` says.
struct NewOptions {
  bool json = false;
  bool yes = false;      ///< nothing is to be asked
  bool copy = false;     ///< the public key goes to the clipboard
  bool decided = false;  ///< some option says what would be asked else
  control::NewKey key;   ///< its name is empty where it is to be asked
  std::string type;      ///< empty: what the place suggests
  unsigned bits = 0;     ///< 0: what the type suggests
  std::string challenge_file;
  std::string attestation_file;
  std::string file;          ///< "-": the private key goes to standard output
  std::string service_name;  ///< of --for
  std::string account;
  bool no_passphrase = false;
  std::optional<Service> service;  ///< of that name
};

/// Adds the options. Those that do not fit the place, or each other, or the service are refused while the line is
/// parsed; then the key's place, kind and size are set, too, as far as the line decides them.
void define_new(Command command, NewOptions& options);

/// Whether there is somebody to ask: at a terminal, where neither --yes nor --json was given.
bool may_ask(const NewOptions& options);

inline constexpr const char* vault_place = "vault";

}  // namespace fob::cli
