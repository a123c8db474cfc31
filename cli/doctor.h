#pragma once

#include <string>

#include "cli/finding.h"
#include "cli/ssh.h"
#include "protocol/control_reply.h"

/// The checks of `fob doctor`. Each looks at one thing, changes nothing, and throws nothing but Interrupted for what it
/// finds: that becomes a Finding.
namespace fob::cli {

/// The agent as it answers; empty where none does. What a locked one hides is empty, too.
struct AgentView {
  bool answers = false;  ///< and `keys` are its keys
  bool silent = false;   ///< it takes connections, and does not answer
  control::Keys keys;
  control::Tokens tokens;
  control::Slots slots;
};

/// Asks the agent. What fails is in `findings` then.
AgentView look_at_agent(Findings& findings);

/// SSH_AUTH_SOCK: whether it leads to an agent, to whose, and to which.
Findings check_agent_socket();
/// Whether ssh's configuration sends ssh to another agent (IdentityAgent).
Findings check_identity_agent(const SshSettings& settings);
/// Who would ask for a passphrase, a PIN or a yes when ssh uses a key. `pinentry`: the program that the agent has typed
/// answers asked for by; empty: an askpass program.
Findings check_askpass(const AgentView& agent, const std::string& pinentry);

/// PINs that are blocked or nearly so, tokens that cannot be used, keys whose token is not there.
Findings check_tokens(const AgentView& agent);
/// The token that the key is on, or one that may be it, as far as the agent knows; nullptr: it is not there.
const control::Token* token_of(const control::Key& key, const AgentView& agent);
/// As the agent has it in control::Key::token: "Yubico YubiKey (12345678)". Printable.
std::string title_of(const control::Token& token);
/// FIDO2 tokens whose device this user may not open. `sysfs`: "/sys/class/hidraw"; `devices`: "/dev".
Findings check_hidraw(const std::string& sysfs, const std::string& devices);
/// pcscd's socket: "/run/pcscd/pcscd.comm".
Findings check_pcscd(const std::string& socket);
/// The process of this user with that name, by `proc` ("/proc"); 0: none.
int process_named(const std::string& proc, const std::string& name);

/// What ssh or sshd would not read, because others could write to it, or read it. `home`: the home folder.
Findings check_files(const std::string& home);

/// What a login says, or if it goes by jump hosts, the first of those that lets nobody in. Nothing found: it works, and
/// `opened_by` is the fingerprint of the key. What other checks find is not said again.
Findings check_host(const Destination& destination, const SshSettings& settings, const AgentView& agent,
                    std::string& opened_by);

/// What another program says, printable, within a sentence: without a full stop of its own.
std::string clause(const std::string& said);
/// "the key work", or the fingerprint of one that the agent does not know.
std::string called(const std::string& fingerprint, const AgentView& agent);

}  // namespace fob::cli
