#include <strings.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "cli/askpass.h"
#include "cli/doctor.h"
#include "cli/text.h"

namespace fob::cli {
namespace {

std::string variable(const char* name) {
  const char* value = getenv(name);
  return value != nullptr ? value : "";
}

/// As the agent finds it (SSH_ASKPASS of ssh(1)).
bool is_program(const std::string& program) {
  if (program.find('/') != std::string::npos) return access(program.c_str(), X_OK) == 0;
  const std::string path = variable("PATH");
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find(':', at), path.size());
    if (access((path.substr(at, end - at) + "/" + program).c_str(), X_OK) == 0) return true;
    at = end + 1;
  }
  return false;
}

std::string program_fault(const std::string& program) {
  return is_program(program) ? "" : "there is no program " + shown(program);
}

/// Why no askpass program can ask; empty: one can.
std::string askpass_fault() {
  if (askpass_use() == AskpassUse::never) {
    if (strcasecmp(variable("SSH_ASKPASS_REQUIRE").c_str(), "never") == 0) return "SSH_ASKPASS_REQUIRE is never";
    return "neither DISPLAY nor WAYLAND_DISPLAY is set";
  }
  const std::string named = variable("SSH_ASKPASS");
  return program_fault(named.empty() ? default_askpass : named);
}

/// Whether a touch is enough to open the vault.
bool token_opens_vault(const AgentView& agent) {
  return std::any_of(agent.slots.slots.begin(), agent.slots.slots.end(), [&](const control::Slot& slot) {
    return slot.kind == KeyslotKind::fido && !slot.pin &&
           std::any_of(agent.tokens.tokens.begin(), agent.tokens.tokens.end(), [&](const control::Token& token) {
             return token.fault.empty() && title_of(token) == slot.name;
           });
  });
}

/// Whether the agent would ask for it: some tokens want none, or ask at a reader of their own.
bool wants_pin(const control::Key& key, const AgentView& agent) {
  const bool is_possible = !key.uri.empty() || (is_sk(key.public_key.kind) && (key.sk_flags & flag_pin) != 0);
  const control::Token* token = is_possible ? token_of(key, agent) : nullptr;
  if (token == nullptr) return false;  // one that is not there is another finding
  if (token->pkcs11) return token->pkcs11->login_required && !token->pkcs11->pin_pad;
  return !token->info.built_in_uv;
}

/// What has to be typed when ssh uses the key; empty: nothing.
std::string typed_for(const control::Key& key, const AgentView& agent) {
  if (key.where != "vault") return wants_pin(key, agent) ? "the PIN" : "";
  return agent.keys.vault_locked && !token_opens_vault(agent) ? "the vault's passphrase," : "";
}

std::string for_key(const control::Key& key) {
  return " for the key " + shown(key.name.empty() ? key.comment : key.name);
}

Finding no_askpass(const std::string& question, const std::string& fault, const std::string& remedy) {
  return {"no-askpass", "Nobody can be asked for " + question + " when ssh uses it: " + fault + ".", remedy};
}

std::string askpass_remedy(bool vault) {
  return std::string(vault ? "Open the vault before, here: fob unlock. Or have" : "Have") +
         " a program ask: install ssh-askpass, or name one that is there in SSH_ASKPASS (without a screen with "
         "SSH_ASKPASS_REQUIRE=force), and start fob-agent anew with that.";
}

constexpr const char* pinentry_remedy =
    "Install it (sudo apt install pinentry-curses, or another), or name one that is there in [prompt] of agent.toml "
    "(fob-agent.toml(5)), and start fob-agent anew.";

}  // namespace

Findings check_askpass(const AgentView& agent, const std::string& pinentry) {
  const std::string for_yes = askpass_fault();
  const std::string for_typing = pinentry.empty() ? for_yes : program_fault(pinentry);
  for (const control::Key& key : agent.keys.keys) {
    if (!key.loaded) continue;
    if (key.confirm && !for_yes.empty()) return {no_askpass("a yes" + for_key(key), for_yes, askpass_remedy(false))};
    const std::string typed = for_typing.empty() ? "" : typed_for(key, agent);
    if (typed.empty()) continue;
    return {no_askpass(typed + for_key(key), for_typing,
                       pinentry.empty() ? askpass_remedy(key.where == "vault") : pinentry_remedy)};
  }
  return {};
}

}  // namespace fob::cli
