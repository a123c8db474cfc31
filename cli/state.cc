#include <ctime>
#include <iostream>

#include "cli/agent_connection.h"
#include "cli/agent_socket.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/token_names.h"

namespace fob::cli {
namespace {

constexpr std::size_t group_columns = 8;
/// A refusal is of interest for so long.
constexpr std::uint64_t news_seconds = 60 * 60;

/// What `fob` alone says of the agent.
struct State {
  std::string socket;
  std::string fault;
  bool is_there = false;  ///< though it is of no use, where there is a fault
  control::Tokens tokens;
  control::Keys keys;
  control::Activity now;
  std::string vault;  ///< "open", "locked", or empty: there is none
};

State ask_state() {
  State out;
  try {
    out.socket = control_socket_path();
    out.now = ask_agent_for<control::Activity>(control::Watch{});
    if (out.now.agent_locked) return out;
    out.tokens = ask_agent_for<control::Tokens>(control::ListTokens{});
    out.keys = ask_agent_for<control::Keys>(control::ListKeys{});
    const auto vault = ask_agent_for<control::Slots>(control::ListSlots{});
    if (vault.exists) out.vault = vault.locked ? "locked" : "open";
  } catch (const Error& error) {
    out.socket.clear();
    out.fault = error.what();
    out.is_there = error.code() != Errc::not_found;
  }
  return out;
}

std::string tokens_text(const std::vector<control::Token>& tokens) {
  const std::vector<std::string> names = on_names(tokens);
  std::vector<std::string> products;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (!is_there(tokens[i])) continue;
    products.push_back(tokens[i].product + " (" + names[i] + (tokens[i].fault.empty() ? ")" : ", not usable)"));
  }
  return products.empty() ? "none plugged in" : joined(products);
}

void print_agent(const State& state) {
  if (!state.fault.empty()) {
    std::cout << "Agent:   " << (state.is_there ? "not usable: " : "") << shown(state.fault) << '\n';
    return;
  }
  const std::size_t keys = state.keys.keys.size();
  std::cout << "Agent:   " << (state.now.agent_locked ? "locked" : "answers") << " at " << shown(state.socket) << '\n';
  if (state.now.agent_locked) return;
  std::cout << "Tokens:  " << tokens_text(state.tokens.tokens) << '\n';
  std::cout << "Keys:    " << (keys == 0 ? "none yet" : std::to_string(keys)) << '\n';
  std::cout << "Vault:   " << (state.vault.empty() ? "none yet" : state.vault) << '\n';
  for (const std::string& sentence : state.now.waiting) std::cout << "Waiting: " << shown(sentence) << '\n';
  // ssh says no more than "agent refused operation".
  if (state.now.uses.empty() || state.now.uses[0].fault.empty()) return;
  const control::KeyUse& last = state.now.uses[0];
  if (last.time + news_seconds < static_cast<std::uint64_t>(time(nullptr))) return;
  std::cout << "Refused: at " << clock_of(last.time) << ", " << shown(last.key) << ", " << shown(last.purpose) << ": "
            << shown(last.fault) << '\n';
}

/// The one thing to do next.
std::string next_step(const State& state) {
  if (!state.fault.empty()) return "fob doctor says what is in the way, and what to do";
  if (state.now.agent_locked) return "ssh-add -X unlocks the agent";
  if (state.keys.keys.empty()) return "fob new NAME makes a key";
  for (const control::Token& token : state.tokens.tokens) {
    if (is_there(token) && !token.fault.empty()) return "fob tokens says why a token is not usable";
  }
  if (state.keys.vault_locked) {
    return "fob unlock opens the vault; the first use does, too, where the agent can ask (fob doctor)";
  }
  for (const control::Key& key : state.keys.keys) {
    if (key.name.empty() || !key.services.empty()) continue;
    const std::string name = shown(key.name);
    return "fob authorize " + name + " USER@HOST lets you in with " + name + "; fob public " + name +
           " prints it to paste";
  }
  return "ssh, git and ssh-add -l use the keys; fob watch shows how";
}

void print_commands(Command fob) {
  std::string group;
  for (const Command command : fob.subcommands()) {
    if (command.group() != group) {
      group = command.group();
      std::string title = group;
      title.resize(group_columns, ' ');
      std::cout << "\n  " << bold(title) << ' ';
    } else {
      std::cout << ", ";
    }
    std::cout << command.name();
  }
  std::cout << '\n';
}

}  // namespace

void show_state(Command fob, bool json) {
  const State state = ask_state();
  if (json) {
    std::cout << json_of_state(state.socket, state.fault, state.tokens.tokens.size(), state.keys.keys.size(),
                               state.vault);
    return;
  }
  std::cout << "fob makes SSH keys that live on a token or in an encrypted vault, and manages them in fob-agent.\n\n";
  print_agent(state);
  std::cout << "Next:    " << next_step(state) << "\n\nCommands:";
  print_commands(fob);
  std::cout << "\nfob --help says what each does, fob COMMAND --help which options it has; man fob says all.\n";
}

}  // namespace fob::cli
