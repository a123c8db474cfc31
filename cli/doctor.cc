#include "cli/doctor.h"

#include <algorithm>
#include <cctype>
#include <iostream>

#include "cli/agent_config.h"
#include "cli/agent_connection.h"
#include "cli/agent_socket.h"
#include "cli/command.h"
#include "cli/home.h"
#include "cli/remote_json.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "protocol/error.h"
#include "protocol/fingerprint.h"

namespace fob::cli {
namespace {

/// A host that nobody has: what ssh does for any.
constexpr const char* any_host = "any-host.invalid";

struct Options {
  bool json = false;
  Destination destination;
};

void define(Command command, Options& options) {
  add_json(command, options.json);
  add_destination(command, options.destination, false);
}

void add(Findings& findings, Findings more) {
  for (Finding& finding : more) findings.push_back(std::move(finding));
}

/// "The agent is stopped" of what an Error says.
std::string capital(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return clause(text);
}

/// Why ssh does not read its configuration; nothing where one of `files` says it already.
Findings bad_configuration(const std::string& what, const Findings& files) {
  constexpr std::string_view mark = "Bad owner or permissions on ";
  const std::size_t at = what.find(mark);
  if (at == std::string::npos) {
    return {{"ssh-config", capital(what) + ".",
             "Put the file right that this names; if there is no ssh, install openssh-client."}};
  }
  const std::string path = what.substr(at + mark.size());
  const bool is_said = std::any_of(files.begin(), files.end(), [&](const Finding& file) {
    return file.what.find(shown(path)) != std::string::npos;
  });
  if (is_said) return {};
  return {{"ssh-config", capital(what) + ".", "Type: chmod go-w " + shell_word(path)}};
}

/// What ssh would do; empty where its configuration cannot be read, which is a finding.
SshSettings look_at_ssh(const Destination& destination, const Findings& files, Findings& findings) {
  try {
    return ssh_settings(destination);
  } catch (const Error& error) {
    add(findings, bad_configuration(error.what(), files));
    return {};
  }
}

Findings look_at_all(const Options& options, AgentView& agent, std::string& opened_by) {
  Findings out = check_agent_socket();
  if (out.empty()) agent = look_at_agent(out);
  Destination destination = options.destination;
  if (destination.name.empty()) destination.name = any_host;
  const Findings files = check_files(home_directory());
  const SshSettings settings = look_at_ssh(destination, files, out);
  add(out, check_identity_agent(settings));
  add(out, check_askpass(agent, configured_pinentry()));
  add(out, check_hidraw("/sys/class/hidraw", "/dev"));
  add(out, check_tokens(agent));
  add(out, check_pcscd("/run/pcscd/pcscd.comm"));
  add(out, files);
  // An agent that does not answer would keep ssh waiting, too.
  if (!options.destination.name.empty() && !settings.empty() && !agent.silent) {
    add(out, check_host(options.destination, settings, agent, opened_by));
  }
  return out;
}

/// Lines of a remedy that are to be typed stand apart.
void print_indented(const std::string& text, const std::string& first, const std::string& others) {
  std::string_view rest = text;
  for (std::string before = first; !rest.empty(); before = others) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    std::cout << before << shown(line) << '\n';
  }
}

void print(const Findings& findings, const std::string& host) {
  if (findings.empty()) {
    std::cout << "Nothing was found that stands in the way.\n";
    if (host.empty()) std::cout << "fob doctor HOST tries a login, too.\n";
    return;
  }
  std::size_t number = 0;
  for (const Finding& finding : findings) {
    const std::string mark = std::to_string(++number) + ". ";
    const std::string margin(mark.size(), ' ');
    print_indented(finding.what, mark, margin);
    print_indented(finding.remedy, margin + bold("Remedy: "), margin + "  ");
  }
}

void run(const Options& options) {
  AgentView agent;
  std::string opened_by;
  const std::string& host = options.destination.name;
  const Findings findings = look_at_all(options, agent, opened_by);
  if (options.json) {
    std::cout << json_of(findings, host);
  } else {
    if (!opened_by.empty()) {
      std::cout << "The login to " << shown(host) << " works, by " << called(opened_by, agent) << ".\n";
    }
    print(findings, host);
  }
  if (findings.empty()) return;
  throw Error(Errc::not_found, findings.size() == 1 ? "one thing stands in the way"
                                                    : std::to_string(findings.size()) + " things stand in the way");
}

}  // namespace

AgentView look_at_agent(Findings& findings) {
  AgentView out;
  try {
    const bool is_locked = ask_agent_for<control::Activity>(control::Watch{}).agent_locked;
    out.tokens = ask_agent_for<control::Tokens>(control::ListTokens{});
    if (is_locked) {
      findings.push_back({"agent-locked", "The agent is locked (ssh-add -x): it shows no keys, and signs nothing.",
                          "Unlock it, with the passphrase that it was locked with: ssh-add -X"});
      return out;
    }
    out.keys = ask_agent_for<control::Keys>(control::ListKeys{});
    out.answers = true;
    out.slots = ask_agent_for<control::Slots>(control::ListSlots{});
  } catch (const AgentSilent& silent) {
    out.silent = true;
    findings.push_back({"agent-silent", capital(silent.fault) + ".", capital(silent.remedy)});
  } catch (const Error& error) {
    findings.push_back({out.answers ? "vault" : "agent-fault", "The agent says: " + shown(error.what()) + ".",
                        "Its log says more; fob list and fob slot show what works."});
  }
  return out;
}

std::string clause(const std::string& said) {
  std::string out = shown(said);
  while (out.ends_with('.')) out.pop_back();
  return out;
}

std::string called(const std::string& fingerprint_text, const AgentView& agent) {
  for (const control::Key& key : agent.keys.keys) {
    if (fingerprint(key.public_key) != fingerprint_text) continue;
    if (!key.name.empty()) return "the key " + shown(key.name);
  }
  return (agent.answers ? "a key that fob does not keep (" : "the key (") + shown(fingerprint_text) + ")";
}

void add_doctor(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "doctor", "find out why it does not work, and what to do", define, run);
}

}  // namespace fob::cli
