#include "cli/new_options.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "cli/command.h"
#include "cli/new_service.h"
#include "cli/piv_options.h"
#include "cli/text.h"
#include "protocol/pkcs11_info.h"

namespace fob::cli {
namespace {

constexpr unsigned token_rsa_bits = 2048;
constexpr unsigned vault_rsa_bits = 3072;
constexpr std::array<unsigned, 3> rsa_sizes{2048, 3072, 4096};
constexpr std::array<KeyKind, 7> kinds{
    KeyKind::sk_ecdsa_p256, KeyKind::sk_ed25519, KeyKind::ecdsa_p256, KeyKind::ecdsa_p384,
    KeyKind::ecdsa_p521,    KeyKind::ed25519,    KeyKind::rsa};

std::string check_application(const std::string& application) {
  if (application.starts_with("ssh:")) return {};
  return "the application must begin with \"ssh:\", not \"" + shown(application) + "\"";
}

void refuse(const std::string& why) { throw UsageError(why); }

KeyKind kind_of(const std::string& type) {
  return *std::find_if(kinds.begin(), kinds.end(), [&](KeyKind kind) { return type_word(kind) == type; });
}

/// As ssh-keygen -b: of ecdsa the size chooses the curve.
KeyKind kind_of_size(KeyKind kind, const NewOptions& options) {
  if (options.bits == 0) return kind;
  if (kind == KeyKind::rsa) {
    if (std::find(rsa_sizes.begin(), rsa_sizes.end(), options.bits) == rsa_sizes.end()) {
      refuse("RSA keys have 2048, 3072 or 4096 bits, and not " + std::to_string(options.bits));
    }
    return kind;
  }
  if (!is_ecdsa(kind)) refuse("--bits does not fit " + type_word(kind) + ", whose keys are all of one size");
  // "ecdsa" is any curve, "ecdsa-p384" that one.
  for (const KeyKind curve : {KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521}) {
    if (traits(curve).bits == options.bits && (kind == KeyKind::ecdsa_p256 || kind == curve)) return curve;
  }
  refuse(kind == KeyKind::ecdsa_p256
             ? "ECDSA keys have 256, 384 or 521 bits, and not " + std::to_string(options.bits)
             : "keys of the type " + type_word(kind) + " have " + std::to_string(traits(kind).bits) + " bits");
  return kind;
}

/// What only FIDO2 tokens know; each says so where the key goes elsewhere. `user`, `output`: what to do there instead.
/// --output is the last one.
std::vector<Misfit> fido2_only(const char* user, const char* output) {
  return {{"--resident", "is for FIDO2 tokens: other places store all their keys"},
          {"--verify-required", "is for FIDO2 tokens; on a PIV card: --pin-policy always"},
          {"--no-touch", "is for FIDO2 tokens; on a PIV card: --touch-policy never"},
          {"--application", "is for FIDO2 tokens"},
          {"--user", user},
          {"--challenge", "is for FIDO2 tokens; of a PKCS#11 token: fob attest NAME"},
          {"--write-attestation", "is for FIDO2 tokens; of a PKCS#11 token: fob attest NAME -o FILE"},
          {"--output", output}};
}

void finish_fido2(Command command, NewOptions& options) {
  refuse_options(command, {{"--slot", "is for PIV cards: a FIDO2 token has no slots"},
                           {"--pin-policy", "is for PIV cards; on a FIDO2 token: --verify-required"},
                           {"--touch-policy", "is for PIV cards; on a FIDO2 token: --no-touch"}});
  const KeyKind kind = kind_of(options.type.empty() ? "ecdsa-sk" : options.type);
  if (!is_sk(kind)) {
    refuse("a FIDO2 token makes no keys of the type " + type_word(kind) +
           ": --on vault does, and so does a PKCS#11 token that --on names");
  }
  options.key.kind = kind_of_size(kind, options);
}

void finish_pkcs11(Command command, NewOptions& options) {
  refuse_options(
      command,
      fido2_only("is for FIDO2 tokens: a key on a PKCS#11 token is labelled with its name",
                 "is for FIDO2 tokens: a key on a PKCS#11 token has no file; fob public prints its public key"));
  const KeyKind kind = kind_of(options.type.empty() ? "ecdsa" : options.type);
  if (is_sk(kind)) {
    refuse("a PKCS#11 token makes no keys of the type " + type_word(kind) + ", but ecdsa, ed25519 and rsa");
  }
  options.key.kind = kind_of_size(kind, options);
  if (kind == KeyKind::rsa) options.key.rsa_bits = options.bits == 0 ? token_rsa_bits : options.bits;
  options.key.application.clear();
}

void finish_vault(Command command, NewOptions& options) {
  std::vector<Misfit> misfits =
      fido2_only("is for FIDO2 tokens", "is for FIDO2 tokens; fob export writes a key of the vault to a file");
  // The service may want the private key in a file.
  if (options.service && options.service->private_format) misfits.pop_back();
  refuse_options(command, misfits);
  refuse_options(command, {{"--slot", "is for PIV cards: name the card with --on"},
                           {"--pin-policy", "is for PIV cards: name the card with --on"},
                           {"--touch-policy", "is for PIV cards: name the card with --on"},
                           {"--replace", "is for tokens; a key of the vault goes with fob remove NAME"}});
  const KeyKind kind = kind_of(options.type.empty() ? "ed25519" : options.type);
  if (is_sk(kind)) refuse("the vault holds no keys of the type " + type_word(kind) + ", but a FIDO2 token does");
  options.key.kind = kind_of_size(kind, options);
  if (kind == KeyKind::rsa) options.key.rsa_bits = options.bits == 0 ? vault_rsa_bits : options.bits;
  options.key.application.clear();
}

/// Where the rest of the command line says that the key is for a FIDO2 token, or for the vault; else it is the agent
/// that knows whether a token is plugged in.
std::string place_for(Command command, const NewOptions& options) {
  if (!options.type.empty()) return is_sk(kind_of(options.type)) ? "fido" : vault_place;
  const std::vector<Misfit> only = fido2_only("", "");
  const auto is_given = [&command](const Misfit& misfit) { return command.is_given(misfit.option); };
  return std::any_of(only.begin(), only.end(), is_given) ? "fido" : "";
}

void finish_anywhere(Command command) {
  constexpr const char* card = "is for PIV cards: name the card with --on";
  refuse_options(command,
                 {{"--slot", card},
                  {"--pin-policy", card},
                  {"--touch-policy", card},
                  {"--bits", "is for keys of the types ecdsa and rsa: say which with --type"},
                  {"--replace", "is for what a token stores: give --resident too, or name a PIV card with --on"}});
}

/// Whether more is said than what the key is called, and what is done with it then.
bool is_decided(Command command) {
  const std::vector<std::string> no_matter{"NAME", "--copy", "--yes", "--json"};
  const std::vector<std::string> given = command.given();
  return std::any_of(given.begin(), given.end(), [&](const std::string& option) {
    return std::find(no_matter.begin(), no_matter.end(), option) == no_matter.end();
  });
}

void check_alone(const NewOptions& options) {
  if (options.key.name.empty() && !may_ask(options)) throw UsageError("NAME is required");
  if (options.service) return;
  if (options.file == "-") refuse("-o - is for services that want the private key in a file: see --for");
}

void finish(Command command, NewOptions& options) {
  options.json = options.json || json_above(command);
  options.decided = is_decided(command);
  if (!options.service_name.empty()) take_service(options);
  check_alone(options);
  std::string& on = options.key.on;
  if (on.empty()) on = place_for(command, options);
  if (options.service) choose_type(options);
  if (on.empty()) {
    finish_anywhere(command);
  } else if (on == vault_place) {
    finish_vault(command, options);
  } else if (is_pkcs11_uri(on)) {
    finish_pkcs11(command, options);
  } else {
    finish_fido2(command, options);
  }
  if (options.service) check_decided(options);
}

void define_place(Command command, NewOptions& options) {
  command
      .add_option("--on", options.key.on,
                  "where: vault, fido (the only FIDO2 token), an id that fob tokens shows, or a PKCS#11 URI that means "
                  "one token; by default the FIDO2 token that is plugged in, else the vault")
      .type_name("PLACE")
      .check(check_on_option);
}

void define_key(Command command, NewOptions& options) {
  define_place(command, options);
  command
      .add_option("-t,--type", options.type,
                  "the key's type: by default ecdsa-sk, which works on every FIDO2 token; ecdsa on PKCS#11 tokens; "
                  "ed25519 in the vault")
      .words(type_words({kinds.begin(), kinds.end()}));
  command.add_option(
      "-b,--bits", options.bits,
      "the size: of rsa 2048 (the default on tokens), 3072 (in the vault), 4096; of ecdsa 256, 384, 521");
  command.add_option("--comment", options.key.comment, "the comment").check(check_comment_option).capture_default_str();
  add_confirm_and_service(command, options.key.confirm, options.key.services);
  command.add_flag("--replace", options.key.replace,
                   "a resident key of the same application and user, or the key in the slot, may go");
  add_piv_options(command, options.key.piv);
}

void define_fido2(Command command, NewOptions& options) {
  control::NewKey& key = options.key;
  command
      .add_option("-o,--output", options.file,
                  "write the key file that ssh uses without fob, or that the service wants, and FILE.pub")
      .type_name("FILE");
  command.add_flag("--resident", key.resident, "store it on the token, so that another machine can get it from there");
  command.add_flag("--verify-required", key.verify_required, "each use wants the PIN, or a fingerprint");
  command.add_flag("--no-touch", key.no_touch, "uses want no touch; servers accept that only where told to");
  command.add_option("--application", key.application, "the application that it is for: ssh: or ssh:SOMETHING")
      .check(check_application)
      .capture_default_str();
  command.add_option("--user", key.user, "the user name of a resident key");
  command.add_option("--challenge", options.challenge_file, "a file that the token's attestation signs")
      .type_name("FILE");
  command.add_option("--write-attestation", options.attestation_file, "where to write what the token attests")
      .type_name("FILE");
}

void define_service(Command command, NewOptions& options) {
  const Option service = command.add_option("--for", options.service_name,
                                            "what a service accepts and wants, and what to do there: github, gitlab, "
                                            "bitbucket, jasmin, ...; fob(1) lists them all");
  service.type_name("SERVICE");
  command.add_option("--account", options.account, "the account there, as a note").type_name("WHO").needs(service);
  command
      .add_flag("--no-passphrase", options.no_passphrase,
                "the file of the private key that the service wants is not encrypted")
      .needs(service);
  command.add_flag("--copy", options.copy, "put the public key on the clipboard");
  command.add_flag("-y,--yes", options.yes, "ask nothing; by default, a terminal is asked what no option says");
}

}  // namespace

bool may_ask(const NewOptions& options) {
  return !options.yes && !options.json && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

void define_new(Command command, NewOptions& options) {
  options.key.application = "ssh:";
  options.key.comment = default_comment();
  add_json(command, options.json);
  command.add_option("NAME", options.key.name, "what to call the key").check(check_name_option);
  define_service(command, options);
  define_key(command, options);
  define_fido2(command, options);
  command.when_parsed([command, &options] { finish(command, options); });
}

}  // namespace fob::cli
