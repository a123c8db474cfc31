#include "cli/command.h"

#include <iostream>

#include "cli/agent_connection.h"
#include "cli/agent_socket.h"
#include "cli/text.h"

namespace fob::cli {
namespace {

/// What `fob` alone says of the agent.
struct State {
  std::string socket;
  std::string fault;
  control::Tokens tokens;
  control::Keys keys;
};

State ask_state() {
  State out;
  try {
    out.socket = control_socket_path();
    out.tokens = ask_agent_for<control::Tokens>(control::ListTokens{});
    out.keys = ask_agent_for<control::Keys>(control::ListKeys{});
  } catch (const Error& error) {
    out.socket.clear();
    out.fault = error.what();
  }
  return out;
}

void print_agent(const State& state) {
  if (!state.fault.empty()) {
    std::cout << "Agent:   none. " << shown(state.fault) << '\n';
    return;
  }
  std::vector<std::string> products;
  for (const control::Token& token : state.tokens.tokens) {
    products.push_back(token.product + " (" + token.id + (token.fault.empty() ? ")" : ", not usable)"));
  }
  const std::size_t keys = state.keys.keys.size();
  std::cout << "Agent:   answers at " << shown(state.socket) << '\n';
  std::cout << "Tokens:  " << (products.empty() ? "none plugged in" : joined(products)) << '\n';
  std::cout << "Keys:    " << (keys == 0 ? "none yet: fob new NAME makes one" : std::to_string(keys)) << '\n';
}

}  // namespace

void show_state(const CLI::App& fob, bool json) {
  const State state = ask_state();
  if (json) {
    std::cout << json_of_state(state.socket, state.fault, state.tokens.tokens.size(), state.keys.keys.size());
    return;
  }
  std::cout << "fob makes SSH keys that live on a token, and manages them in fob-agent.\n\n";
  print_agent(state);
  std::cout << "\nCommands:\n";
  for (const CLI::App* command : fob.get_subcommands([](const CLI::App*) { return true; })) {
    std::string name = command->get_name();
    name.resize(10, ' ');
    std::cout << "  " << name << command->get_description() << '\n';
  }
  std::cout << "\nfob COMMAND --help has the options of each; man fob says all.\n";
}

std::string check_name_option(const std::string& name) {
  try {
    control::check_key_name(name);
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

void add_json(CLI::App& command, bool& json) { command.add_flag("--json", json, "print JSON"); }
void add_json(CLI::App& command) { command.add_flag("--json")->description("print JSON"); }

bool json_above(const CLI::App& command) {
  for (const CLI::App* above = command.get_parent(); above != nullptr; above = above->get_parent()) {
    if (above->count("--json") > 0) return true;
  }
  return false;
}

void add_on(CLI::App& command, std::string& on) {
  command.add_option("--on", on, "the token: fido, fido:SERIAL, or an id that fob tokens shows")
      ->type_name("TOKEN")
      ->capture_default_str();
}

control::Key key_named(const std::string& name) {
  control::Keys keys = ask_agent_for<control::Keys>(control::ListKeys{});
  for (control::Key& key : keys.keys) {
    if (key.name == name) return std::move(key);
  }
  throw Error(Errc::not_found, "no key is named " + name + ": fob list shows which there are");
}

control::Token token_named(const std::string& on) {
  control::Tokens all = ask_agent_for<control::Tokens>(control::ListTokens{});
  if (all.tokens.empty()) throw Error(Errc::not_found, "no token is plugged in");
  if (on == "fido" && all.tokens.size() == 1) return std::move(all.tokens[0]);
  std::vector<std::string> ids;
  for (control::Token& token : all.tokens) {
    if (token.id == on) return std::move(token);
    ids.push_back(token.id);
  }
  if (on == "fido") throw Error(Errc::refused, "several tokens are plugged in: name one with --on: " + joined(ids));
  throw Error(Errc::not_found, "no token " + on + " is plugged in; there are: " + joined(ids));
}

}  // namespace fob::cli
