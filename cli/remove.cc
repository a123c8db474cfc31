#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/pkcs11_uri.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  bool yes = false;
  bool force = false;
  bool from_token = false;
  std::string name;
};

void define(Command command, Options& options) {
  add_json(command, options.json);
  command.add_option("NAME", options.name, "the key").required().check(check_name_option);
  command.add_flag("--from-token", options.from_token, "delete it from the token that stores it, too");
  command.add_flag("-y,--yes", options.yes, "do not ask, but for the only copy of a key: one in the vault");
  command.add_flag("--force", options.force, "do not ask for a key in the vault, either");
}

std::string consequence(const Options& options, const control::Key& key) {
  if (options.from_token) return "It cannot be brought back.";
  if (!key.uri.empty())
    return "It stays on its token, from where fob import '" + shown(short_key_uri(key.uri)) + "' keeps it again.";
  if ((key.sk_flags & flag_resident) != 0) return "It stays on its token, from where ssh-add -K fetches it.";
  return "Without a copy of its key file it cannot be used again.";
}

/// Throws refused unless the person agrees. For a key in the vault the agent asks, and wants more than a yes.
void ask_first(const Options& options) {
  const control::Key key = key_named(options.name);
  if (key.where == "vault") return;
  const std::string what = options.from_token ? "Delete " + options.name + " from its token" : "Remove " + options.name;
  const std::string question = consequence(options, key) + ' ' + what + "? (yes/no)";
  if (!Terminal().confirms(question)) throw Error(Errc::refused, options.name + " stays: no yes was typed");
}

void run(const Options& options) {
  if (!options.yes && !options.force) ask_first(options);
  control::RemoveKey request;
  request.name = options.name;
  request.from_token = options.from_token;
  request.sure = options.force;
  ask_agent_for<control::Done>(std::move(request));
  if (options.json) {
    std::cout << json_of_done("removed", options.name);
  } else {
    std::cout << options.name << " is removed" << (options.from_token ? ", from its token, too" : "") << ".\n";
  }
}

}  // namespace

void add_remove(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "remove", "forget a key, and delete it from its token if asked to", define, run);
}

}  // namespace fob::cli
