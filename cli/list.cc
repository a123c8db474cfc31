#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/table.h"
#include "cli/text.h"
#include "protocol/fingerprint.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
};

std::string where_of(const control::Key& key) {
  const std::string where = shown(key.where) + (key.token.empty() ? "" : " " + shown(key.token));
  return key.loaded ? where : where + " (not loaded)";
}

void define(CLI::App& command, Options& options) { add_json(command, options.json); }

void run(const Options& options) {
  const auto reply = ask_agent_for<control::Keys>(control::ListKeys{});
  if (options.json) {
    std::cout << json_of(reply);
    return;
  }
  if (reply.keys.empty()) {
    std::cerr << "There are no keys yet: fob new NAME makes one.\n";
    return;
  }
  Table table({"NAME", "TYPE", "WHERE", "NEEDS", "FINGERPRINT", "COMMENT"});
  for (const control::Key& key : reply.keys) {
    table.add({shown(key.name), key.public_key.display_type(), where_of(key), needs_of(key),
               fingerprint(key.public_key), shown(key.comment)});
  }
  table.print(std::cout);
}

}  // namespace

void add_list(CLI::App& fob, Action& chosen) {
  add_command<Options>(fob, chosen, "list", "list the keys that the agent holds or keeps", define, run);
}

}  // namespace fob::cli
