#include <algorithm>
#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/token_names.h"

namespace fob::cli {
namespace {

/// A row has at most so many columns, where the token's name and a fault leave room for that.
constexpr std::size_t row_columns = 100;
constexpr std::size_t min_device_columns = 14;
constexpr std::size_t max_device_columns = 28;
constexpr std::size_t column_gap = 2;
constexpr std::string_view ready = "ready";

struct Options {
  bool json = false;
  bool verbose = false;
};

/// The kinds in few words: "ecdsa" stands for its further curves, too.
std::string types_cell(std::vector<KeyKind> kinds) {
  if (std::find(kinds.begin(), kinds.end(), KeyKind::ecdsa_p256) != kinds.end()) {
    std::erase(kinds, KeyKind::ecdsa_p384);
    std::erase(kinds, KeyKind::ecdsa_p521);
  }
  return joined(type_words(kinds));
}

std::string shortened(const std::string& text, std::size_t columns) {
  return columns_of(text) <= columns ? text : first_columns(text, columns - 3) + "...";
}

std::string device_of(const control::Token& token, std::size_t columns) {
  if (!token.pkcs11 || token.pkcs11->label.empty()) return shortened(shown(token.product), columns);
  const std::string label = shown(token.pkcs11->label);
  const std::string both = label + " (" + shown(token.pkcs11->model) + ")";
  return token.pkcs11->model.empty() || columns_of(both) > columns ? shortened(label, columns) : both;
}

/// Of a further row of the same device.
std::string applet_of(const control::Token& token, std::size_t columns) {
  std::string same = "same device";
  if (!token.pkcs11) return same;
  const Pkcs11TokenInfo& info = *token.pkcs11;
  std::string both = same + ", " + (info.is_piv ? "PIV" : shown(info.label.empty() ? info.model : info.label));
  return columns_of(both) > columns ? same : both;
}

struct Row {
  std::string name;
  std::string device;
  std::string pin;
  std::string types;
  std::string state;
};

Row row_of(const control::Token& token, const std::string& on_name) {
  if (!token.fault.empty()) return {shown(on_name), "", "", "", shown(token.fault)};
  const std::string pin = pin_text(token) + (!token.pkcs11 && token.info.built_in_uv ? ", fingerprint" : "");
  const std::string types = types_cell(token.pkcs11 ? token.pkcs11->key_kinds : token.info.key_kinds);
  return {shown(on_name), "", pin, types, std::string(ready)};
}

/// What the other columns leave for the device.
std::size_t room_for_device(const std::vector<Row>& rows) {
  std::size_t name = 0;
  std::size_t pin = 0;
  std::size_t types = 0;
  for (const Row& row : rows) {
    name = std::max(name, columns_of(row.name));
    pin = std::max(pin, columns_of(row.pin));
    types = std::max(types, columns_of(row.types));
  }
  const std::size_t taken = name + pin + types + ready.size() + 4 * column_gap;
  return std::clamp(row_columns - std::min(taken, row_columns), min_device_columns, max_device_columns);
}

void print_table(const std::vector<control::Token>& tokens, const std::vector<std::string>& names) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < tokens.size(); ++i) rows.push_back(row_of(tokens[i], names[i]));
  const std::size_t room = room_for_device(rows);
  Table table({"TOKEN", "DEVICE", "PIN", "TYPES", "STATE"});
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const bool is_further = i > 0 && are_one_device(tokens[i - 1], tokens[i]);
    rows[i].device = is_further ? applet_of(tokens[i], room) : device_of(tokens[i], room);
    table.add({rows[i].name, rows[i].device, rows[i].pin, rows[i].types, rows[i].state});
  }
  table.print(std::cout);
}

void print_detail(const char* what, const std::string& value) {
  std::string name = what;
  name.resize(12, ' ');
  std::cout << "  " << name << (value.empty() ? "-" : value) << '\n';
}

std::string resident_text(const TokenInfo& info) {
  if (!info.resident_keys) return "none possible";
  return info.resident_left ? std::to_string(*info.resident_left) + " free" : "possible";
}

void print_fido2(const TokenInfo& info) {
  print_detail("firmware", firmware_text(info.firmware));
  print_detail("AAGUID", aaguid_text(info.aaguid));
  print_detail("versions", joined(info.versions));
  print_detail("extensions", joined(info.extensions));
  print_detail("transports", joined(info.transports));
  print_detail("resident", resident_text(info));
  print_detail("PIN", "at least " + std::to_string(info.min_pin_length) + " characters" +
                          (info.always_uv ? ", for every use" : ""));
}

std::string all_types(const Pkcs11TokenInfo& info) {
  std::vector<std::string> words = type_words(info.key_kinds);
  const auto rsa = std::find(words.begin(), words.end(), "rsa");
  if (rsa != words.end() && info.rsa_max_bits != 0) {
    *rsa += " of " + std::to_string(info.rsa_min_bits) + " to " + std::to_string(info.rsa_max_bits) + " bits";
  }
  return joined(words);
}

void print_pkcs11(const Pkcs11TokenInfo& info) {
  print_detail("label", shown(info.label));
  print_detail("maker", shown(info.manufacturer));
  print_detail("model", shown(info.model));
  print_detail("slot", shown(info.slot));
  print_detail("firmware", shown(info.firmware));
  print_detail("types", all_types(info));
  print_detail("PIN", std::to_string(info.min_pin_length) + " to " + std::to_string(info.max_pin_length) + " bytes" +
                          (info.pin_pad ? ", typed at the reader" : ""));
  if (info.write_protected) print_detail("writing", "not possible: the token is write-protected");
}

void print_details(const control::Token& token, const std::string& on_name) {
  std::cout << '\n' << shown(on_name) << '\n';
  if (on_name != token.id) print_detail("URI", shown(token.id));
  print_detail("product", shown(token.product));
  print_detail("serial", shown(token.serial));
  print_detail(is_fido2(token) ? "path" : "module", shown(token.path));
  if (!token.fault.empty()) return;
  if (token.pkcs11) {
    print_pkcs11(*token.pkcs11);
  } else {
    print_fido2(token.info);
  }
}

void define(Command command, Options& options) {
  add_json(command, options.json);
  command.add_flag("-v,--verbose", options.verbose,
                   "show firmware, device or module, URI, reader and what else the tokens say, too");
}

void print(const control::Tokens& reply, bool verbose) {
  const std::vector<control::Token> tokens = by_device(reply.tokens);
  const std::vector<std::string> names = on_names(tokens);
  print_table(tokens, names);
  if (!verbose) return;
  for (std::size_t i = 0; i < tokens.size(); ++i) print_details(tokens[i], names[i]);
}

void run(const Options& options) {
  const auto reply = ask_agent_for<control::Tokens>(control::ListTokens{});
  if (options.json) {
    std::cout << json_of(reply);
  } else if (reply.tokens.empty()) {
    std::cerr << "No token is plugged in.\n";
  } else {
    print(reply, options.verbose);
  }
}

}  // namespace

void add_tokens(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "tokens", "show which tokens there are, and their state", define, run);
}

}  // namespace fob::cli
