#pragma once

#include <optional>
#include <string>

#include "cli/ssh_folder.h"
#include "protocol/control_reply.h"

namespace fob::cli {

/// The keys that are here: those of the agent, which has the vault's and the tokens', and those in files.
struct AllKeys {
  std::optional<control::Keys> agent;
  std::string fault;  ///< why there are none of the agent
  SshFolder folder;
};

/// The agent's keys as a table; the rest is said on standard error.
void print_keys(const control::Keys& keys);

/// Of `fob keys` and `fob list --files`. Without an agent there are the files all the same.
void show_all_keys(bool json);

}  // namespace fob::cli
