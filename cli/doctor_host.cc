#include "cli/doctor_host.h"

#include <ctime>
#include <iostream>

#include "cli/agent_signer.h"
#include "cli/login.h"
#include "cli/run_program.h"
#include "cli/text.h"
#include "protocol/error.h"

namespace fob::cli {
namespace {

using End = SshLog::End;

/// Hosts on the way: ssh's own configuration may lead in a circle.
constexpr unsigned max_jumps = 8;

void add(Findings& findings, Findings more) {
  for (Finding& finding : more) findings.push_back(std::move(finding));
}

Finding changed_host_key(const SshLog& log, const HostView& host) {
  const std::string file = log.known_in.empty() ? "" : " -f " + shell_word(log.known_in);
  return {"host-key-changed", host.name() + " shows another host key than it did before.",
          "Ask its administrator. Only if it was changed there: ssh-keygen -R " +
              shell_word(known_hosts_name(host.settings)) + file +
              "\nOtherwise somebody may be in between: do not log in."};
}

Finding unknown_host_key(const HostView& host) {
  const std::string strict = setting(host.settings, "stricthostkeychecking");
  const bool asks = strict != "true" && strict != "yes";
  return {
      "host-key-unknown", "ssh does not know the host key of " + host.name() + " yet.",
      "Log in once by hand, compare the fingerprint that ssh shows with what the administrator says, and answer "
      "yes: " +
          host.ssh(asks ? std::vector<std::string>{} : std::vector<std::string>{"-o", "StrictHostKeyChecking=ask"})};
}

Finding connection_fault(const SshLog& log, const HostView& host) {
  const std::string name = host.name();
  const std::string why = clause(log.reason);
  switch (log.end) {
    case End::bad_configuration:
      return {"ssh-config", "ssh does not like its own configuration: " + why + ".",
              "Put that file right; for owner and mode: chmod go-w " + host.config()};
    case End::unresolved:
      return {"unresolved", "No address is known for " + name + " (" + why + ").",
              "Check how it is written, and the network; a name of your own needs a Host block with HostName in " +
                  host.config() + "."};
    case End::unreachable:
      return {"unreachable",
              name + " does not answer at port " + shown(setting(host.settings, "port")) + " (" + why + ").",
              "Check name, port (-p), network and VPN, and whether sshd runs there."};
    case End::no_common_algorithm:
      return {"no-common-algorithm", "ssh and " + name + " have no algorithm in common: " + why + ".",
              "Have the server brought up to date; until then ssh(1) can be told to allow what it offers, which is "
              "weak: see HostKeyAlgorithms and KexAlgorithms in ssh_config(5)."};
    case End::host_key_unknown: return unknown_host_key(host);
    case End::host_key_changed: return changed_host_key(log, host);
    case End::hung_up:
      return {"hung-up", name + " ended the connection before the login (" + why + ").",
              "Its log says why; too many connections or a rule against your address are common: try again later."};
    default:
      return {"login-fails", "The login to " + name + " fails" + (why.empty() ? "." : ": " + why + "."),
              "See what ssh itself says: " + host.ssh({"-v"})};
  }
}

/// "Connection refused": what a jump host says of the host behind it; empty: nothing.
std::string open_failure(const std::string& said) {
  constexpr std::string_view mark = ": open failed: ";
  const std::size_t at = said.find(mark);
  return at == std::string::npos ? "" : first_line(said.substr(at + mark.size()));
}

Finding unreachable_behind(const HostView& host, const std::string& why) {
  const std::optional<Destination> jump = jump_host(host.destination, host.settings);
  const std::string who = jump ? "The jump host " + shown(jump->name) : "The host on the way";
  if (why.starts_with("administratively prohibited")) {
    return {"jump-forbids", who + " lets you in, but not on to " + host.name() + ".",
            "Ask its administrator to allow it: AllowTcpForwarding and PermitOpen in its sshd_config."};
  }
  constexpr std::string_view mark = "connect failed: ";
  return {"unreachable",
          who + " lets you in, but does not reach " + host.name() + " (" + shown(setting(host.settings, "hostname")) +
              ", port " + shown(setting(host.settings, "port")) +
              "): " + (why.starts_with(mark) ? why.substr(mark.size()) : why) + ".",
          "Check HostName and Port in " + host.config() +
              " (it is the host on the way that looks the name up), and whether sshd runs there."};
}

/// A ProxyCommand as ssh runs it, for the commonest of its tokens.
std::string expanded(const std::string& command, const SshSettings& settings) {
  std::string out;
  for (std::size_t i = 0; i < command.size(); ++i) {
    if (command[i] != '%' || i + 1 == command.size()) {
      out += command[i];
      continue;
    }
    const char token = command[++i];
    const char* keyword = token == 'h' ? "hostname" : token == 'p' ? "port" : token == 'r' ? "user" : nullptr;
    out += keyword != nullptr ? setting(settings, keyword) : token == '%' ? "%" : std::string("%") + token;
  }
  return out;
}

/// What came of a trial: without findings it may have failed for what other checks find.
struct Outcome {
  Findings findings;
  bool logged_in = false;
  std::string opened_by{};
};

Outcome check_login(const HostView& host, const AgentView& agent, unsigned jumps);

/// The hosts on the way, one after the other: each by itself, so that it is clear which one it is.
Outcome check_jump_host(const HostView& host, const AgentView& agent, unsigned jumps) {
  const std::optional<Destination> jump = jump_host(host.destination, host.settings);
  if (!jump || jumps == max_jumps) return {{}, true};
  HostView view{*jump, {}, host.destination.name};
  try {
    view.settings = ssh_settings(*jump);
  } catch (const Error& error) {
    return {{{"ssh-config", "ssh cannot be asked what it does for " + view.name() + ": " + clause(error.what()) + ".",
              "Put the file right that this names: " + host.config()}}};
  }
  Outcome out = check_login(view, agent, jumps + 1);
  if (!out.logged_in && check_identity_agent(host.settings).empty()) {
    add(out.findings, check_identity_agent(view.settings));
  }
  return out;
}

Findings findings_of_trial(const LoginTrial& trial, const HostView& host, const AgentView& agent,
                           const std::string& refusal) {
  if (trial.hangs()) {
    return {
        {"login-hangs",
         "The login to " + host.name() + " does not come to an end: perhaps a PIN or a touch was not given in time.",
         "If none was asked for, see where it stops: " + host.ssh({"-v"})}};
  }
  if (trial.session_ends && host.behind.empty()) {
    return {{"session-ends", host.name() + " lets you in, and then ends the connection before a command has run.",
             "See what it says: " + host.ssh()}};
  }
  const bool by_others =
      !setting(host.settings, "proxyjump").empty() || !setting(host.settings, "proxycommand").empty();
  const bool silent = !trial.log.greeted && (trial.log.end == End::hung_up || trial.log.end == End::unknown);
  if (by_others && silent) return {finding_of_way(trial.log, host, trial.on_the_way)};
  return findings_of_login(trial.log, host, agent, refusal);
}

Outcome check_login(const HostView& host, const AgentView& agent, unsigned jumps) {
  Outcome before = check_jump_host(host, agent, jumps);
  if (!before.logged_in) return before;
  std::cerr << "Trying to log in to " << host.name() << "; a token that blinks wants a touch.\n";
  const auto started = static_cast<std::uint64_t>(time(nullptr));
  const LoginTrial trial = try_login(host.destination, host.settings);
  Outcome out{findings_of_trial(trial, host, agent, last_refusal(started)), trial.log.logged_in()};
  const SshLog::Key* key = trial.log.accepted();
  if (out.logged_in && key != nullptr) out.opened_by = key->fingerprint;
  return out;
}

}  // namespace

std::string HostView::name() const {
  const std::string typed = shown(destination.name);
  return behind.empty() ? typed : typed + " (the jump host for " + shown(behind) + ")";
}

std::string HostView::ssh(const std::vector<std::string>& more) const { return ssh_command(destination, more); }

std::string HostView::fob(const std::string& command) const { return "fob " + command + " " + fob_words(destination); }

std::string HostView::config() const {
  const std::string named = named_config(destination);
  return named.empty() ? "~/.ssh/config" : shell_word(named);
}

Findings findings_of_login(const SshLog& log, const HostView& host, const AgentView& agent,
                           const std::string& refusal) {
  switch (log.end) {
    case End::logged_in: return {};
    case End::denied:
    case End::too_many_failures: return findings_of_denial(log, host, agent, refusal);
    default: return {connection_fault(log, host)};
  }
}

Finding finding_of_way(const SshLog& log, const HostView& host, const std::string& said) {
  const std::string failure = open_failure(said);
  if (!failure.empty()) return unreachable_behind(host, clause(failure));
  const std::string command = setting(host.settings, "proxycommand");
  if (command.empty()) return connection_fault(log, host);
  const std::string why = clause(first_line(said));
  return {"proxy-command",
          "The ProxyCommand that leads to " + host.name() + " fails" + (why.empty() ? "." : ": " + why + "."),
          "Try by itself what it runs, and put it right in " + host.config() + ": " +
              shown(expanded(command, host.settings))};
}

Findings check_host(const Destination& destination, const SshSettings& settings, const AgentView& agent,
                    std::string& opened_by) {
  Outcome out = check_login({destination, settings}, agent, 0);
  opened_by = out.opened_by;
  return std::move(out.findings);
}

}  // namespace fob::cli
