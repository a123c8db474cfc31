#include "cli/command.h"

#include <iostream>

#include "cli/agent_connection.h"
#include "cli/agent_socket.h"
#include "cli/pkcs11_uri.h"
#include "cli/text.h"
#include "cli/token_names.h"
#include "protocol/limits.h"
#include "protocol/pkcs11_info.h"

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
  const std::vector<control::Token>& tokens = state.tokens.tokens;
  const std::vector<std::string> names = on_names(tokens);
  std::vector<std::string> products;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    products.push_back(tokens[i].product + " (" + names[i] + (tokens[i].fault.empty() ? ")" : ", not usable)"));
  }
  const std::size_t keys = state.keys.keys.size();
  std::cout << "Agent:   answers at " << shown(state.socket) << '\n';
  std::cout << "Tokens:  " << (products.empty() ? "none plugged in" : joined(products)) << '\n';
  std::cout << "Keys:    " << (keys == 0 ? "none yet: fob new NAME makes one" : std::to_string(keys)) << '\n';
}

}  // namespace

std::string check_on_option(const std::string& on) {
  if (is_pkcs11_uri(on)) return check_uri_option(on);
  if (on.size() <= limits::token_id_bytes) return {};
  return "no token has a name of " + std::to_string(on.size()) + " bytes";
}

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
  command
      .add_option(
          "--on", on,
          "the token: fido (the only FIDO2 token), an id that fob tokens shows, or a PKCS#11 URI that means one")
      ->type_name("TOKEN")
      ->check(check_on_option)
      ->capture_default_str();
}

control::Key key_named(const std::string& name) {
  control::Keys keys = ask_agent_for<control::Keys>(control::ListKeys{});
  for (control::Key& key : keys.keys) {
    if (key.name == name) return std::move(key);
  }
  throw Error(Errc::not_found, "no key is named " + name + ": fob list shows which there are");
}

}  // namespace fob::cli
