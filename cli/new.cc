#include <iostream>

#include "cli/agent_connection.h"
#include "cli/attestation.h"
#include "cli/command.h"
#include "cli/file.h"
#include "cli/new_options.h"
#include "cli/text.h"
#include "protocol/fingerprint.h"
#include "protocol/limits.h"

namespace fob::cli {
namespace {

/// Everything that can fail before somebody has touched the token.
void check_files(const NewOptions& options) {
  std::vector<std::string> files;
  if (!options.file.empty()) files = {options.file, options.file + ".pub"};
  if (!options.attestation_file.empty()) files.push_back(options.attestation_file);
  check_can_create(files);
}

control::NewKey request_of(const NewOptions& options) {
  control::NewKey out = options.key;
  if (!options.challenge_file.empty()) {
    out.challenge = read_file(options.challenge_file, limits::challenge_bytes);
    if (out.challenge.empty()) throw Error(Errc::malformed, "the challenge file is empty: " + options.challenge_file);
  }
  return out;
}

void print(const control::Kept& kept) {
  const PublicKey& key = kept.key.public_key;
  std::cout << public_key_line(key, kept.key.comment) << '\n';
  std::cout << fingerprint(key) << '\n' << fingerprint(key, Hash::md5) << '\n' << randomart(key) << '\n';
}

void write_key_files(const NewOptions& options) {
  const auto exported = ask_agent_for<control::Exported>(control::ExportKey{options.key.name});
  write_key_pair(options.file, exported.key, exported.comment, SecretBytes());
}

/// The key exists by now, whatever happens here: so each file is tried, and it is said how to get the key's after all.
void write_files(const NewOptions& options, const control::Kept& kept) {
  std::vector<std::string> written;
  std::vector<Error> failures;
  const auto attempt = [&](const std::vector<std::string>& files, const auto& write) {
    try {
      write();
      written.insert(written.end(), files.begin(), files.end());
    } catch (const Error& error) {
      failures.push_back(error);
    }
  };
  if (!options.file.empty()) {
    attempt({options.file, options.file + ".pub"}, [&] { write_key_files(options); });
  }
  const bool has_key_file = !written.empty();
  if (!options.attestation_file.empty()) {
    attempt({options.attestation_file}, [&] { write_attestation(options.attestation_file, kept); });
  }
  if (failures.empty()) return;
  std::string text;
  for (const Error& failure : failures) text += std::string(failure.what()) + "; ";
  text += "the key is kept all the same";
  if (!has_key_file) text += ": fob export " + options.key.name + " -o FILE writes its file";
  if (!written.empty()) text += "; written: " + joined(written);
  throw Error(failures[0].code(), text);
}

void run(const NewOptions& options) {
  check_files(options);
  const auto kept = ask_agent_for<control::Kept>(request_of(options));
  if (options.json) {
    std::cout << json_of(kept);
  } else {
    print(kept);
  }
  write_files(options, kept);
  if (options.key.no_touch) {
    std::cerr << "Servers accept this key only if its line in authorized_keys begins with: no-touch-required\n";
  }
}

}  // namespace

void add_new(CLI::App& fob, Action& chosen) {
  add_command<NewOptions>(fob, chosen, "new", "make a key on a token", define_new, run);
}

}  // namespace fob::cli
