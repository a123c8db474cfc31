#include "cli/command.h"
#include "cli/key_list.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
};

void define(Command command, Options& options) { add_json(command, options.json); }
void run(const Options& options) { show_all_keys(options.json); }

}  // namespace

void add_keys(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "keys", "show every key that is here: of the agent and in ~/.ssh", define, run);
}

}  // namespace fob::cli
