#include <ctime>
#include <iostream>

#include "cli/agent_connection.h"
#include "cli/agent_signer.h"
#include "cli/command.h"
#include "cli/login.h"
#include "cli/remote_json.h"
#include "cli/run_program.h"
#include "cli/text.h"
#include "protocol/base64.h"
#include "protocol/key_file/public_key_file.h"

namespace fob::cli {
namespace {

/// For the host's sh, whatever the login shell is that reads this first: so one line, and no single quotation mark and
/// no two backslashes in it. It reads three lines: type, base64 and the whole line for authorized_keys. A line there is
/// this key's if sshd would let it in by that: type and base64 come first, or behind options, which end at a blank
/// outside quotation marks (sshd(8), AUTHORIZED_KEYS FILE FORMAT), and do not make an authority of the key; from= and
/// the like stay as somebody meant them. What others could write to, sshd would not read.
constexpr const char* script =
    "exec sh -c 'umask 077; set -f; cd || exit 1;"
    " IFS= read -r t && IFS= read -r b && IFS= read -r k || exit 1;"
    " d=.ssh; f=.ssh/authorized_keys; mkdir -p $d || exit 1; n=\"\";"
    // Of $1: u is what stands outside quotation marks, q is 1 if one is open at its end.
    " e=$(printf \"\\134\"); split() { r=$1; q=\"\"; u=\"\"; while :; do case $r in"
    " *\\\"*) p=${r%%\\\"*}; r=${r#*\\\"}; [ \"$q\" ] || u=$u$p;"
    " case $p in *\"$e\") ;; *) if [ \"$q\" ]; then q=\"\"; else q=1; fi;; esac;;"
    " *) [ \"$q\" ] || u=$u$r; break;; esac; done; };"
    " if [ -f $f ]; then while IFS= read -r l || [ -n \"$l\" ]; do"
    " case $l in *\"$b\"*) ;; *) continue;; esac;"
    " set -- $l; case $1 in \\#*) continue;; \"$t\") o=\"\";; *) o=$1; shift; split \"$o\";"
    " while [ \"$q\" ] && [ $# -gt 0 ]; do o=\"$o $1\"; shift; split \"$o\"; done;"
    " case ,$(printf %s \"$u\" | tr A-Z a-z), in *,cert-authority,*) continue;; esac;; esac;"
    " if [ \"$1\" = \"$t\" ] && [ \"$2\" = \"$b\" ]; then n=\"present $o\"; break; fi;"
    " done <$f || exit 1; fi;"
    " if [ -z \"$n\" ]; then m=\"%s\\n\";"
    " if [ -s $f ] && [ -n \"$(tail -c 1 $f)\" ]; then m=\"\\n%s\\n\"; fi;"
    " printf \"$m\" \"$k\" >>$f || exit 1; n=added; fi;"
    " for x in $d $f; do case $(ls -ldL $x) in ?????w*|????????w*) chmod go-w $x && echo fob-authorize: mended $x;;"
    " esac; done;"
    " if type restorecon >/dev/null 2>&1; then restorecon -F $d $f; fi;"
    " printf \"fob-authorize: %s\\n\" \"$n\"'";
constexpr std::string_view sign = "fob-authorize: ";
constexpr std::string_view present = "present ";
/// A server takes a signature without a touch only where the key's line says so.
constexpr const char* untouched = "no-touch-required";

struct Options {
  bool json = false;
  std::string name;
  Destination destination;
};

void define(Command command, Options& options) {
  add_json(command, options.json);
  command.add_option("NAME", options.name, "the key").required().check(check_name_option);
  add_destination(command, options.destination, true);
}

/// What the key's line has to begin with; empty: nothing.
std::string options_of(const control::Key& key) {
  return is_sk(key.public_key.kind) && (key.sk_flags & flag_touch) == 0 ? untouched : "";
}

std::string line_of(const control::Key& key) {
  const std::string options = options_of(key);
  return options + (options.empty() ? "" : " ") + public_key_line(key.public_key, key.comment);
}

/// What the script says, each without the sign before it; whatever else the host's shell prints is passed over.
std::vector<std::string> said_by_script(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(sign)) out.push_back(shown(line.substr(sign.size())));
  }
  return out;
}

/// Runs the script there. `more`: options of ssh.
ProgramOutcome run_script(const control::Key& key, const SshSettings& settings, const Options& options,
                          const std::vector<std::string>& more) {
  const PublicKey& public_key = key.public_key;
  std::vector<std::string> for_ssh{"-T", "-oClearAllForwardings=yes", "-oRemoteCommand=none"};
  for (std::string& option : session_options(settings)) for_ssh.push_back(std::move(option));
  for_ssh.insert(for_ssh.end(), more.begin(), more.end());
  Program ssh;
  ssh.arguments = ssh_arguments(options.destination, for_ssh, script);
  ssh.input = std::string(public_key.type_name()) + "\n" + encode_base64(public_key.blob) + "\n" + line_of(key) + "\n";
  ssh.catch_errors = false;  // the person sees what ssh and the host say
  return run_program(ssh);
}

