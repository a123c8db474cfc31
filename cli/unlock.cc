#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"

namespace fob::cli {
namespace {

struct UnlockOptions {
  bool json = false;
  std::optional<KeyslotKind> with;
};

struct LockOptions {
  bool json = false;
};

void define_unlock(Command command, UnlockOptions& options) {
  add_json(command, options.json);
  std::vector<std::string> names;
  for (const KeyslotKind kind : keyslot_kinds) names.emplace_back(name_of(kind));
  const auto take = [&options](const std::string& name) {
    options.with = *std::find_if(keyslot_kinds.begin(), keyslot_kinds.end(),
                                 [&](KeyslotKind kind) { return name_of(kind) == name; });
  };
  command.add_option_function("--with", take, "with this only, and not with whatever is at hand").words(names);
}

void define_lock(Command command, LockOptions& options) { add_json(command, options.json); }

void run_unlock(const UnlockOptions& options) {
  ask_agent_for<control::Done>(control::UnlockVault{options.with});
  std::cout << (options.json ? json_of_done("vault", "open") : "The vault is open.\n");
}

void run_lock(const LockOptions& options) {
  ask_agent_for<control::Done>(control::LockVault{});
  std::cout << (options.json ? json_of_done("vault", "locked") : "The vault is locked.\n");
}

}  // namespace

void add_unlock(Command fob, Action& chosen) {
  add_command<UnlockOptions>(fob, chosen, "unlock", "open the vault, by token, passphrase or recovery code",
                             define_unlock, run_unlock);
}

void add_lock(Command fob, Action& chosen) {
  add_command<LockOptions>(fob, chosen, "lock", "lock the vault", define_lock, run_lock);
}

}  // namespace fob::cli
