#include <filesystem>
#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/imported_key.h"
#include "cli/piv_options.h"
#include "cli/pkcs11_uri.h"
#include "cli/recovery_code.h"
#include "cli/text.h"
#include "protocol/fingerprint.h"
#include "protocol/pkcs11_info.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  bool paste = false;
  std::string name;
  std::optional<std::string> comment;
  std::string on;
  bool confirm = false;
  std::vector<std::string> services;
  control::PivPlace piv;
  bool replace = false;
  std::vector<std::string> sources;  ///< key files, and URIs of keys on tokens
};

void check_names(Command command, const Options& options) {
  if (options.sources.empty()) {
    throw UsageError("FILE is missing: a key file, - for standard input, or --paste in its place");
  }
  if (options.paste && command.is_given("FILE")) {
    throw UsageError("--paste takes the place of a file: leave one of them away");
  }
  const bool alone = options.sources.size() == 1;
  if (!alone) {
    const std::string count = "is for one file, and here are " + std::to_string(options.sources.size());
    refuse_options(command, {{"--name", count.c_str()}, {"--comment", count.c_str()}});
    refuse_options(command, {{"--slot", "is for one file: a slot holds one key"}});
  }
  for (const std::string& source : options.sources) {
    if (source != standard_input) continue;
    if (!alone) throw UsageError("- is standard input, and for one key: import the others by themselves");
    if (options.name.empty()) throw UsageError("this key has no file to be called by: say --name");
  }
}

/// What can be known to be wrong before anything is read or asked.
void check(Command command, Options& options) {
  if (options.paste && options.sources.empty()) options.sources.emplace_back(standard_input);
  check_names(command, options);
  for (const std::string& source : options.sources) {
    if (!is_pkcs11_uri(source)) continue;
    refuse_options(command, {{"--on", "is for key files: a key that is on a token stays there"},
                             {"--confirm", "is for key files, and not for a key that is on a token"},
                             {"--service", "is for key files, and not for a key that is on a token"}});
    const std::string fault = check_uri_option(source);
    if (!fault.empty()) throw UsageError(fault);
  }
  if (options.on.empty()) {
    constexpr const char* reason = "is for a key that goes to a token: name that with --on";
    refuse_options(command,
                   {{"--slot", reason}, {"--pin-policy", reason}, {"--touch-policy", reason}, {"--replace", reason}});
  } else if (!is_pkcs11_uri(options.on)) {
    throw UsageError(
        "a key file can be put on a PKCS#11 token only: --on pkcs11:..., as fob tokens shows it; without --on it goes "
        "into the vault");
  }
}

void define(Command command, Options& options) {
  add_json(command, options.json);
  command.add_option("FILE", options.sources,
                     "key files of OpenSSH, PuTTY (.ppk) or in PEM, - for standard input, or the PKCS#11 URIs of keys "
                     "that are on tokens");
  command.add_flag("--paste", options.paste, "in place of a file: the key is pasted at the terminal, not echoed");
  command
      .add_option("--name", options.name,
                  "what to call the key; by default as its file without .pem or .ppk, or its label on the token")
      .check(check_name_option);
  command
      .add_option("--comment", options.comment,
                  "its comment; by default that of the file, and where that can have none, of FILE.pub, or user@host")
      .check(check_comment_option);
  add_on(command, options.on);
  add_confirm_and_service(command, options.confirm, options.services);
  command.add_flag("--replace", options.replace, "the key in the slot may go");
  add_piv_options(command, options.piv);
  command.when_parsed([command, &options] { check(command, options); });
}

/// Before a passphrase is asked for: it would be for nothing.
void refuse_sk(const PublicKey& key) {
  if (!is_sk(key.kind)) return;
  throw Error(Errc::unsupported, "this is a key of a FIDO2 token, which made it and alone can use it: leave --on away");
}

void allow(const PublicKey&) {}

std::string name_for(const Options& options, const std::string& source) {
  if (!options.name.empty()) return options.name;
  if (is_pkcs11_uri(source) && !uri_attribute(source, "object")) {
    throw Error(Errc::malformed, "the URI gives no label to call the key by: give it a name with --name");
  }
  std::string name = is_pkcs11_uri(source) ? uri_attribute(source, "object").value_or("") : name_of_key_file(source);
  try {
    control::check_key_name(name);
  } catch (const Error& error) {
    throw Error(error.code(), std::string(error.what()) + "; give it a name with --name");
  }
  return name;
}

control::Kept adopt(const Options& options, const std::string& uri) {
  return ask_agent_for<control::Kept>(control::AdoptKey{name_for(options, uri), options.comment.value_or(""), uri});
}

void say_what_stays(const Options& options, const KeySource& source) {
  if (is_paste(source)) {
    std::cerr << "The clipboard still holds the private key: copy something else.\n";
  } else if (source.file != standard_input) {
    std::cerr << shown(source.file) << " still holds the private key: "
              << (options.on.empty()
                      ? "once there is a backup of the vault (fob backup FILE), remove it, and its copies.\n"
                      : "remove it, and its copies, when it is no longer needed.\n");
  }
}

control::Kept import(const Options& options, const std::string& source) {
  if (is_pkcs11_uri(source)) return adopt(options, source);
  control::ImportKey request;
  request.name = name_for(options, source);
  const KeySource from{source, options.paste};
  KeyFile file = read_imported_key(from, options.comment, options.on.empty() ? allow : refuse_sk);
  request.comment = std::move(file.comment);
  request.key = std::move(file.key);
  request.on = options.on;
  request.confirm = options.confirm;
  request.services = options.services;
  request.piv = options.piv;
  request.replace = options.replace;
  const bool is_software = !is_sk(request.key.public_key.kind);
  auto kept = ask_agent_for<control::Kept>(std::move(request));
  if (is_software) say_what_stays(options, from);
  return kept;
}

void print(const control::Kept& kept) {
  std::cout << shown(kept.key.name) << ' ' << fingerprint(kept.key.public_key) << " is kept; it needs "
            << needs_of(kept.key) << ".\n";
  print_recovery_code(kept.recovery_code);
}

void print_as_json(const std::vector<control::Kept>& kept) {
  std::vector<const SecretBytes*> codes;
  for (const control::Kept& one : kept) codes.push_back(&one.recovery_code);
  print_json(json_of(kept), codes);
}

/// One document, and of what is kept by then also where a file fails.
void import_several_as_json(const Options& options) {
  std::vector<control::Kept> kept;
  try {
    for (const std::string& source : options.sources) kept.push_back(import(options, source));
  } catch (...) {
    print_as_json(kept);
    throw;
  }
  print_as_json(kept);
}

void run(const Options& options) {
  if (options.json && options.sources.size() > 1) return import_several_as_json(options);
  for (const std::string& source : options.sources) {
    const control::Kept kept = import(options, source);
    if (options.json) {
      print_json(json_of(kept), {&kept.recovery_code});
    } else {
      print(kept);
    }
  }
}

}  // namespace

void add_import(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "import", "keep a key that another tool made, in the vault or on a token", define,
                       run);
}

}  // namespace fob::cli
