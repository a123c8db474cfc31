#include <unistd.h>

#include <iostream>

#include "cli/agent_connection.h"
#include "cli/attestation.h"
#include "cli/clipboard.h"
#include "cli/command.h"
#include "cli/file.h"
#include "cli/hand_over.h"
#include "cli/new_options.h"
#include "cli/new_questions.h"
#include "cli/new_service.h"
#include "cli/recovery_code.h"
#include "cli/text.h"
#include "protocol/fingerprint.h"
#include "protocol/limits.h"

namespace fob::cli {
namespace {

/// Everything that can fail before somebody has touched the token.
void check_files(const NewOptions& options) {
  std::vector<std::string> files;
  if (!options.file.empty() && options.file != "-") files = {options.file, options.file + ".pub"};
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

/// Asked for before there is a key, so that there is none that nobody wants.
std::optional<PrivateFile> private_file_of(const NewOptions& options) {
  if (!options.service || !options.service->private_format) return std::nullopt;
  check_name_is_free(options.key.name);
  if (options.file == "-" && isatty(STDOUT_FILENO) == 1) {
    throw Error(Errc::refused,
                "standard output is a terminal, which would show the private key: give -o a file, or another program");
  }
  if (options.file == "-" && !ask_agent_for<control::Slots>(control::ListSlots{}).exists) {
    throw Error(Errc::refused,
                "this key makes the vault, whose recovery code is shown on standard output: give -o a file instead");
  }
  return prepare_private_file(*options.service, options.file, options.key.name, options.no_passphrase);
}

std::string public_text(const NewOptions& options, const control::Key& key) {
  const PublicKeyFormat format = options.service ? options.service->public_format : PublicKeyFormat::openssh;
  return format_public_key(key.public_key, key.comment, format);
}

/// Standard output is the private key's alone where it goes there.
std::ostream& stream_for_people(const NewOptions& options) { return options.file == "-" ? std::cerr : std::cout; }

void print(const NewOptions& options, const control::Kept& kept) {
  const PublicKey& key = kept.key.public_key;
  std::ostream& out = stream_for_people(options);
  std::cerr << "Kept as " << shown(kept.key.name)
            << (kept.key.where == "vault" ? ", in the vault.\n" : ", on " + shown(kept.key.token) + ".\n");
  out << public_text(options, kept.key);
  out << fingerprint(key) << '\n' << fingerprint(key, Hash::md5) << '\n' << randomart(key) << '\n';
  print_recovery_code(kept.recovery_code);
}

void write_key_files(const NewOptions& options, const PrivateFile* file) {
  if (file != nullptr) return write_private_file(*options.service, *file, options.key.name);
  const auto exported = ask_agent_for<control::Exported>(control::ExportKey{options.key.name});
  write_key_pair(options.file, exported.key, exported.comment, SecretBytes());
}

std::string command_for_file(const NewOptions& options, const PrivateFile* file) {
  const std::string& name = options.key.name;
  if (file == nullptr) return "fob export " + name + " -o " + shell_word(options.file);
  // What standard output led to is not known any more.
  const std::string path = file->path == "-" ? usual_file(*options.service, name) : file->path;
  return export_command(*options.service, name, path, file->passphrase.empty());
}

/// The key exists by now, whatever happens here: so each file is tried, and it is said how to get the key's after all.
void write_files(const NewOptions& options, const control::Kept& kept, const PrivateFile* file) {
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
  const std::string path = file != nullptr ? file->path : options.file;
  if (!path.empty()) attempt({path, path + ".pub"}, [&] { write_key_files(options, file); });
  const bool has_key_file = !written.empty();
  if (!options.attestation_file.empty()) {
    attempt({options.attestation_file}, [&] { write_attestation(options.attestation_file, kept); });
  }
  if (failures.empty()) return;
  std::string text;
  for (const Error& failure : failures) text += std::string(failure.what()) + "; ";
  text += "the key is kept all the same";
  if (!written.empty()) text += "; written: " + joined(written);
  if (!path.empty() && !has_key_file) text += "; to have its file, type: " + command_for_file(options, file);
  throw Error(failures[0].code(), text);
}

void copy(const NewOptions& options, const control::Key& key) {
  try {
    copy_to_clipboard(public_text(options, key));
  } catch (const Error& error) {
    throw Error(error.code(), std::string(error.what()) + "; the key is kept all the same: fob public " + key.name +
                                  " prints its public key");
  }
  std::cerr << "The public key is on the clipboard.\n";
}

void run(const NewOptions& given) {
  NewOptions options = given;
  check_files(options);
  ask_for_rest(options);
  if (options.service) choose_place(options);
  const std::optional<PrivateFile> private_file = private_file_of(options);
  const PrivateFile* file = private_file ? &*private_file : nullptr;
  const auto kept = ask_agent_for<control::Kept>(request_of(options));
  if (options.json) {
    print_json(json_of(kept), {&kept.recovery_code});
  } else {
    print(options, kept);
  }
  write_files(options, kept, file);
  if (options.service && !options.json) {
    print_next_steps(stream_for_people(options), *options.service, kept.key, file);
  }
  if (options.copy) copy(options, kept.key);
  if (options.key.no_touch) {
    std::cerr << "Servers accept this key only if its line in authorized_keys begins with: no-touch-required\n";
  }
}

}  // namespace

void add_new(Command fob, Action& chosen) {
  add_command<NewOptions>(fob, chosen, "new", "make a key, on a token or in the vault", define_new, run);
}

}  // namespace fob::cli
