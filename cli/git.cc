#include "cli/git.h"

#include <cstdlib>
#include <iostream>

#include "cli/agent_signer.h"
#include "cli/command.h"
#include "cli/home.h"
#include "cli/interrupts.h"
#include "cli/text.h"
#include "protocol/limits.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  std::string key;
  bool global = false;
  bool local = false;
  bool force = false;
};

void define(Command command, Options& options) {
  add_json(command, options.json);
  command.add_option("-k,--key", options.key, "the key that signs; by default the only one that there is")
      .type_name("NAME")
      .check(check_name_option);
  const Option global = command.add_flag("--global", options.global, "for all repositories of yours (the default)");
  command.add_flag("--local", options.local, "for the repository here only").excludes(global);
  command.add_flag("--force", options.force, "what is set otherwise now may go");
}

constexpr std::string_view signers_setting = "gpg.ssh.allowedSignersFile";

/// Whose signatures these will be. Throws refused where git has no address, or one that no file of signers can hold.
std::string email_of(const GitConfig& config) {
  std::string out = config.value("user.email");
  if (out.empty()) out = config.effective("user.email");
  if (out.empty()) {
    throw Error(Errc::refused,
                "git does not know your mail address, by which signatures are told: git config --global user.email "
                "you@example.org, then again");
  }
  if (shown(out) == out && out.size() <= limits::name_bytes &&
      out.find_first_of(" \t\"',*?!#\\") == std::string::npos) {
    return out;
  }
  throw Error(Errc::refused, "git's user.email cannot stand in a file of allowed signers: " + shown(out));
}

/// Where it is kept whose keys are whose: where git looks for it, or else beside git's own configuration.
std::string signers_path(const GitConfig& config) {
  std::string out = config.value(std::string(signers_setting), true);
  if (out.empty()) {
    const char* configured = getenv("XDG_CONFIG_HOME");
    const bool there = configured != nullptr && configured[0] == '/';
    out = (there ? std::string(configured) : home_directory() + "/.config") + "/git/allowed_signers";
  }
  if (out[0] == '/') return out;
  throw Error(Errc::refused, std::string(signers_setting) + " is " + shown(out) +
                                 ": give it a path that begins with / or ~/, so that it means one file everywhere");
}

/// What is to be set: the format first, what has git sign last.
std::vector<GitSetting> wanted_settings(const GitConfig& config, const GitSigner& signer, const std::string& signers) {
  std::vector<GitSetting> out{{"gpg.format", "", "ssh"}, {"user.signingkey", "", signer.signing_key()}};
  if (config.value(std::string(signers_setting)).empty()) {
    out.push_back({std::string(signers_setting), "", signers});
  }
  out.push_back({"commit.gpgsign", "", "true"});
  out.push_back({"tag.gpgsign", "", "true"});
  for (GitSetting& setting : out) setting.before = config.value(setting.name);
  return out;
}

void check_overrides(const std::vector<GitSetting>& settings) {
  std::vector<std::string> others;
  for (const GitSetting& setting : settings) {
    const bool matters = setting.name == "gpg.format" || setting.name == "user.signingkey";
    if (!matters || setting.before.empty() || setting.before == setting.now) continue;
    others.push_back(setting.name + " is " + shown(setting.before));
  }
  if (others.empty()) return;
  throw Error(Errc::refused, "git is set up to sign otherwise (" + joined(others) +
                                 "): with --force that is replaced; nothing has changed");
}

void try_signing(const control::Key& key, const GitSigner& signer) {
  announce_touch(key);
  try {
    try_git_signing(signer);
  } catch (const Error& error) {
    throw Error(error.code(), "git cannot sign by this key, so nothing has changed: " + std::string(error.what()));
  }
}

/// A setting that is changed, and all that it was.
struct Change {
  std::string name;
  std::vector<std::string> before;
};

std::string undo_of(const GitConfig& config, const std::vector<Change>& changes) {
  std::string out;
  const auto add = [&](const std::string& what) {
    out += (out.empty() ? "" : " && ") + ("git config " + config.scope() + " " + what);
  };
  for (const Change& change : changes) {
    if (change.before.empty()) add("--unset " + change.name);
    for (std::size_t i = 0; i < change.before.size(); ++i) {
      std::string how = i == 0 ? "--replace-all " : "--add ";
      if (change.before.size() == 1) how.clear();
      add(how + change.name + " " + shell_word(change.before[i]));
    }
  }
  return out;
}

