#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/json.h"
#include "protocol/control_reply.h"
#include "protocol/control_request.h"

namespace fob::cli {

/// The command that the command line chose; main runs it once everything is parsed.
using Action = std::function<void()>;

/// Each adds its subcommand to `fob`, and sets `chosen` if that is the one. Actions write to standard output, and throw
/// Error and Interrupted.
void add_tokens(Command fob, Action& chosen);
void add_new(Command fob, Action& chosen);
void add_list(Command fob, Action& chosen);
void add_public(Command fob, Action& chosen);
void add_remove(Command fob, Action& chosen);
void add_pin(Command fob, Action& chosen);
void add_import(Command fob, Action& chosen);
void add_export(Command fob, Action& chosen);
void add_resident(Command fob, Action& chosen);
void add_attest(Command fob, Action& chosen);
void add_reset(Command fob, Action& chosen);
void add_unlock(Command fob, Action& chosen);
void add_lock(Command fob, Action& chosen);
void add_slot(Command fob, Action& chosen);
void add_backup(Command fob, Action& chosen);
void add_restore(Command fob, Action& chosen);
void add_keys(Command fob, Action& chosen);
void add_passphrase(Command fob, Action& chosen);
void add_comment(Command fob, Action& chosen);
void add_rename(Command fob, Action& chosen);
void add_rotate(Command fob, Action& chosen);
void add_authorize(Command fob, Action& chosen);
void add_sign(Command fob, Action& chosen);
void add_verify(Command fob, Action& chosen);
void add_git(Command fob, Action& chosen);
void add_doctor(Command fob, Action& chosen);
void add_watch(Command fob, Action& chosen);

/// `fob` alone: what it is, how the agent is, which commands there are.
void show_state(Command fob, bool json);

/// Takes names of keys only: for Option::check.
std::string check_name_option(const std::string& name);
/// The same of comments: one line that is printable, at most limits::comment_bytes.
std::string check_comment_option(const std::string& comment);
/// The same of what a signature is for (protocol/sshsig.h).
std::string check_namespace_option(const std::string& name);
/// What --on takes: see add_on.
std::string check_on_option(const std::string& on);

/// Options that several commands have.
void add_json(Command command, bool& json);
/// Of a command that is but the first word of others: `json_above` finds it for those.
void add_json(Command command);
/// Whether --json was given before the name of `command`.
bool json_above(Command command);
void add_on(Command command, std::string& on);
void add_confirm_and_service(Command command, bool& confirm, std::vector<std::string>& services);

/// The key that the agent keeps under `name`. Throws not_found with what there is.
control::Key key_named(const std::string& name);
/// The same of a list that is there already.
const control::Key& key_named(const control::Keys& keys, const std::string& name);
/// Has the agent change what is said of a key; the key as it is then. Throws what the agent says.
control::Key changed_key(control::ChangeKey change);

/// Defines a subcommand: `Options` holds what its options say (`json` among them), `define` adds them, `run` is the
/// action.
template <class Options>
Command add_command(Command parent, Action& chosen, const char* name, const char* description,
                    void (*define)(Command, Options&), void (*run)(const Options&)) {
  const Command command = parent.add_subcommand(name, description);
  const auto options = std::make_shared<Options>();
  define(command, *options);
  command.when_chosen([&chosen, command, options, run] {
    options->json = options->json || json_above(command);
    chosen = [options, run] { run(*options); };
  });
  return command;
}

}  // namespace fob::cli