/// sshd counts each key that ssh offers against its MaxAuthTries, so with many keys nobody gets to type a password.
bool keys_use_up_the_tries(const Options& options, const SshSettings& settings) {
  return setting(settings, "batchmode") != "yes" &&
         try_login(options.destination, settings).log.end == SshLog::End::too_many_failures;
}

Authorized append(const control::Key& key, const SshSettings& settings, const Options& options) {
  ProgramOutcome outcome = run_script(key, settings, options, {});
  if (outcome.status == ssh_failed && outcome.out.empty() && keys_use_up_the_tries(options, settings)) {
    std::cerr << shown(options.destination.name)
              << " lets nobody try as many keys as ssh offers. Once more, without keys:\n";
    outcome = run_script(key, settings, options, {"-oPubkeyAuthentication=no"});
  }
  Authorized out;
  out.key_name = key.name;
  const std::vector<std::string> said = said_by_script(outcome.out);
  for (const std::string& word : said) {
    if (word.starts_with("mended ")) out.mended.push_back(word.substr(7));
  }
  const std::string result = said.empty() ? "" : said.back();
  out.added = result == "added";
  if (outcome.succeeded() && out.added) return out;
  if (outcome.succeeded() && result.starts_with(present)) {
    out.options = result.substr(present.size());
    return out;
  }
  const std::string why = outcome.succeeded() && said.empty()
                              ? "its host ran something else in place of what adds it, as for a key whose line there "
                                "has command="
                              : "ssh or its host says above why (exit status " + std::to_string(outcome.status) + ")";
  throw Error(Errc::refused, "the key could not be added to ~/.ssh/authorized_keys at " +
                                 shown(options.destination.name) + ": " + why + "; fob doctor " +
                                 fob_words(options.destination) + " may say more");
}

/// With the key, as a note: fob rotate and fob doctor go by it.
void note_place(const Authorized& authorized) {
  control::ChangeKey change;
  change.name = authorized.key_name;
  change.given_to = {authorized.place};
  try {
    changed_key(std::move(change));
  } catch (const Error& error) {
    std::cerr << "The agent could not note where the key was given: " << shown(error.what()) << '\n';
  }
}

void print_added(const Authorized& authorized, const Options& options) {
  const std::string& others = authorized.options;
  std::cout << "The key " << authorized.key_name
            << (authorized.added ? " is in ~/.ssh/authorized_keys now at "
                                 : " was in ~/.ssh/authorized_keys already at ")
            << authorized.place << (others.empty() || others == untouched ? "" : ", with options that stay: " + others)
            << ".\n";
  for (const std::string& path : authorized.mended) {
    std::cout << "Others could write to ~/" << path << " there, so sshd would not have read it: that was taken away.\n";
  }
  if (!authorized.fault.empty()) return;
  const std::string command = ssh_command(options.destination);
  if (authorized.also_wants.empty()) {
    std::cout << "A login with it works: " << command << '\n';
  } else {
    std::cout << "The server takes it, and also wants " << wish_of(authorized.also_wants)
              << ", which ssh asks you for: " << command << '\n';
  }
}

/// What may be wrong with the line that lets the key in.
std::string doubt_of(const Authorized& authorized, const control::Key& key, const KeyLogin& login) {
  if (!authorized.added && login.knows_key && options_of(key) == untouched && authorized.options.empty()) {
    return std::string("; it signs without a touch, so put ") + untouched + " in front of its line in " +
           "~/.ssh/authorized_keys there";
  }
  const bool restricted = !authorized.options.empty() && authorized.options != untouched;
  return restricted ? "; the options of its line in ~/.ssh/authorized_keys there may say why" : "";
}

void run(const Options& options) {
  const control::Key key = key_to_use(options.name);
  const SshSettings settings = ssh_settings(options.destination);
  Authorized authorized = append(key, settings, options);
  authorized.place = place_of(options.destination, settings);
  note_place(authorized);
  announce_touch(key);
  const KeyLogin login = try_key(options.destination, settings, key.public_key);
  authorized.also_wants = login.also_wants;
  authorized.fault = login.fault;
  if (!authorized.fault.empty()) authorized.fault += doubt_of(authorized, key, login);
  if (options.json) {
    std::cout << json_of(authorized);
  } else {
    print_added(authorized, options);
  }
  if (authorized.fault.empty()) return;
  throw Error(Errc::refused, "a login with the key does not work: " + authorized.fault + "; fob doctor " +
                                 fob_words(options.destination) + " says more");
}

}  // namespace

void add_authorize(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "authorize", "let a key in at a host: put it into authorized_keys there", define,
                       run);
}

}  // namespace fob::cli
