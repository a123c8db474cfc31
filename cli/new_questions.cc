#include "cli/new_questions.h"

#include <algorithm>
#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/token_names.h"
#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob::cli {
namespace {

constexpr int attempts = 3;

/// What can be chosen; the first one is the default.
struct Choice {
  std::string text;
  control::Token token;  ///< of a place; without an id: the vault
  std::string on;
  KeyKind kind = KeyKind::ed25519;  ///< of a type
  std::uint32_t rsa_bits = 0;
};

std::string ask(const std::string& question, const std::string& usual) {
  const std::string prompt = usual.empty() ? question : question + " [" + usual + "]";
  const std::optional<SecretBytes> typed = Terminal().ask_line(prompt);
  return typed ? std::string(as_text(typed->view())) : usual;
}

[[noreturn]] void give_up() { throw Error(Errc::refused, "nothing that fits was typed: no key is made"); }

/// 0: it is no number of a line.
std::size_t line_number(const std::string& typed, std::size_t lines) {
  const bool is_number = typed.size() < 4 && typed.find_first_not_of("0123456789") == std::string::npos;
  const std::size_t number = is_number && !typed.empty() ? std::stoul(typed) : 0;
  return number <= lines ? number : 0;
}

/// `remarks`: lines that cannot be chosen. Where there is one choice only, nothing is asked.
Choice choose(const std::string& title, const std::vector<Choice>& choices, const std::vector<std::string>& remarks) {
  if (choices.size() > 1) std::cout << title << '\n';
  for (std::size_t i = 0; i < choices.size() && choices.size() > 1; ++i) {
    std::cout << "  " << i + 1 << "  " << choices[i].text << '\n';
  }
  for (const std::string& remark : remarks) std::cout << "     " << remark << '\n';
  if (choices.size() == 1) return choices[0];
  for (int attempt = 0; attempt < attempts; ++attempt) {
    std::cout << std::flush;
    const std::string typed = ask("Number", "1");
    if (const std::size_t number = line_number(typed, choices.size())) return choices[number - 1];
    std::cout << "Type one of the numbers from 1 to " << choices.size() << ", or Enter for 1.\n";
  }
  give_up();
}

void ask_name(NewOptions& options) {
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const std::string typed = ask("What is the key to be called", "");
    const std::string fault = typed.empty() ? "a key needs a name, such as laptop or github" : check_name_option(typed);
    options.key.name = typed;
    if (fault.empty()) return;
    std::cout << shown(fault) << '\n' << std::flush;
  }
  give_up();
}

Choice vault() {
  Choice out;
  out.text = "the vault: an encrypted file of the agent's, on this machine";
  out.on = vault_place;
  return out;
}

/// A FIDO2 token first, for that is the default; then the vault.
void ask_place(NewOptions& options, control::Token& token) {
  const std::vector<control::Token> tokens = ask_agent_for<control::Tokens>(control::ListTokens{}).tokens;
  const std::vector<std::string> names = on_names(tokens);
  std::vector<Choice> fido2;
  std::vector<Choice> others{vault()};
  std::vector<std::string> unusable;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (!is_there(tokens[i])) continue;
    const std::string text = shown(tokens[i].product) + " (" + shown(names[i]) + ")";
    if (!tokens[i].fault.empty()) {
      unusable.push_back("not usable now: " + text + ": " + shown(tokens[i].fault));
    } else {
      Choice& choice = (is_fido2(tokens[i]) ? fido2 : others).emplace_back();
      choice.text = text;
      choice.token = tokens[i];
      choice.on = tokens[i].id;
    }
  }
  fido2.insert(fido2.end(), others.begin(), others.end());
  const Choice chosen = choose("Where is the key to be kept?", fido2, unusable);
  options.key.on = chosen.on;
  token = chosen.token;
}

Choice type(KeyKind kind, std::uint32_t rsa_bits, const std::string& remark) {
  Choice out;
  out.kind = kind;
  out.rsa_bits = rsa_bits;
  const std::uint32_t bits = is_ecdsa(kind) ? traits(kind).bits : rsa_bits;
  out.text = type_word(kind) + (bits == 0 ? "" : ", " + std::to_string(bits) + " bits") + remark;
  return out;
}