/// Whether it is what it was before. A Ctrl-C of before may be noticed only here: it is tried again then.
bool is_set_back(const GitConfig& config, const Change& change) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    try {
      if (config.values(change.name) != change.before) config.set_all(change.name, change.before);
      return true;
    } catch (const Interrupted&) {
      continue;
    } catch (const Error&) {
      return false;
    }
  }
  return false;
}

/// The last first. What that fails for stays: the answer is what to type then; empty: nothing.
std::string set_back(const GitConfig& config, const std::vector<Change>& changes) {
  std::vector<Change> left;
  for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
    if (!is_set_back(config, *change)) left.push_back(*change);
  }
  return undo_of(config, left);
}

/// What has come of it.
struct Applied {
  std::vector<Change> changes;
  bool signer_added = false;
};

/// All of it, or none. Ctrl-C must be held back by Interrupts.
Applied apply(const GitConfig& config, const std::vector<GitSetting>& settings, const std::string& signers,
              const GitSigner& signer) {
  Applied out;
  try {
    for (const GitSetting& setting : settings) {
      if (setting.before == setting.now) continue;
      // Noted first: a git that was interrupted may have set it.
      out.changes.push_back({setting.name, config.values(setting.name)});
      config.set(setting.name, setting.now);
    }
    out.signer_added = add_allowed_signer(signers, signer);
    return out;
  } catch (const Error& error) {
    const std::string left = set_back(config, out.changes);
    throw Error(error.code(), std::string(error.what()) + (left.empty() ? "; git's settings are as they were"
                                                                        : "; to undo what was set, type: " + left));
  } catch (...) {
    const std::string left = set_back(config, out.changes);
    std::cerr << (left.empty() ? "Git's settings are as they were.\n" : "To undo what was set, type: " + left + '\n');
    throw;
  }
}

void print(const GitConfig& config, const std::vector<GitSetting>& settings, const Applied& applied,
           const std::string& signers) {
  for (const GitSetting& setting : settings) {
    std::cout << setting.name << ": " << shown(setting.now);
    if (setting.before == setting.now)
      std::cout << " (as before)";
    else if (!setting.before.empty())
      std::cout << " (before: " << shown(setting.before) << ")";
    std::cout << '\n';
  }
  std::cout << (applied.signer_added ? "You and the key are added to " : "You and the key are already in ")
            << shown(signers) << ".\n";
  std::cout << "Tried: git signs by the key, and verifies what it signed.\n";
  if (!applied.changes.empty()) std::cout << "To undo it, type: " << undo_of(config, applied.changes) << '\n';
}

/// What prevails over what was set: a repository's own settings over those of all.
void warn_of_overrides(const GitConfig& config, const std::vector<GitSetting>& settings) {
  for (const GitSetting& setting : settings) {
    const std::string here = config.effective(setting.name);
    if (here == setting.now) continue;
    std::cerr << "In the repository here " << setting.name << " is " << shown(here)
              << ", which prevails: fob git setup --local --force changes that.\n";
  }
}

void run(const Options& options) {
  const GitConfig config(options.local ? "--local" : "--global");
  const control::Key key = key_to_use(options.key);
  const GitSigner signer{email_of(config), key.public_key};
  const std::string signers = signers_path(config);
  const std::vector<GitSetting> settings = wanted_settings(config, signer, signers);
  if (!options.force) check_overrides(settings);
  try_signing(key, signer);
  // None of it, or all of it and how to undo it.
  const Interrupts interrupts;
  const Applied applied = apply(config, settings, signers, signer);
  if (options.json) {
    std::cout << json_of_git(key.name, config.scope().substr(2), settings);
  } else {
    print(config, settings, applied, signers);
  }
  warn_of_overrides(config, settings);
}

}  // namespace

void add_git(Command fob, Action& chosen) {
  const Command git = fob.add_subcommand("git", "have git sign commits and tags by a key");
  git.require_subcommand(1, 1);
  add_json(git);
  add_command<Options>(git, chosen, "setup", "set git up to sign, and try it", define, run);
}

}  // namespace fob::cli
