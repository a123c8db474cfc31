#include "cli/new_options.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>

#include "cli/command.h"
#include "cli/piv_options.h"
#include "cli/text.h"
#include "protocol/pkcs11_info.h"

namespace fob::cli {
namespace {

constexpr unsigned default_rsa_bits = 2048;
constexpr std::array<unsigned, 3> rsa_sizes{2048, 3072, 4096};
constexpr std::array<KeyKind, 7> kinds{
    KeyKind::sk_ecdsa_p256, KeyKind::sk_ed25519, KeyKind::ecdsa_p256, KeyKind::ecdsa_p384,
    KeyKind::ecdsa_p521,    KeyKind::ed25519,    KeyKind::rsa};

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

void refuse(const std::string& why) { throw CLI::ValidationError(why); }

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

void finish_fido2(const CLI::App& command, NewOptions& options) {
  refuse_options(command, {{"--slot", "is for PIV cards: a FIDO2 token has no slots"},
                           {"--pin-policy", "is for PIV cards; on a FIDO2 token: --verify-required"},
                           {"--touch-policy", "is for PIV cards; on a FIDO2 token: --no-touch"}});
  const KeyKind kind = kind_of(options.type.empty() ? "ecdsa-sk" : options.type);
  if (!is_sk(kind)) {
    refuse("a FIDO2 token makes no keys of the type " + type_word(kind) + ": name a PKCS#11 token with --on");
  }
  options.key.kind = kind_of_size(kind, options);
}

void finish_pkcs11(const CLI::App& command, NewOptions& options) {
  refuse_options(
      command,
      {{"--resident", "is for FIDO2 tokens: a PKCS#11 token stores all its keys"},
       {"--verify-required", "is for FIDO2 tokens; on a PIV card: --pin-policy always"},
       {"--no-touch", "is for FIDO2 tokens; on a PIV card: --touch-policy never"},
       {"--application", "is for FIDO2 tokens"},
       {"--user", "is for FIDO2 tokens: a key on a PKCS#11 token is labelled with its name"},
       {"--challenge", "is for FIDO2 tokens; of a PKCS#11 token: fob attest NAME"},
       {"--write-attestation", "is for FIDO2 tokens; of a PKCS#11 token: fob attest NAME -o FILE"},
       {"--output", "is for FIDO2 tokens: a key on a PKCS#11 token has no file; fob public prints its public key"}});
  const KeyKind kind = kind_of(options.type.empty() ? "ecdsa" : options.type);
  if (is_sk(kind)) {
    refuse("a PKCS#11 token makes no keys of the type " + type_word(kind) + ", but ecdsa, ed25519 and rsa");
  }
  options.key.kind = kind_of_size(kind, options);
  if (kind == KeyKind::rsa) options.key.rsa_bits = options.bits == 0 ? default_rsa_bits : options.bits;
  options.key.application.clear();
}

void define_key(CLI::App& command, NewOptions& options) {
  add_on(command, options.key.on);
  command
      .add_option("-t,--type", options.type,
                  "the key's type: ecdsa-sk by default, which works on every FIDO2 token; ecdsa on PKCS#11 tokens")
      ->check(CLI::IsMember(type_words({kinds.begin(), kinds.end()})));
  command.add_option("-b,--bits", options.bits,
                     "the size: of rsa 2048 (the default), 3072, 4096; of ecdsa 256, 384, 521");
  command.add_option("--comment", options.key.comment, "the comment")->capture_default_str();
  command.add_flag("--replace", options.key.replace,
                   "a resident key of the same application and user, or the key in the slot, may go");
  add_piv_options(command, options.key.piv);
}

void define_fido2(CLI::App& command, NewOptions& options) {
  control::NewKey& key = options.key;
  command.add_option("-o,--output", options.file, "write the key file that ssh uses without fob, and FILE.pub")
      ->type_name("FILE");
  command.add_flag("--resident", key.resident, "store it on the token, so that another machine can get it from there");
  command.add_flag("--verify-required", key.verify_required, "each use wants the PIN, or a fingerprint");
  command.add_flag("--no-touch", key.no_touch, "uses want no touch; servers accept that only where told to");
  command.add_option("--application", key.application, "the application that it is for: ssh: or ssh:SOMETHING")
      ->check(check_application)
      ->capture_default_str();
  command.add_option("--user", key.user, "the user name of a resident key");
  command.add_option("--challenge", options.challenge_file, "a file that the token's attestation signs")
      ->type_name("FILE");
  command.add_option("--write-attestation", options.attestation_file, "where to write what the token attests")
      ->type_name("FILE");
}

}  // namespace

void define_new(CLI::App& command, NewOptions& options) {
  options.key.on = "fido";
  options.key.application = "ssh:";
  options.key.comment = default_comment();
  add_json(command, options.json);
  command.add_option("NAME", options.key.name, "what to call the key")->required()->check(check_name_option);
  define_key(command, options);
  define_fido2(command, options);
  command.parse_complete_callback([&command, &options] {
    if (is_pkcs11_uri(options.key.on)) {
      finish_pkcs11(command, options);
    } else {
      finish_fido2(command, options);
    }
  });
}

}  // namespace fob::cli
