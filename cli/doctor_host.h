#pragma once

#include <string>
#include <vector>

#include "cli/doctor.h"
#include "cli/ssh_log.h"

namespace fob::cli {

/// A host that a login was tried to: what sentences call it, and how a person gets there.
struct HostView {
  Destination destination;
  SshSettings settings;  ///< what ssh does for it; empty where that is not known
  std::string behind{};  ///< the host that this one is a jump host for; empty: it is none

  /// "alice@host", "jump (the jump host for alpha)"; printable, as what follows.
  std::string name() const;
  /// "ssh -p 2222 alice@host": to be pasted.
  std::string ssh(const std::vector<std::string>& more = {}) const;
  /// "fob authorize work alice@host -p 2222", of "authorize work".
  std::string fob(const std::string& command) const;
  /// "~/.ssh/config", or what the person named in its place.
  std::string config() const;
};

/// What a login says that was tried. `refusal`: why the agent refused meanwhile, if it did.
Findings findings_of_login(const SshLog& log, const HostView& host, const AgentView& agent, const std::string& refusal);
/// The same of one whose host took no key, or not what was made with it.
Findings findings_of_denial(const SshLog& log, const HostView& host, const AgentView& agent,
                            const std::string& refusal);
/// The same of one that no server answered, with a proxy or jump host between: `said` by that.
Finding finding_of_way(const SshLog& log, const HostView& host, const std::string& said);

/// The key that is meant for the host, as far as can be known; "NAME" where it cannot.
std::string key_for(const HostView& host, const AgentView& agent);
/// Lines for a shell and for ssh's configuration, by which ssh offers this key to the host and no other.
std::string lines_for_one_key(const HostView& host, const std::string& name);
/// Where the key with this name was given to the host, as fob has noted it.
bool was_given_to(const control::Key& key, const HostView& host);

}  // namespace fob::cli
