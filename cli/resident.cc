#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "protocol/fingerprint.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  std::string on = "fido";
};

struct RemoveOptions : Options {
  bool yes = false;
  std::string key;
};

struct RenameOptions : Options {
  std::string key;
  std::string user;
};

void define(CLI::App& command, Options& options) {
  add_json(command, options.json);
  add_on(command, options.on);
}

void define_key(CLI::App& command, std::string& key) {
  command.add_option("KEY", key, "its fingerprint (or how that begins), application, or user")->required();
}

void define_remove(CLI::App& command, RemoveOptions& options) {
  define(command, options);
  define_key(command, options.key);
  command.add_flag("-y,--yes", options.yes, "do not ask");
}

void define_rename(CLI::App& command, RenameOptions& options) {
  define(command, options);
  define_key(command, options.key);
  command.add_option("USER", options.user, "the new user name")->required();
}

std::string described(const control::Resident& key) {
  return shown(key.public_key.application) + (key.user.empty() ? "" : " of " + shown(key.user)) + " (" +
         fingerprint(key.public_key) + ")";
}

bool is_meant(const control::Resident& key, const std::string& by) {
  constexpr std::string_view prefix = "SHA256:";
  if (by.starts_with(prefix) && by.size() > prefix.size()) return fingerprint(key.public_key).starts_with(by);
  return key.public_key.application == by || key.user == by;
}

/// The one key that `by` means.
control::Resident find(const Options& options, const std::string& by) {
  control::Residents all = ask_agent_for<control::Residents>(control::ListResident{options.on});
  std::vector<control::Resident*> found;
  for (control::Resident& key : all.keys) {
    if (is_meant(key, by)) found.push_back(&key);
  }
  if (found.empty()) {
    throw Error(Errc::not_found, "no resident key has that fingerprint, application or user: " + shown(by) +
                                     "; fob resident list shows which there are");
  }
  if (found.size() > 1) {
    throw Error(Errc::refused, std::to_string(found.size()) + " resident keys are meant by " + shown(by) +
                                   ": name one by fingerprint");
  }
  return std::move(*found[0]);
}

void run_list(const Options& options) {
  const auto reply = ask_agent_for<control::Residents>(control::ListResident{options.on});
  if (options.json) {
    std::cout << json_of(reply);
    return;
  }
  if (reply.keys.empty()) {
    std::cerr << "The token holds no resident SSH keys.\n";
    return;
  }
  Table table({"APPLICATION", "USER", "TYPE", "NEEDS", "FINGERPRINT"});
  for (const control::Resident& key : reply.keys) {
    table.add({shown(key.public_key.application), shown(key.user), key.public_key.display_type(),
               needs_of(key.sk_flags), fingerprint(key.public_key)});
  }
  table.print(std::cout);
}

void run_remove(const RemoveOptions& options) {
  const control::Resident key = find(options, options.key);
  const std::string what = described(key);
  if (!options.yes && !Terminal().confirms("It cannot be brought back. Delete " + what + " from the token? (yes/no)")) {
    throw Error(Errc::refused, what + " stays: no yes was typed");
  }
  ask_agent_for<control::Done>(control::RemoveResident{options.on, key.key_handle});
  std::cout << (options.json ? json_of_done("removed", fingerprint(key.public_key)) : what + " is deleted.\n");
}

void run_rename(const RenameOptions& options) {
  const control::Resident key = find(options, options.key);
  ask_agent_for<control::Done>(control::RenameResident{options.on, key.key_handle, options.user});
  std::cout << (options.json ? json_of_done("renamed", fingerprint(key.public_key))
                             : described(key) + " is now of " + shown(options.user) + ".\n");
}

}  // namespace

void add_resident(CLI::App& fob, Action& chosen) {
  CLI::App* resident = fob.add_subcommand("resident", "list, delete or rename the SSH keys stored on a token itself");
  resident->require_subcommand(1);
  add_json(*resident);
  add_command<Options>(*resident, chosen, "list", "list them", define, run_list);
  add_command<RemoveOptions>(*resident, chosen, "remove", "delete one", define_remove, run_remove);
  add_command<RenameOptions>(*resident, chosen, "rename", "give one another user name", define_rename, run_rename);
}

}  // namespace fob::cli
