#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/key_list.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  bool files = false;
};

void define(Command command, Options& options) {
  add_json(command, options.json);
  command.add_flag("--files", options.files, "and the keys in ~/.ssh, as fob keys does");
}

void run(const Options& options) {
  if (options.files) return show_all_keys(options.json);
  const auto reply = ask_agent_for<control::Keys>(control::ListKeys{});
  if (options.json) {
    write_json(std::cout, reply);
  } else {
    print_keys(reply);
  }
}

}  // namespace

void add_list(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "list", "list the keys that the agent holds or keeps", define, run);
}

}  // namespace fob::cli
