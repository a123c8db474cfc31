#include <locale.h>
#include <signal.h>
#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <iostream>

#include "cli/command.h"
#include "cli/interrupts.h"
#include "cli/text.h"
#include "protocol/error.h"
#include "protocol/secret_heap.h"

namespace fob::cli {
namespace {

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;
constexpr int exit_signal = 128;

/// PINs and passphrases pass through here: no core dump, no debugger of the same user. A file that may not grow is an
/// error as a full disk is, so that nothing half written stays.
void harden_process() {
  signal(SIGXFSZ, SIG_IGN);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
}

struct Group {
  const char* title;
  std::vector<void (*)(Command, Action&)> commands;
};

void add_commands(Command fob, Action& chosen) {
  const std::vector<Group> groups{
      {"Keys",
       {add_new, add_list, add_keys, add_public, add_import, add_export, add_passphrase, add_comment, add_rename,
        add_rotate, add_remove}},
      {"Use", {add_authorize, add_sign, add_verify, add_git, add_doctor, add_watch}},
      {"Tokens", {add_tokens, add_pin, add_resident, add_attest, add_reset}},
      {"Vault", {add_unlock, add_lock, add_slot, add_backup, add_restore}},
  };
  for (const Group& group : groups) {
    for (const auto add : group.commands) {
      add(fob, chosen);
      fob.subcommands().back().set_group(group.title);
    }
  }
}

int report(const UsageError& error) {
  std::cerr << "fob: " << shown(error.what()) << "\nfob --help, or fob COMMAND --help, shows what is possible.\n";
  return exit_usage;
}

void run(const Action& chosen, Command fob, bool json) {
  if (chosen) {
    chosen();
  } else {
    show_state(fob, json);
  }
  if (!std::cout.flush()) throw Error(Errc::system, "cannot write to standard output");
}

int run(int argc, char** argv) {
  CommandLine line("SSH keys that live on a token or in an encrypted vault", "fob", "fob " FOB_VERSION);
  const Command fob = line.root();
  bool json = false;
  Action chosen;
  add_json(fob, json);
  fob.require_subcommand(0, 1);
  add_commands(fob, chosen);
  try {
    if (!line.parse(argc, argv)) return 0;
  } catch (const UsageError& error) {
    return report(error);
  }
  run(chosen, fob, json);
  return 0;
}

}  // namespace
}  // namespace fob::cli

int main(int argc, char** argv) {
  // Only for the width of characters; the texts are English.
  setlocale(LC_CTYPE, "C.UTF-8");
  try {
    fob::cli::harden_process();
    fob::SecretHeap::adopt_openssl();
    if (sodium_init() < 0) throw fob::Error(fob::Errc::system, "libsodium cannot start");
    return fob::cli::run(argc, argv);
  } catch (const fob::cli::Interrupted& interrupted) {
    return fob::cli::exit_signal + interrupted.signal;
  } catch (const std::exception& error) {
    std::cout.flush();
    std::cerr << "fob: " << fob::cli::shown(error.what()) << '\n';
  }
  return fob::cli::exit_failure;
}
