#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "protocol/pkcs11_info.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  std::string on = "fido";
};

void define(Command command, Options& options) {
  add_json(command, options.json);
  add_on(command, options.on);
}

/// The agent has the person type the token's name first.
void run(const Options& options) {
  if (is_pkcs11_uri(options.on)) {
    throw Error(Errc::unsupported, "fob erases FIDO2 tokens only; a PKCS#11 token has a tool of its maker's for that");
  }
  ask_agent_for<control::Done>(control::ResetToken{options.on});
  if (options.json) {
    std::cout << json_of_done("reset", options.on);
  } else {
    std::cout << "The token is erased: it has no PIN and no resident keys, and no key made with it works any more.\n";
  }
}

}  // namespace

void add_reset(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "reset", "erase a FIDO2 token: every key on it, and its PIN", define, run);
}

}  // namespace fob::cli
