#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  std::string name;
  std::string new_name;
};

void define(Command command, Options& options) {
  add_json(command, options.json);
  command.add_option("OLD", options.name, "the key").required().check(check_name_option);
  command.add_option("NEW", options.new_name, "what to call it from now on").required().check(check_name_option);
}

void run(const Options& options) {
  control::ChangeKey request;
  request.name = options.name;
  request.new_name = options.new_name;
  const control::Key key = changed_key(std::move(request));
  std::cout << (options.json ? json_of(key) : options.name + " is called " + key.name + " now.\n");
}

}  // namespace

void add_rename(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "rename", "give a key another name", define, run);
}

}  // namespace fob::cli
