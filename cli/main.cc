#include <locale.h>
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

/// PINs and passphrases pass through here: no core dump, no debugger of the same user.
void harden_process() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
}

void add_commands(CLI::App& fob, Action& chosen) {
  for (const auto add : {add_new, add_list, add_public, add_tokens, add_pin, add_import, add_export, add_remove,
                         add_resident, add_attest, add_reset}) {
    add(fob, chosen);
  }
}

/// Help goes to standard output; what is wrong with the command line, to standard error.
int report_parse(const CLI::App& fob, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return fob.exit(error);
  std::cerr << "fob: " << shown(error.what()) << "\nfob --help, or fob COMMAND --help, shows what is possible.\n";
  return exit_usage;
}

void run(const Action& chosen, const CLI::App& fob, bool json) {
  if (chosen) {
    chosen();
  } else {
    show_state(fob, json);
  }
  if (!std::cout.flush()) throw Error(Errc::system, "cannot write to standard output");
}

int run(int argc, char** argv) {
  CLI::App fob("SSH keys that live on a token", "fob");
  bool json = false;
  Action chosen;
  add_json(fob, json);
  fob.set_version_flag("--version", "fob " FOB_VERSION, "print the version");
  fob.require_subcommand(0, 1);
  add_commands(fob, chosen);
  try {
    fob.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report_parse(fob, error);
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
