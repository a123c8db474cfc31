#include <filesystem>
#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/file.h"
#include "cli/text.h"
#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  bool replace = false;
  std::string file;
};

void define_backup(Command command, Options& options) {
  add_json(command, options.json);
  command.add_option("FILE", options.file, "the file to write").required();
  command.add_flag("--replace", options.replace, "the file that is there may go");
}

void define_restore(Command command, Options& options) {
  add_json(command, options.json);
  command.add_option("FILE", options.file, "what fob backup has written").required();
  command.add_flag("--replace", options.replace, "the vault that is there may go, though it has keys");
}

std::string keys_text(std::size_t count) { return std::to_string(count) + (count == 1 ? " key" : " keys"); }

/// Before the agent is asked: put_file sees to it that nothing is replaced.
void check_is_free(const std::string& file) {
  std::error_code error;
  if (std::filesystem::symlink_status(file, error).type() == std::filesystem::file_type::not_found) {
    return check_can_create({file});
  }
  throw Error(Errc::refused, shown(file) + " is there already: --replace overwrites it");
}

void run_backup(const Options& options) {
  if (!options.replace) check_is_free(options.file);
  const auto backed_up = ask_agent_for<control::BackedUp>(control::BackUp{});
  put_file(options.file, backed_up.file, options.replace);
  if (options.json) {
    std::cout << json_of(backed_up, options.file);
  } else {
    std::cout << "Written: " << shown(options.file) << ", with " << keys_text(backed_up.key_count)
              << ". It is opened by what opens the vault now.\n";
  }
}

/// The agent reads the file, from a folder of its own.
std::string absolute(const std::string& file) {
  std::string out = std::filesystem::absolute(file).string();
  if (out.size() <= limits::path_bytes) return out;
  throw Error(Errc::too_large, "the path of the backup has " + std::to_string(out.size()) + " bytes, at most " +
                                   std::to_string(limits::path_bytes) + " are possible");
}

void run_restore(const Options& options) {
  const auto restored = ask_agent_for<control::Keys>(control::Restore{absolute(options.file), options.replace});
  if (options.json) {
    std::cout << json_of_done("restored", options.file);
  } else {
    std::cout << shown(options.file) << " is the vault now: " << keys_text(restored.keys.size())
              << (restored.vault_locked ? ", locked" : "") << ".\n";
  }
}

}  // namespace

void add_backup(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "backup", "write the vault to a file, which opens as the vault does", define_backup,
                       run_backup);
}

void add_restore(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "restore", "put a backup in the vault's place", define_restore, run_restore);
}

}  // namespace fob::cli
