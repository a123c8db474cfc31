#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "cli/doctor_host.h"
#include "cli/home.h"
#include "cli/login.h"
#include "cli/text.h"
#include "protocol/fingerprint.h"

namespace fob::cli {
namespace {

const control::Key* key_with(const std::string& fingerprint_text, const AgentView& agent) {
  const auto& keys = agent.keys.keys;
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const control::Key& key) {
    return !key.name.empty() && fingerprint(key.public_key) == fingerprint_text;
  });
  return found == keys.end() ? nullptr : &*found;
}

/// Those of the agent's keys that the server was offered, by name.
std::vector<std::string> offered_names(const SshLog& log, const AgentView& agent) {
  std::vector<std::string> out;
  for (const SshLog::Key& offered : log.offered) {
    if (const control::Key* key = key_with(offered.fingerprint, agent)) out.push_back(key->name);
  }
  return out;
}

// ---- The host knows the key.

Finding wants_more(const SshLog& log, const SshLog::Key& key, const HostView& host, const AgentView& agent) {
  const bool another_key = log.methods == std::vector<std::string>{"publickey"};
  return {"more-factors",
          host.name() + " takes " + called(key.fingerprint, agent) + ", and also wants " + wish_of(log.methods) + ".",
          another_key ? "Let another key in, too: " + host.fob("authorize NAME")
                      : "Log in at a terminal, where ssh asks you for that: " + host.ssh()};
}

Finding agent_refused(const SshLog::Key& key, const HostView& host, const AgentView& agent, const std::string& why) {
  return {"agent-refused",
          host.name() + " takes " + called(key.fingerprint, agent) + ", but the agent refused to sign" +
              (why.empty() ? "." : ": " + shown(why) + "."),
          why.empty() ? "The agent's log says why; the other findings here may, too."
                      : "Do what that says, then try again: " + host.ssh()};
}

Finding signature_rejected(const SshLog::Key& key, const HostView& host, const AgentView& agent) {
  const control::Key* ours = key_with(key.fingerprint, agent);
  if (ours != nullptr && is_sk(ours->public_key.kind) && (ours->sk_flags & flag_touch) == 0) {
    return {"touch-required",
            host.name() + " knows the key " + shown(ours->name) + ", but takes no signature without a touch.",
            "Put no-touch-required in front of the key's line in ~/.ssh/authorized_keys there, or use a key that wants "
            "a touch."};
  }
  return {"not-let-in", host.name() + " knows " + called(key.fingerprint, agent) + ", but does not let you in by it.",
          "Ask its administrator, whose log of sshd says why: an account that is locked or has expired, or what the "
          "server asks of signatures, are common."};
}

