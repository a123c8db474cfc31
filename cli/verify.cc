#include <ctime>
#include <iostream>

#include "cli/agent_connection.h"
#include "cli/agent_socket.h"
#include "cli/command.h"
#include "cli/file.h"
#include "cli/file_digest.h"
#include "cli/remote_json.h"
#include "cli/text.h"
#include "protocol/allowed_signers.h"
#include "protocol/fingerprint.h"
#include "protocol/limits.h"
#include "protocol/sshsig.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  std::string file;
  std::string signature;
  std::string signature_namespace;
  std::string allowed_signers;
  std::string identity;
};

/// An empty one is an unset variable of a script, perhaps, and must not make the check a weaker one.
void check(Command command, const Options& options) {
  const std::vector<std::pair<const char*, const std::string&>> values{{"--signature", options.signature},
                                                                       {"--allowed-signers", options.allowed_signers},
                                                                       {"--identity", options.identity}};
  for (const auto& [name, value] : values) {
    if (command.is_given(name) && value.empty()) throw UsageError(std::string(name) + " is empty");
  }
  if (options.allowed_signers.empty() != options.identity.empty()) {
    throw UsageError("-f and -I go together: the file says which keys that identity has");
  }
  if (options.file == "-" && options.signature.empty()) {
    throw UsageError("-s is needed: standard input has no name that the signature could be found by");
  }
}

void define(Command command, Options& options) {
  add_json(command, options.json);
  command.add_option("FILE", options.file, "what was signed; - is standard input").required();
  command.add_option("-s,--signature", options.signature, "the signature; by default FILE.sig").type_name("SIG");
  command.add_option("-n,--namespace", options.signature_namespace, "what the signature must be for")
      .type_name("NAME")
      .required()
      .check(check_namespace_option);
  command
      .add_option("-f,--allowed-signers", options.allowed_signers,
                  "the file that says whose keys are whose, as for ssh-keygen -Y verify")
      .type_name("FILE");
  command.add_option("-I,--identity", options.identity, "who is to have signed, as that file names them")
      .type_name("NAME");
  command.when_parsed([command, &options] { check(command, options); });
}

Sshsig read_signature(const Options& options) {
  const std::string path = options.signature.empty() ? options.file + ".sig" : options.signature;
  Sshsig out;
  try {
    out = Sshsig::parse_text(as_text(read_file(path, limits::sshsig_text_bytes)));
  } catch (const Error& error) {
    if (error.code() == Errc::system) throw;
    throw Error(error.code(), shown(path) + ": " + error.what());
  }
  if (out.signature_namespace == options.signature_namespace) return out;
  throw Error(Errc::bad_signature, "the signature is for the namespace " + shown(out.signature_namespace) +
                                       ", and not for " + shown(options.signature_namespace) +
                                       ": it was made for another purpose");
}

void check_signature(const Sshsig& sshsig, const Options& options) {
  const Bytes digest = digest_of_file(options.file, sshsig.hash);
  try {
    verify_sshsig(sshsig, digest);
  } catch (const Error& error) {
    if (error.code() != Errc::bad_signature) throw;
    throw Error(Errc::bad_signature, "the signature does not fit " + shown(options.file) +
                                         ": one of them was changed (" + error.what() + ")");
  }
}

void check_identity(const Sshsig& sshsig, const Options& options) {
  const Bytes text = read_file(options.allowed_signers, limits::allowed_signers_bytes);
  check_allowed_signer(as_text(text), sshsig.key, options.identity, options.signature_namespace,
                       static_cast<std::uint64_t>(time(nullptr)));
}

/// What the agent calls the key; empty where there is no agent, or the key is none of its.
std::string name_of(const PublicKey& key) {
  try {
    const auto keys = ask_agent_for<control::Keys>(control::ListKeys{});
    for (const control::Key& ours : keys.keys) {
      if (equal(ours.public_key.blob, key.blob)) return ours.name.empty() ? ours.comment : ours.name;
    }
  } catch (const AgentSilent& silent) {
    std::cerr << "Whether it is a key of yours is not known: " << shown(silent.what()) << '\n';
  } catch (const Error&) {
    // Nothing of the agent is needed to verify.
  }
  return "";
}

void print(const Sshsig& sshsig, const std::string& name, const std::string& identity) {
  std::cout << "Good \"" << shown(sshsig.signature_namespace) << "\" signature";
  if (!identity.empty()) std::cout << " for " << shown(identity);
  std::cout << " with " << sshsig.key.display_type() << " key " << fingerprint(sshsig.key);
  std::cout << (name.empty() ? "" : ", which is your key " + shown(name)) << '\n';
  if (!identity.empty()) return;
  std::cerr << "This says which key has signed, and nothing of whose it is: with -f FILE -I IDENTITY that is checked, "
               "too.\n";
}

void run(const Options& options) {
  const Sshsig sshsig = read_signature(options);
  check_signature(sshsig, options);
  if (!options.identity.empty()) check_identity(sshsig, options);
  const std::string name = name_of(sshsig.key);
  if (options.json) {
    std::cout << json_of_verified(sshsig, name, options.identity);
  } else {
    print(sshsig, name, options.identity);
  }
}

}  // namespace

std::string check_namespace_option(const std::string& name) {
  try {
    check_sshsig_namespace(name);
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

void add_verify(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "verify", "verify the signature of a file, as ssh-keygen -Y verify", define, run);
}

}  // namespace fob::cli
