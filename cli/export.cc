#include <unistd.h>

#include <algorithm>
#include <array>
#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/file.h"
#include "cli/read_key_file.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace fob::cli {
namespace {

constexpr std::string_view standard_output = "-";

constexpr std::array formats{KeyFileFormat::openssh, KeyFileFormat::pem, KeyFileFormat::pkcs8, KeyFileFormat::ppk};

struct Options {
  bool json = false;
  bool with_passphrase = false;
  bool no_passphrase = false;
  std::string name;
  std::string file;
  std::string format = format_word(formats[0]);
};

KeyFileFormat format_of(const Options& options) {
  return *std::find_if(formats.begin(), formats.end(),
                       [&](KeyFileFormat each) { return format_word(each) == options.format; });
}

bool has_public_file(const Options& options) { return format_of(options) != KeyFileFormat::ppk; }

void check(const Options& options) {
  if (options.with_passphrase && options.no_passphrase) {
    throw UsageError("--passphrase and --no-passphrase exclude each other");
  }
  if (options.file == standard_output && options.json) {
    throw UsageError("--json and the key cannot both go to standard output: name a file");
  }
}

void define(Command command, Options& options) {
  add_json(command, options.json);
  command.add_option("NAME", options.name, "the key").required().check(check_name_option);
  command
      .add_option("-o,--output", options.file,
                  "the key file to write; the public key goes to FILE.pub, but for ppk; - is standard output")
      .required()
      .type_name("FILE");
  std::vector<std::string> words;
  for (const KeyFileFormat format : formats) words.push_back(format_word(format));
  command
      .add_option("--format", options.format,
                  "openssh; pem, as ssh-keygen -m PEM: of RSA and ECDSA; pkcs8, as openssl; ppk, as PuTTY")
      .words(words)
      .capture_default_str();
  command.add_flag("-p,--passphrase", options.with_passphrase,
                   "encrypt the file of a FIDO2 key, too, with a passphrase, which is asked for");
  command.add_flag("--no-passphrase", options.no_passphrase,
                   "do not encrypt the file: whoever gets it has the private key");
  command.when_parsed([&options] { check(options); });
}

/// PKCS#1 and SEC 1 are for RSA and ECDSA alone; OpenSSL and PuTTY know no sk keys.
void check_has_form(const PublicKey& key, KeyFileFormat format) {
  if (format == KeyFileFormat::openssh) return;
  const std::string name(name_of(format));
  if (is_sk(key.kind)) {
    throw Error(Errc::unsupported,
                "the file of a FIDO2 key holds no private key but a handle, which its token alone "
                "can use; " +
                    name + " has no form for it: leave --format away");
  }
  if (key.kind == KeyKind::rsa || is_ecdsa(key.kind)) return;
  if (key.kind == KeyKind::ed25519 && format != KeyFileFormat::pem) return;
  throw Error(Errc::unsupported, name + " has no form for keys of the type " + type_word(key.kind) +
                                     ": --format openssh has" +
                                     (key.kind == KeyKind::ed25519 ? ", and so have pkcs8 and ppk" : ""));
}

/// Before anybody is asked for anything.
void check_can_export(const Options& options, const control::Key& key) {
  if (!key.uri.empty()) {
    throw Error(Errc::refused, options.name +
                                   " is on a PKCS#11 token, which its private key never leaves; fob public " +
                                   options.name + " prints the public one");
  }
  check_has_form(key.public_key, format_of(options));
  if (options.file != standard_output) {
    check_can_create(has_public_file(options) ? std::vector{options.file, options.file + ".pub"}
                                              : std::vector{options.file});
  } else if (isatty(STDOUT_FILENO) == 1) {
    throw Error(Errc::refused,
                "standard output is a terminal, which would show the private key: name a file, or another program "
                "after |");
  }
}

/// The file of an sk key is of no use without its token; any other would be the private key, for whoever gets the file.
SecretBytes ask_passphrase(const Options& options, const PublicKey& key) {
  if (options.no_passphrase || (is_sk(key.kind) && !options.with_passphrase)) return {};
  const std::string what = options.file == standard_output ? options.name : options.file;
  std::optional<SecretBytes> typed = Terminal().ask_new("passphrase for " + what);
  if (typed) return std::move(*typed);
  throw Error(Errc::refused,
              is_sk(key.kind) ? "no passphrase was typed: nothing is written"
                              : "no passphrase was typed, and without one whoever gets the file has the private key: "
                                "nothing is written, but with --no-passphrase it is");
}

void write(const Options& options, const control::Exported& exported, const SecretBytes& passphrase) {
  const KeyFileFormat format = format_of(options);
  if (has_public_file(options) && options.file != standard_output) {
    return write_key_pair(options.file, exported.key, exported.comment, passphrase, format);
  }
  const Bytes text = format_key_file(exported.key, exported.comment, passphrase, format);
  if (options.file == standard_output) {
    write_standard_output(text);
  } else {
    create_file(options.file, text, private_mode);
  }
}

void print(const Options& options) {
  if (options.file == standard_output) return;
  if (options.json) {
    std::cout << json_of_done("exported", options.file);
  } else {
    const std::string file = shown(options.file);
    std::cout << "Written: " << file << (has_public_file(options) ? " and " + file + ".pub" : "") << '\n';
  }
}

void run(const Options& options) {
  const control::Key key = key_named(options.name);
  check_can_export(options, key);
  // Asked first: the private key is here for as short as may be.
  const SecretBytes passphrase = ask_passphrase(options, key.public_key);
  const auto exported = ask_agent_for<control::Exported>(control::ExportKey{options.name});
  write(options, exported, passphrase);
  print(options);
  const std::string what = options.file == standard_output ? "What was written" : options.file;
  warn_of_protection(what, key.public_key, format_of(options), !passphrase.empty());
}

}  // namespace

void add_export(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "export", "write a private key's file, for ssh, PuTTY or other programs", define,
                       run);
}

}  // namespace fob::cli