std::vector<Choice> types_of_vault() {
  return {type(KeyKind::ed25519, 0, ": short, fast, and taken nearly everywhere"),
          type(KeyKind::ecdsa_p256, 0, ""),
          type(KeyKind::ecdsa_p384, 0, ""),
          type(KeyKind::ecdsa_p521, 0, ""),
          type(KeyKind::rsa, 3072, ": for old servers"),
          type(KeyKind::rsa, 2048, ""),
          type(KeyKind::rsa, 4096, "")};
}

std::vector<Choice> types_of_fido2() {
  return {type(KeyKind::sk_ecdsa_p256, 0, ": made by every FIDO2 token"), type(KeyKind::sk_ed25519, 0, "")};
}

std::vector<Choice> types_of_pkcs11() {
  return {type(KeyKind::ecdsa_p256, 0, ""), type(KeyKind::ecdsa_p384, 0, ""), type(KeyKind::ecdsa_p521, 0, ""),
          type(KeyKind::ed25519, 0, ""),    type(KeyKind::rsa, 2048, ""),     type(KeyKind::rsa, 3072, ""),
          type(KeyKind::rsa, 4096, "")};
}

bool makes(const control::Token& token, const Choice& type) {
  const std::vector<KeyKind>& kinds = token.pkcs11 ? token.pkcs11->key_kinds : token.info.key_kinds;
  if (std::find(kinds.begin(), kinds.end(), type.kind) == kinds.end()) return false;
  if (type.kind != KeyKind::rsa) return true;
  return type.rsa_bits >= token.pkcs11->rsa_min_bits && type.rsa_bits <= token.pkcs11->rsa_max_bits;
}

void ask_type(NewOptions& options, const control::Token& token) {
  const bool is_vault = token.id.empty();
  std::vector<Choice> types = is_vault ? types_of_vault() : is_fido2(token) ? types_of_fido2() : types_of_pkcs11();
  if (!is_vault) std::erase_if(types, [&](const Choice& type) { return !makes(token, type); });
  // It is for the agent to say what is wrong with a token that makes no keys.
  if (types.empty()) return;
  const Choice chosen = choose("Which type?", types, {});
  options.key.kind = chosen.kind;
  options.key.rsa_bits = chosen.rsa_bits;
  if (!is_sk(chosen.kind)) options.key.application.clear();
}

void ask_slot(NewOptions& options, const control::Token& token) {
  if (!token.pkcs11 || !token.pkcs11->is_piv) return;
  std::vector<Choice> slots(4);
  slots[0].text = "9a, for logging in";
  slots[1].text = "9c, for signatures: wants the PIN each time";
  slots[2].text = "9d, for encryption";
  slots[3].text = "9e, for doors: wants no PIN";
  options.key.piv.slot = choose("Which slot of the card?", slots, {}).text.substr(0, 2);
}

void ask_comment(NewOptions& options) {
  std::string typed = ask("Comment", options.key.comment);
  const std::string fault = check_comment_option(typed);
  if (!fault.empty()) throw Error(Errc::malformed, fault + ": no key is made");
  options.key.comment = std::move(typed);
}

}  // namespace

void check_name_is_free(const std::string& name) {
  for (const control::Key& key : ask_agent_for<control::Keys>(control::ListKeys{}).keys) {
    if (key.name != name) continue;
    throw Error(Errc::refused, "there is a key named " + shown(name) +
                                   " already, and it stays: choose another name, or rename that " +
                                   "one with fob rename");
  }
}

void ask_for_rest(NewOptions& options) {
  if (!may_ask(options)) return;
  if (options.key.name.empty()) ask_name(options);
  check_name_is_free(options.key.name);
  if (options.decided) return;
  control::Token token;
  ask_place(options, token);
  ask_type(options, token);
  ask_slot(options, token);
  ask_comment(options);
}

}  // namespace fob::cli
