#include <filesystem>
#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/file.h"
#include "cli/read_key_file.h"
#include "cli/recovery_code.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  bool no_passphrase = false;
  bool all = false;
  std::string file;  ///< empty: the vault
};

void check(Command command, const Options& options) {
  // An unset variable of a script, perhaps.
  if (command.is_given("FILE") && options.file.empty()) throw UsageError("the name of the file is empty");
  if (options.file.empty() && options.no_passphrase) {
    throw UsageError("--no-passphrase is for key files: the vault is always encrypted");
  }
  if (!options.file.empty() && options.all) throw UsageError("--all is for the vault, which can have several");
}

void define(Command command, Options& options) {
  add_json(command, options.json);
  command.add_option("FILE", options.file, "a key file of any format; without one it is the vault's passphrase");
  command.add_flag("--no-passphrase", options.no_passphrase,
                   "do not encrypt the key file any more: whoever gets it has the private key");
  command.add_flag("--all", options.all, "the new one takes the place of all passphrases that the vault has");
  command.when_parsed([command, &options] { check(command, options); });
}

SecretBytes ask_new_passphrase(const Options& options) {
  if (options.no_passphrase) return {};
  std::optional<SecretBytes> typed = Terminal().ask_new("new passphrase for " + options.file);
  if (typed) return std::move(*typed);
  throw Error(Errc::refused, "no new passphrase was typed: " + shown(options.file) +
                                 " stays as it is; --no-passphrase takes its passphrase away");
}

/// Some take a key that fob keeps for one that has a passphrase.
void check_is_there(const std::string& file) {
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(file, error))) return;
  throw Error(Errc::not_found, "there is no file " + shown(file) +
                                   "; keys that fob keeps have no passphrase of their own, but the vault has, which "
                                   "fob passphrase without a file changes");
}

/// Before anything is asked: who cannot have that, leaves it.
void announce_version(const Options& options, const KeyFileInfo& info) {
  if (info.ppk_version != 2 || options.no_passphrase) return;
  std::cerr << shown(options.file) << " is of PPK's version 2, which protects its passphrase weakly: it becomes one of "
            << "version 3, which PuTTY reads from 0.75 on, and programs that only know 2 do not.\n";
}

void change_file(const Options& options) {
  check_is_there(options.file);
  const KeyFileInPlace file = key_file_in_place(options.file);
  announce_version(options, file.info);
  const OpenKeyFile open = open_key_file(as_text(file.text), options.file);
  const SecretBytes passphrase = ask_new_passphrase(options);
  const KeyFile& content = open.content;
  rewrite_file(file.path, rewrite_key_file(as_text(file.text), content, passphrase, KeyFileChange::passphrase),
               file.mode, file.status);
  if (options.json) {
    std::cout << json_of_done("changed", options.file);
  } else {
    std::cout << shown(file.path)
              << (options.no_passphrase ? " is not encrypted any more.\n" : " has a new passphrase.\n");
  }
  warn_of_protection(options.file, content.key.public_key, open.format, !passphrase.empty());
}

std::vector<std::uint32_t> old_passphrases(const Options& options) {
  const auto vault = ask_agent_for<control::Slots>(control::ListSlots{});
  if (!vault.exists) {
    throw Error(Errc::not_found, "there is no vault yet: fob new NAME --on vault makes it, with a passphrase");
  }
  std::vector<std::uint32_t> out;
  for (const control::Slot& slot : vault.slots) {
    if (slot.kind == KeyslotKind::passphrase) out.push_back(slot.id);
  }
  if (out.size() < 2 || options.all) return out;
  throw Error(Errc::refused, "the vault has " + std::to_string(out.size()) +
                                 " passphrases: --all puts the new one in the place of all; fob slot add passphrase "
                                 "and fob slot remove ID change a single one");
}

/// Not before the new one is there: no step leaves fewer ways in than there were.
void remove_old(const std::vector<std::uint32_t>& slots) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    try {
      ask_agent_for<control::Done>(control::RemoveSlot{slots[i]});
    } catch (const Error& error) {
      const std::string number = std::to_string(slots[i]);
      throw Error(error.code(),
                  "the new passphrase opens the vault, and so does the old one still, for it could not be "
                  "removed: " +
                      std::string(error.what()) + "; fob slot remove " + number + " tries again");
    }
  }
}

void change_vault(const Options& options) {
  const std::vector<std::uint32_t> old = old_passphrases(options);
  if (!old.empty()) {
    std::cerr << "The vault has to be opened anew for each step: to add the new passphrase, and to remove the old "
              << (old.size() == 1 ? "one" : "ones, " + std::to_string(old.size())) << ".\n";
  }
  const auto added = ask_agent_for<control::SlotAdded>(control::AddSlot{});
  remove_old(old);
  if (options.json) {
    print_json(json_of(added), {&added.recovery_code});
    return;
  }
  std::cout << (old.empty() ? "The vault has a passphrase now, beside what opened it before.\n"
                            : "The vault has a new passphrase; the old one does not open it any more.\n");
  print_recovery_code(added.recovery_code);
}

void run(const Options& options) { return options.file.empty() ? change_vault(options) : change_file(options); }

}  // namespace

void add_passphrase(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "passphrase", "change the passphrase of the vault, or of a key file", define, run);
}

}  // namespace fob::cli
