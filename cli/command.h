#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <string>

#include "cli/json.h"
#include "protocol/control_reply.h"
#include "protocol/control_request.h"

namespace fob::cli {

/// The command that the command line chose; main runs it once everything is parsed.
using Action = std::function<void()>;

/// Each adds its subcommand to `fob`, and sets `chosen` if that is the one. Actions write to standard output, and throw
/// Error and Interrupted.
void add_tokens(CLI::App& fob, Action& chosen);
void add_new(CLI::App& fob, Action& chosen);
void add_list(CLI::App& fob, Action& chosen);
void add_public(CLI::App& fob, Action& chosen);
void add_remove(CLI::App& fob, Action& chosen);
void add_pin(CLI::App& fob, Action& chosen);
void add_import(CLI::App& fob, Action& chosen);
void add_export(CLI::App& fob, Action& chosen);
void add_resident(CLI::App& fob, Action& chosen);
void add_attest(CLI::App& fob, Action& chosen);
void add_reset(CLI::App& fob, Action& chosen);

/// `fob` alone: what it is, how the agent is, which commands there are.
void show_state(const CLI::App& fob, bool json);

/// Takes names of keys only: for CLI::Option::check.
std::string check_name_option(const std::string& name);
/// What --on takes: see add_on.
std::string check_on_option(const std::string& on);

/// Options that several commands have.
void add_json(CLI::App& command, bool& json);
/// Of a command that is but the first word of others: `json_above` finds it for those.
void add_json(CLI::App& command);
/// Whether --json was given before the name of `command`.
bool json_above(const CLI::App& command);
void add_on(CLI::App& command, std::string& on);

/// The key that the agent keeps under `name`. Throws not_found with what there is.
control::Key key_named(const std::string& name);

/// Defines a subcommand: `Options` holds what its options say (`json` among them), `define` adds them, `run` is the
/// action.
template <class Options>
CLI::App* add_command(CLI::App& parent, Action& chosen, const char* name, const char* description,
                      void (*define)(CLI::App&, Options&), void (*run)(const Options&)) {
  CLI::App* command = parent.add_subcommand(name, description);
  const auto options = std::make_shared<Options>();
  define(*command, *options);
  command->callback([&chosen, command, options, run] {
    options->json = options->json || json_above(*command);
    chosen = [options, run] { run(*options); };
  });
  return command;
}

}  // namespace fob::cli
