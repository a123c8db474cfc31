#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/file.h"
#include "cli/terminal.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  bool with_passphrase = false;
  std::string name;
  std::string file;
};

void define(CLI::App& command, Options& options) {
  add_json(command, options.json);
  command.add_option("NAME", options.name, "the key")->required()->check(check_name_option);
  command.add_option("-o,--output", options.file, "the key file to write; the public key goes to FILE.pub")
      ->required()
      ->type_name("FILE");
  command.add_flag("-p,--passphrase", options.with_passphrase,
                   "encrypt the file with a passphrase, which is asked for");
}

SecretBytes ask_passphrase(const Options& options) {
  if (!options.with_passphrase) return {};
  std::optional<SecretBytes> typed = Terminal().ask_new("passphrase for " + options.file);
  if (!typed) throw Error(Errc::refused, "no passphrase was typed: nothing is written");
  return std::move(*typed);
}

void run(const Options& options) {
  check_can_create({options.file, options.file + ".pub"});
  const auto reply = ask_agent_for<control::Exported>(control::ExportKey{options.name});
  write_key_pair(options.file, reply.key, reply.comment, ask_passphrase(options));
  if (options.json) {
    std::cout << json_of_done("exported", options.file);
  } else {
    std::cout << "Written: " << options.file << " and " << options.file << ".pub\n";
  }
}

}  // namespace

void add_export(CLI::App& fob, Action& chosen) {
  add_command<Options>(fob, chosen, "export", "write the key file that ssh uses without fob", define, run);
}

}  // namespace fob::cli
