#include <iostream>

#include "cli/command.h"
#include "cli/text.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  std::string name;
};

void define(CLI::App& command, Options& options) {
  add_json(command, options.json);
  command.add_option("NAME", options.name, "the key")->required()->check(check_name_option);
}

void run(const Options& options) {
  const control::Key key = key_named(options.name);
  std::cout << (options.json ? json_of(key) : public_key_line(key.public_key, key.comment) + '\n');
}

}  // namespace

void add_public(CLI::App& fob, Action& chosen) {
  add_command<Options>(fob, chosen, "public", "print a public key, as for authorized_keys", define, run);
}

}  // namespace fob::cli
