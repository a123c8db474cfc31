#include <pwd.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <iostream>

#include "cli/agent_connection.h"
#include "cli/attestation.h"
#include "cli/command.h"
#include "cli/file.h"
#include "cli/text.h"
#include "protocol/fingerprint.h"
#include "protocol/limits.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  control::NewKey key;
  std::string type = "ecdsa-sk";
  std::string challenge_file;
  std::string attestation_file;
  std::string file;
};

/// "alice@desk", as ssh-keygen has it.
std::string default_comment() {
  std::array<char, HOST_NAME_MAX + 1> host{};
  const passwd* entry = getpwuid(getuid());
  if (entry == nullptr || gethostname(host.data(), host.size() - 1) != 0) return "";
  return std::string(entry->pw_name) + '@' + host.data();
}

std::string check_application(const std::string& application) {
  if (application.starts_with("ssh:")) return {};
  return "the application must begin with \"ssh:\", not \"" + shown(application) + "\"";
}

void define_place(CLI::App& command, Options& options) {
  add_on(command, options.key.on);
  command.add_option("-t,--type", options.type, "the key's type: ecdsa-sk works on every token")
      ->check(CLI::IsMember({"ecdsa-sk", "ed25519-sk"}))
      ->capture_default_str();
  command.add_option("-o,--output", options.file, "write the key file that ssh uses without fob, and FILE.pub")
      ->type_name("FILE");
}

void define(CLI::App& command, Options& options) {
  control::NewKey& key = options.key;
  key.on = "fido";
  key.application = "ssh:";
  key.comment = default_comment();
  add_json(command, options.json);
  command.add_option("NAME", key.name, "what to call the key")->required()->check(check_name_option);
  define_place(command, options);
  command.add_flag("--resident", key.resident, "store it on the token, so that another machine can get it from there");
  command.add_flag("--verify-required", key.verify_required, "each use wants the PIN, or a fingerprint");
  command.add_flag("--no-touch", key.no_touch, "uses want no touch; servers accept that only where told to");
  command.add_option("--application", key.application, "the application that it is for: ssh: or ssh:SOMETHING")
      ->check(check_application)
      ->capture_default_str();
  command.add_option("--user", key.user, "the user name of a resident key");
  command.add_option("--comment", key.comment, "the comment")->capture_default_str();
  command.add_flag("--replace", key.replace_resident, "a resident key of the same application and user may go");
  command.add_option("--challenge", options.challenge_file, "a file that the token's attestation signs")
      ->type_name("FILE");
  command.add_option("--write-attestation", options.attestation_file, "where to write what the token attests")
      ->type_name("FILE");
}

/// Everything that can fail before somebody has touched the token.
void check_files(const Options& options) {
  std::vector<std::string> files;
  if (!options.file.empty()) files = {options.file, options.file + ".pub"};
  if (!options.attestation_file.empty()) files.push_back(options.attestation_file);
  check_can_create(files);
}

control::NewKey request_of(const Options& options) {
  control::NewKey out = options.key;
  out.kind = options.type == "ecdsa-sk" ? KeyKind::sk_ecdsa_p256 : KeyKind::sk_ed25519;
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

void write_key_files(const Options& options) {
  const auto exported = ask_agent_for<control::Exported>(control::ExportKey{options.key.name});
  write_key_pair(options.file, exported.key, exported.comment, SecretBytes());
}

/// The key exists by now, whatever happens here: so each file is tried, and it is said how to get the key's after all.
void write_files(const Options& options, const control::Kept& kept) {
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

void run(const Options& options) {
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
  add_command<Options>(fob, chosen, "new", "make a key on a token", define, run);
}

}  // namespace fob::cli
