#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/table.h"
#include "cli/text.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  bool verbose = false;
};

std::string types_of(const TokenInfo& info) {
  std::vector<std::string> words;
  for (const KeyKind kind : info.key_kinds) words.push_back(type_word(kind));
  return joined(words);
}

std::string resident_text(const TokenInfo& info) {
  if (!info.resident_keys) return "none possible";
  return info.resident_left ? std::to_string(*info.resident_left) + " free" : "possible";
}

std::string pin_cell(const TokenInfo& info) { return pin_text(info) + (info.built_in_uv ? ", fingerprint" : ""); }

std::vector<std::string> row_of(const control::Token& token) {
  const std::string id = shown(token.id);
  const std::string product = shown(token.product);
  if (!token.fault.empty()) return {id, product, "", "", "", "", shown(token.fault)};
  const TokenInfo& info = token.info;
  return {id, product, firmware_text(info.firmware), pin_cell(info), types_of(info), resident_text(info), "ready"};
}

void print_details(const control::Token& token) {
  std::cout << '\n' << shown(token.id) << '\n';
  std::cout << "  path        " << shown(token.path) << '\n';
  if (!token.fault.empty()) return;
  std::cout << "  AAGUID      " << aaguid_text(token.info.aaguid) << '\n';
  std::cout << "  versions    " << joined(token.info.versions) << '\n';
  std::cout << "  extensions  " << joined(token.info.extensions) << '\n';
  std::cout << "  transports  " << joined(token.info.transports) << '\n';
  std::cout << "  PIN         at least " << token.info.min_pin_length << " characters"
            << (token.info.always_uv ? ", for every use" : "") << '\n';
}

void define(CLI::App& command, Options& options) {
  add_json(command, options.json);
  command.add_flag("-v,--verbose", options.verbose, "show AAGUID, path, versions, extensions and transports too");
}

void run(const Options& options) {
  const auto reply = ask_agent_for<control::Tokens>(control::ListTokens{});
  if (options.json) {
    std::cout << json_of(reply);
    return;
  }
  if (reply.tokens.empty()) {
    std::cerr << "No token is plugged in.\n";
    return;
  }
  Table table({"TOKEN", "PRODUCT", "FIRMWARE", "PIN", "TYPES", "RESIDENT KEYS", "STATE"});
  for (const control::Token& token : reply.tokens) table.add(row_of(token));
  table.print(std::cout);
  if (!options.verbose) return;
  for (const control::Token& token : reply.tokens) print_details(token);
}

}  // namespace

void add_tokens(CLI::App& fob, Action& chosen) {
  add_command<Options>(fob, chosen, "tokens", "show which tokens are plugged in, and their state", define, run);
}

}  // namespace fob::cli
