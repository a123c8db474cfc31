#include <sys/stat.h>

#include <iostream>

#include "cli/agent_signer.h"
#include "cli/command.h"
#include "cli/file.h"
#include "cli/file_digest.h"
#include "cli/remote_json.h"
#include "cli/text.h"
#include "protocol/fingerprint.h"
#include "protocol/sshsig.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  std::string file;
  std::string signature_namespace;
  std::string key;
  std::string output;
  bool force = false;
};

void define(Command command, Options& options) {
  add_json(command, options.json);
  command.add_option("FILE", options.file, "what to sign; - is standard input").required();
  command
      .add_option("-n,--namespace", options.signature_namespace,
                  "what the signature is for: file, git, or a name with an @ of your own")
      .type_name("NAME")
      .required()
      .check(check_namespace_option);
  command.add_option("-k,--key", options.key, "the key; by default the only one that there is")
      .type_name("NAME")
      .check(check_name_option);
  command.add_option("-o,--output", options.output, "where the signature goes; by default FILE.sig").type_name("SIG");
  command.add_flag("--force", options.force, "a signature that is there already may go");
}

/// Empty: to standard output.
std::string output_path(const Options& options) {
  if (options.output == "-") return "";
  if (!options.output.empty()) return options.output;
  return options.file == "-" ? "" : options.file + ".sig";
}

/// The file first: nobody is asked for anything in vain.
Sshsig sign(const Options& options, control::Key& key) {
  Sshsig out;
  out.signature_namespace = options.signature_namespace;
  const Bytes digest = digest_of_file(options.file, out.hash);
  key = key_to_use(options.key);
  out.key = key.public_key;
  out.signature = sign_by_agent(key, sshsig_signed_data(out.signature_namespace, out.hash, digest));
  verify_sshsig(out, digest);
  return out;
}

void write_signature(const Sshsig& sshsig, const std::string& path, bool replace) {
  if (!replace) return create_file(path, as_bytes(sshsig.text()), public_mode);
  put_file(path, as_bytes(sshsig.text()), true);
  if (chmod(path.c_str(), public_mode) != 0) throw_system_error("cannot set the mode of " + shown(path), errno);
}

void run(const Options& options) {
  const std::string path = output_path(options);
  if (!path.empty() && !options.force) check_can_create({path});
  control::Key key;
  const Sshsig sshsig = sign(options, key);
  if (!path.empty()) write_signature(sshsig, path, options.force);
  if (options.json) {
    std::cout << json_of_signed(sshsig, key.name, path);
  } else if (path.empty()) {
    std::cout << sshsig.text();
  } else {
    std::cout << "Signed " << shown(options.file) << " by the key " << key.name << " (" << fingerprint(sshsig.key)
              << ") for the namespace " << shown(sshsig.signature_namespace) << ".\nThe signature is in " << shown(path)
              << ".\n";
  }
}

}  // namespace

void add_sign(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "sign", "sign a file, as ssh-keygen -Y sign", define, run);
}

}  // namespace fob::cli