bool is_there(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

/// `what`: that ssh cannot use the file, in a sentence to which the reason is added.
Finding bad_file(const std::string& path, const std::string& what, const std::string& fault, const HostView& host) {
  return {"key-file", what + ": " + shown(fault) + ".",
          fault == "bad permissions" ? "Type: chmod 600 " + shell_word(path)
                                     : "Put the file right, or let another key in: " + host.fob("authorize NAME")};
}

/// The key is named by a file, and the agent does not have it.
Findings file_not_usable(const SshLog::Key& key, const HostView& host, const AgentView& agent) {
  const std::string takes = host.name() + " takes the key in " + shown(key.name) + ", but ";
  if (key.name.ends_with(".pub") || !is_there(key.name)) {
    if (!agent.answers) return {};
    return {{"key-not-in-agent",
             host.name() + " takes the key of " + shown(key.name) +
                 ", but its private half is neither in a file beside that nor in the agent.",
             "If it is on a token, plug that in. If it is in another file: fob import FILE. What the agent has: fob "
             "list"}};
  }
  if (key.fault.empty()) {
    return {{"passphrase-needed", takes + "ssh needs its passphrase for it each time.",
             "Have the agent keep it: fob import " + shell_word(key.name) + "\nor only until the agent ends: ssh-add " +
                 shell_word(key.name)}};
  }
  return {bad_file(key.name, takes + "ssh cannot use that", key.fault, host)};
}

Findings of_known_key(const SshLog::Key& key, const HostView& host, const AgentView& agent,
                      const std::string& refusal) {
  if (key.rejected) return {signature_rejected(key, host, agent)};
  if (key.refused || key.of_agent) return {agent_refused(key, host, agent, refusal)};
  return file_not_usable(key, host, agent);
}

/// Files of keys that ssh shows to no server: not without their passphrase, or not at all.
Findings unshown_files(const SshLog& log, const HostView& host) {
  Findings out;
  for (const SshLog::BadFile& file : log.unreadable) {
    if (!is_there(file.path)) continue;
    out.push_back(
        bad_file(file.path, "ssh cannot try the key in " + shown(file.path) + " at " + host.name(), file.fault, host));
  }
  for (const std::string& path : log.untried) {
    if (!is_there(path)) continue;
    out.push_back({"passphrase-needed",
                   "ssh cannot try the key in " + shown(path) + " at " + host.name() + " without its passphrase.",
                   "Have the agent keep it: fob import " + shell_word(path)});
  }
  return out;
}

// ---- The host takes no such keys.

/// Whether the server has said that it takes signatures of this type; true where it does not say. OpenSSH 7.2
/// and 7.3 name the new ones of RSA only, and take others all the same.
bool takes_type(const SshLog& log, const std::string& type) {
  static const std::map<std::string, std::vector<std::string>> algorithms{
      {"ED25519", {"ssh-ed25519"}},
      {"RSA", {"rsa-sha2-512", "rsa-sha2-256"}},
      {"ECDSA", {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"}},
      {"ED25519-SK", {"sk-ssh-ed25519@openssh.com"}},
      {"ECDSA-SK", {"sk-ecdsa-sha2-nistp256@openssh.com"}}};
  const std::vector<std::string>& said = log.server_algorithms;
  const auto found = algorithms.find(type.substr(0, type.find("-CERT")));
  const bool says_all = std::any_of(said.begin(), said.end(),
                                    [](const std::string& algorithm) { return !algorithm.starts_with("rsa-sha2-"); });
  if (found == algorithms.end() || !says_all) return true;
  return std::any_of(found->second.begin(), found->second.end(), [&](const std::string& algorithm) {
    return std::find(said.begin(), said.end(), algorithm) != said.end();
  });
}

std::string algorithms_remedy() {
  return "Use a key of a type that it takes (fob new NAME --type ...), or have its administrator add the type to "
         "PubkeyAcceptedAlgorithms in its sshd_config, or bring it up to date.";
}

/// Where the server takes none of the types of keys that it was offered.
Findings refused_types(const SshLog& log, const HostView& host) {
  std::set<std::string> types;
  for (const SshLog::Key& key : log.offered) {
    if (!key.unusable && takes_type(log, key.type)) return {};
    types.insert(key.type);
  }
  if (types.empty()) return {};
  return {{"algorithm-refused",
           host.name() + " takes no signatures by keys of type " + joined({types.begin(), types.end()}) + ".",
           algorithms_remedy()}};
}

/// A key was let in there, and is not taken now.
Findings no_longer_taken(const SshLog& log, const HostView& host, const AgentView& agent) {
  for (const SshLog::Key& offered : log.offered) {
    const control::Key* key = key_with(offered.fingerprint, agent);
    if (key == nullptr || !was_given_to(*key, host)) continue;
    return {{"algorithm-refused",
             host.name() + " does not take the key " + shown(key->name) +
                 ", though it was let in there: the server refuses keys of type " + shown(offered.type) +
                 " (PubkeyAcceptedAlgorithms), or the key's line is gone or has options that keep it out.",
             "See whether the line is there: " + host.fob("authorize " + shown(key->name)) +
                 "\nIf it is: " + algorithms_remedy()}};
  }
  return {};
}

/// Keys were offered, and the server wanted none of them.
Findings not_accepted(const SshLog& log, const HostView& host, const AgentView& agent) {
  Findings out = refused_types(log, host);
  if (out.empty()) out = no_longer_taken(log, host, agent);
  if (!out.empty()) return out;
  const std::vector<std::string> names = offered_names(log, agent);
  const std::string which = names.empty() ? "" : " (" + joined(names) + ")";
  const std::string name = names.size() == 1 ? shown(names[0]) : key_for(host, agent);
  const std::string user = shown(setting(host.settings, "user"));
  return {{"not-authorized",
           host.name() + " takes none of the keys that it was offered" + which + ": they are not in " +
               (user.empty() ? "its authorized_keys." : "the authorized_keys of the user " + user + " there."),
           "Let the key in: " + host.fob("authorize " + name) +
               "\nWhere no other way in is left, its administrator or web page takes the line that this prints: fob "
               "public " +
               name}};
}

// ---- ssh offered nothing.

/// The beginning of a block in ssh's configuration, for what was typed.
std::string host_line(const HostView& host) {
  const std::string& name = host.destination.name;
  return "Host " + shown(name.substr(name.rfind('@') + 1));
}

Finding settings_fault(const SshLog& log, const HostView& host) {
  const std::string lines = "Take that line out of " + host.config() +
                            " or /etc/ssh/ssh_config, or put in front of it:\n" + host_line(host) + "\n  ";
  const std::string keys = setting(host.settings, "pubkeyauthentication");
  if (keys == "false" || keys == "no") {
    return {"keys-off",
            "ssh's own configuration lets no key be used for " + host.name() + " (PubkeyAuthentication no).",
            lines + "PubkeyAuthentication yes"};
  }
  const std::string methods = setting(host.settings, "preferredauthentications");
  if (!methods.empty() && ("," + methods + ",").find(",publickey,") == std::string::npos) {
    return {"keys-off",
            "ssh's own configuration has " + host.name() + " asked for " + shown(methods) +
                " only, and no key tried (PreferredAuthentications).",
            lines + "PreferredAuthentications publickey," + shown(methods)};
  }
  if (!log.skipped.empty()) {
    return {"algorithm-disabled", "ssh's own configuration lets no key of yours be used (PubkeyAcceptedAlgorithms).",
            lines + "PubkeyAcceptedAlgorithms +ssh-ed25519"};
  }
  return {};
}

Findings none_offered(const SshLog& log, const HostView& host, const AgentView& agent) {
  Finding fault = settings_fault(log, host);
  if (!fault.id.empty()) return {std::move(fault)};
  Findings files = unshown_files(log, host);
  if (!files.empty() || !agent.answers) return files;
  if (agent.keys.keys.empty()) {
    return {{"no-keys", "The agent has no key to offer to " + host.name() + ".",
             "Make one, and let it in there: fob new NAME, then " + host.fob("authorize NAME")}};
  }
  const bool only = setting(host.settings, "identitiesonly") == "yes";
  return {{"none-offered",
           "ssh offered no key to " + host.name() + ", though the agent has some: " +
               (only ? "by IdentitiesOnly it offers those of its IdentityFile lines only."
                     : "its own configuration keeps them back."),
           lines_for_one_key(host, key_for(host, agent))}};
}

Finding too_many(const SshLog& log, const HostView& host, const AgentView& agent) {
  return {"too-many-keys",
          host.name() + " hung up after " + std::to_string(log.offered.size()) +
              " keys that it does not want: more than it lets anybody try (MaxAuthTries).",
          "Have ssh offer it the right one only:\n" + lines_for_one_key(host, key_for(host, agent))};
}

}  // namespace

bool was_given_to(const control::Key& key, const HostView& host) {
  const std::string place = place_of(host.destination, host.settings);
  return std::find(key.services.begin(), key.services.end(), place) != key.services.end();
}

std::string key_for(const HostView& host, const AgentView& agent) {
  std::string only;
  std::size_t kept = 0;
  for (const control::Key& key : agent.keys.keys) {
    if (key.name.empty()) continue;
    if (was_given_to(key, host)) return shown(key.name);
    only = shown(key.name);
    ++kept;
  }
  return kept == 1 ? only : "NAME";
}

std::string lines_for_one_key(const HostView& host, const std::string& name) {
  // What is there is somebody's, and may be another key.
  const std::string file = name + (is_there(home_directory() + "/.ssh/" + name + ".pub") ? "-fob.pub" : ".pub");
  return "fob public " + name + " >~/.ssh/" + file + "\nand at the beginning of " + host.config() + ":\n" +
         host_line(host) + "\n  IdentitiesOnly yes\n  IdentityFile ~/.ssh/" + file;
}

Findings findings_of_denial(const SshLog& log, const HostView& host, const AgentView& agent,
                            const std::string& refusal) {
  const auto& offered = log.offered;
  const auto passed = std::find_if(offered.begin(), offered.end(), [](const SshLog::Key& key) { return key.passed; });
  if (passed != offered.end()) return {wants_more(log, *passed, host, agent)};
  const auto known = std::find_if(offered.begin(), offered.end(), [](const SshLog::Key& key) { return key.accepted; });
  if (known != offered.end()) return of_known_key(*known, host, agent, refusal);
  if (log.end == SshLog::End::too_many_failures) return {too_many(log, host, agent)};
  const bool by_key = std::find(log.methods.begin(), log.methods.end(), "publickey") != log.methods.end();
  if (!by_key && !log.methods.empty()) {
    return {
        {"no-public-keys", host.name() + " takes no key, or not at first; it wants " + wish_of(log.methods) + ".",
         "Log in another way: " + host.ssh() +
             "\nIf it never takes a key, ask its administrator to allow that (PubkeyAuthentication in sshd_config)."}};
  }
  // check_identity_agent says that, and why these keys were not offered.
  if (!check_identity_agent(host.settings).empty() && offered_names(log, agent).empty()) return {};
  if (offered.empty()) return none_offered(log, host, agent);
  Findings out = not_accepted(log, host, agent);
  for (Finding& finding : unshown_files(log, host)) out.push_back(std::move(finding));
  return out;
}

}  // namespace fob::cli
