#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/token_names.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  std::string on = "fido";
};

struct StatusOptions {
  bool json = false;
  std::string on;
};

void define(Command command, Options& options) {
  add_json(command, options.json);
  add_on(command, options.on);
}

void define_status(Command command, StatusOptions& options) {
  add_json(command, options.json);
  add_on(command, options.on);
}

/// `what` for programs, `done` for people.
void report(const Options& options, const char* what, const char* done) {
  if (options.json) {
    std::cout << json_of_done(what, options.on);
  } else {
    std::cout << "The PIN is " << done << ".\n";
  }
}

void run_set(const Options& options) {
  ask_agent_for<control::Done>(control::SetPin{options.on});
  report(options, "pin_set", "set");
}

void run_change(const Options& options) {
  ask_agent_for<control::Done>(control::ChangePin{options.on});
  report(options, "pin_changed", "changed");
}

void run_unblock(const Options& options) {
  ask_agent_for<control::Done>(control::UnblockPin{options.on});
  report(options, "pin_unblocked", "set anew");
}

void run_status(const StatusOptions& options) {
  control::Tokens reply;
  if (options.on.empty()) {
    reply = ask_agent_for<control::Tokens>(control::ListTokens{});
  } else {
    reply.tokens.push_back(token_named(options.on));
  }
  if (options.json) {
    std::cout << json_of(reply);
    return;
  }
  if (reply.tokens.empty()) {
    std::cerr << "No token is plugged in.\n";
    return;
  }
  Table table({"TOKEN", "PRODUCT", "PIN"});
  const std::vector<std::string> names = on_names(reply.tokens);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const control::Token& token = reply.tokens[i];
    table.add({shown(names[i]), shown(token.product),
               token.fault.empty() ? pin_text(token) : "unknown: " + shown(token.fault)});
  }
  table.print(std::cout);
}

}  // namespace

void add_pin(Command fob, Action& chosen) {
  const Command pin = fob.add_subcommand("pin", "set, change or unblock a token's PIN, or show its state");
  pin.require_subcommand(1, 1);
  add_json(pin);
  add_command<Options>(pin, chosen, "set", "set the first PIN", define, run_set);
  add_command<Options>(pin, chosen, "change", "change the PIN", define, run_change);
  add_command<Options>(pin, chosen, "unblock", "set a blocked PIN anew, with the PUK or the SO PIN", define,
                       run_unblock);
  add_command<StatusOptions>(pin, chosen, "status", "show whether a PIN is set, and the tries left", define_status,
                             run_status);
}

}  // namespace fob::cli
