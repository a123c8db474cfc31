#include <filesystem>
#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/file.h"
#include "cli/key_file.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "protocol/fingerprint.h"
#include "protocol/limits.h"

namespace fob::cli {
namespace {

constexpr int passphrase_attempts = 3;

struct Options {
  bool json = false;
  std::string name;
  std::vector<std::string> files;
};

void define(CLI::App& command, Options& options) {
  add_json(command, options.json);
  command.add_option("FILE", options.files, "key files of FIDO2 keys, as ssh-keygen writes them")->required();
  command.add_option("--name", options.name, "what to call the key; by default as its file")->check(check_name_option);
  command.parse_complete_callback([&options] {
    if (options.name.empty() || options.files.size() < 2) return;
    throw CLI::ValidationError("--name is for one file, and here are " + std::to_string(options.files.size()));
  });
}

SecretBytes ask_passphrase(const std::string& path) {
  std::optional<SecretBytes> typed = Terminal().ask_hidden("passphrase of " + path);
  if (!typed) throw Error(Errc::cancelled, "no passphrase was typed: nothing is imported");
  return std::move(*typed);
}

KeyFile parse_asking(ByteView text, const std::string& path) {
  for (int attempt = 1;; ++attempt) {
    try {
      return parse_key_file(as_text(text), [&] { return ask_passphrase(path); });
    } catch (const WrongPassphrase&) {
      if (attempt == passphrase_attempts) throw;
      std::cerr << "Wrong passphrase, try again.\n";
    }
  }
}

KeyFile read_key_file(const std::string& path) {
  const Bytes text = read_file(path, limits::key_file_bytes);
  try {
    return parse_asking(text, path);
  } catch (const Error& error) {
    throw Error(error.code(), shown(path) + ": " + error.what());
  }
}

std::string name_for(const Options& options, const std::string& path) {
  if (!options.name.empty()) return options.name;
  std::string name = std::filesystem::path(path).filename().string();
  try {
    control::check_key_name(name);
  } catch (const Error& error) {
    throw Error(error.code(), std::string(error.what()) + "; give it a name with --name");
  }
  return name;
}

control::Kept import(const Options& options, const std::string& path) {
  control::ImportKey request;
  request.name = name_for(options, path);
  KeyFile file = read_key_file(path);
  request.comment = std::move(file.comment);
  request.key = std::move(file.key);
  return ask_agent_for<control::Kept>(std::move(request));
}

void print(const control::Kept& kept) {
  std::cout << shown(kept.key.name) << ' ' << fingerprint(kept.key.public_key) << " is kept; it needs "
            << needs_of(kept.key) << ".\n";
}

/// One document, and of what is kept by then also where a file fails.
void import_several_as_json(const Options& options) {
  std::vector<control::Kept> kept;
  try {
    for (const std::string& path : options.files) kept.push_back(import(options, path));
  } catch (...) {
    std::cout << json_of(kept);
    throw;
  }
  std::cout << json_of(kept);
}

void run(const Options& options) {
  if (options.json && options.files.size() > 1) return import_several_as_json(options);
  for (const std::string& path : options.files) {
    const control::Kept kept = import(options, path);
    if (options.json) {
      std::cout << json_of(kept);
    } else {
      print(kept);
    }
  }
}

}  // namespace

void add_import(CLI::App& fob, Action& chosen) {
  add_command<Options>(fob, chosen, "import", "keep FIDO2 keys that ssh-keygen made", define, run);
}

}  // namespace fob::cli
