#include <filesystem>
#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/file.h"
#include "cli/key_file.h"
#include "cli/piv_options.h"
#include "cli/pkcs11_uri.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "protocol/fingerprint.h"
#include "protocol/limits.h"
#include "protocol/pkcs11_info.h"

namespace fob::cli {
namespace {

constexpr int passphrase_attempts = 3;

struct Options {
  bool json = false;
  std::string name;
  std::string on;
  control::PivPlace piv;
  bool replace = false;
  std::vector<std::string> sources;  ///< key files, and URIs of keys on tokens
};

/// What can be known to be wrong before anything is read or asked.
void check(const CLI::App& command, const Options& options) {
  const bool alone = options.sources.size() == 1;
  if (!alone && !options.name.empty()) {
    throw CLI::ValidationError("--name is for one file, and here are " + std::to_string(options.sources.size()));
  }
  if (!alone) refuse_options(command, {{"--slot", "is for one file: a slot holds one key"}});
  for (const std::string& source : options.sources) {
    if (!is_pkcs11_uri(source)) continue;
    refuse_options(command, {{"--on", "is for key files: a key that is on a token stays there"}});
    const std::string fault = check_uri_option(source);
    if (!fault.empty()) throw CLI::ValidationError(fault);
  }
  if (options.on.empty()) {
    constexpr const char* reason = "is for a key that goes to a token: name that with --on";
    refuse_options(command,
                   {{"--slot", reason}, {"--pin-policy", reason}, {"--touch-policy", reason}, {"--replace", reason}});
  } else if (!is_pkcs11_uri(options.on)) {
    throw CLI::ValidationError(
        "a key file can be put on a PKCS#11 token only: --on pkcs11:..., as fob tokens shows it");
  }
}

void define(CLI::App& command, Options& options) {
  add_json(command, options.json);
  command
      .add_option("FILE", options.sources,
                  "key files as ssh-keygen writes them, or the PKCS#11 URIs of keys that are on tokens")
      ->required();
  command.add_option("--name", options.name, "what to call the key; by default as its file, or its label on the token")
      ->check(check_name_option);
  add_on(command, options.on);
  command.add_flag("--replace", options.replace, "the key in the slot may go");
  add_piv_options(command, options.piv);
  command.parse_complete_callback([&command, &options] { check(command, options); });
}

SecretBytes ask_passphrase(const std::string& path) {
  std::optional<SecretBytes> typed = Terminal().ask_hidden("passphrase of " + path);
  if (!typed) throw Error(Errc::cancelled, "no passphrase was typed: nothing is imported");
  return std::move(*typed);
}

/// Before a passphrase is asked for: it would be for nothing.
void check_fits(const PublicKey& key, const Options& options) {
  if (is_sk(key.kind)) {
    if (options.on.empty()) return;
    throw Error(Errc::unsupported,
                "this is a key of a FIDO2 token, which made it and alone can use it: leave --on away");
  }
  if (!options.on.empty()) return;
  throw Error(Errc::unsupported, "this is a software key (" + key.display_type() +
                                     "): --on pkcs11:... puts it on a token, and ssh-add holds it as it is");
}

KeyFile parse_asking(std::string_view text, const std::string& path) {
  for (int attempt = 1;; ++attempt) {
    try {
      return parse_key_file(text, [&] { return ask_passphrase(path); });
    } catch (const WrongPassphrase&) {
      if (attempt == passphrase_attempts) throw;
      std::cerr << "Wrong passphrase, try again.\n";
    }
  }
}

KeyFile read_key_file(const std::string& path, const Options& options) {
  const Bytes text = read_file(path, limits::key_file_bytes);
  try {
    check_fits(parse_public_part(as_text(text)), options);
    return parse_asking(as_text(text), path);
  } catch (const Error& error) {
    throw Error(error.code(), shown(path) + ": " + error.what());
  }
}

std::string name_for(const Options& options, const std::string& source) {
  if (!options.name.empty()) return options.name;
  if (is_pkcs11_uri(source) && !uri_attribute(source, "object")) {
    throw Error(Errc::malformed, "the URI gives no label to call the key by: give it a name with --name");
  }
  std::string name = is_pkcs11_uri(source) ? uri_attribute(source, "object").value_or("")
                                           : std::filesystem::path(source).filename().string();
  try {
    control::check_key_name(name);
  } catch (const Error& error) {
    throw Error(error.code(), std::string(error.what()) + "; give it a name with --name");
  }
  return name;
}

control::Kept adopt(const Options& options, const std::string& uri) {
  return ask_agent_for<control::Kept>(control::AdoptKey{name_for(options, uri), "", uri});
}

control::Kept import(const Options& options, const std::string& source) {
  if (is_pkcs11_uri(source)) return adopt(options, source);
  control::ImportKey request;
  request.name = name_for(options, source);
  KeyFile file = read_key_file(source, options);
  request.comment = std::move(file.comment);
  request.key = std::move(file.key);
  request.on = options.on;
  request.piv = options.piv;
  request.replace = options.replace;
  auto kept = ask_agent_for<control::Kept>(std::move(request));
  if (!options.on.empty()) {
    std::cerr << shown(source)
              << " still holds the private key: remove it, and its copies, when it is no longer needed.\n";
  }
  return kept;
}

void print(const control::Kept& kept) {
  std::cout << shown(kept.key.name) << ' ' << fingerprint(kept.key.public_key) << " is kept; it needs "
            << needs_of(kept.key) << ".\n";
}

/// One document, and of what is kept by then also where a file fails.
void import_several_as_json(const Options& options) {
  std::vector<control::Kept> kept;
  try {
    for (const std::string& source : options.sources) kept.push_back(import(options, source));
  } catch (...) {
    std::cout << json_of(kept);
    throw;
  }
  std::cout << json_of(kept);
}

void run(const Options& options) {
  if (options.json && options.sources.size() > 1) return import_several_as_json(options);
  for (const std::string& source : options.sources) {
    const control::Kept kept = import(options, source);
    if (options.json) {
      std::cout << json_of(kept);
    } else {
      print(kept);
    }
  }
}

}  // namespace

void add_import(CLI::App& fob, Action& chosen) {
  add_command<Options>(fob, chosen, "import", "keep a key that another tool made, or put one on a token", define, run);
}

}  // namespace fob::cli
