#include "cli/new_service.h"

#include <algorithm>

#include "cli/agent_connection.h"
#include "cli/text.h"
#include "cli/token_names.h"
#include "protocol/error.h"
#include "protocol/pkcs11_info.h"

namespace fob::cli {
namespace {

[[noreturn]] void refuse(const std::string& why) { throw UsageError(why); }

/// Its errors are those of the command line.
template <class Check>
void check(Check check) {
  try {
    check();
  } catch (const Error& error) {
    refuse(error.what());
  }
}

bool is_vault(const std::string& on) { return on == vault_place; }

/// Of services that have the private key as a file: only the vault gives one out.
void take_file(NewOptions& options) {
  const Service& service = *options.service;
  std::string& on = options.key.on;
  if (!on.empty() && !is_vault(on)) {
    refuse(service.title + " wants the private key in a file, and that of a token never leaves it: leave --on away");
  }
  on = vault_place;
  if (options.no_passphrase && service.passphrase == Service::Passphrase::required) {
    refuse(service.title + " wants a passphrase for the file of the private key: leave --no-passphrase away");
  }
  if (options.json && options.file == "-") refuse("--json and -o - both want standard output");
}

void check_without_file(const NewOptions& options) {
  if (options.no_passphrase) {
    refuse(options.service->title +
           " gets the public key only, and the private key stays in the vault or on its token: leave --no-passphrase "
           "away");
  }
  if (options.file == "-") {
    refuse("-o - is for services that want the private key in a file, and " + options.service->title + " does not");
  }
}

/// The one that it would choose first of those that such a token makes.
std::optional<KeyKind> kind_for(const Service& service, const control::Token& token) {
  if (!is_fido2(token) || !token.fault.empty()) return std::nullopt;
  const std::vector<KeyKind>& made = token.info.key_kinds;
  for (const KeyKind kind : service.kinds) {
    if (std::find(made.begin(), made.end(), kind) != made.end()) return kind;
  }
  return std::nullopt;
}

}  // namespace

void take_service(NewOptions& options) {
  check([&] {
    options.service = service_named(options.service_name);
    options.key.services.push_back(place_at(*options.service, options.account));
    control::check_services(options.key.services);
  });
  if (options.service->private_format) return take_file(options);
  check_without_file(options);
  std::string& on = options.key.on;
  if (on.empty() && options.type.empty() && !options.service->first_kind(true)) on = vault_place;
}

void choose_type(NewOptions& options) {
  const Service& service = *options.service;
  const std::string& on = options.key.on;
  if (on.empty()) return;
  const bool on_fido2 = !is_vault(on) && !is_pkcs11_uri(on);
  const auto kind = service.first_kind(on_fido2);
  if (options.type.empty() && !kind) {
    refuse(service.title + " takes no keys of " + (on_fido2 ? "FIDO2 tokens" : "that place") +
           ", but of the types: " + joined(type_words(service.kinds)));
  }
  if (options.type.empty()) options.type = type_word(*kind);
  // Of tokens many make RSA keys of 2048 bits only.
  if (options.type == "rsa" && options.bits == 0 && is_vault(on)) options.bits = service.rsa_bits;
}

void check_decided(const NewOptions& options) {
  if (!options.key.kind) return;
  check([&] { check_accepted(*options.service, *options.key.kind, options.key.rsa_bits); });
}

void choose_place(NewOptions& options) {
  if (!options.key.on.empty()) return;
  const Service& service = *options.service;
  for (const control::Token& token : ask_agent_for<control::Tokens>(control::ListTokens{}).tokens) {
    if (const auto kind = kind_for(service, token)) {
      options.key.on = "fido";
      options.key.kind = kind;
      return;
    }
  }
  const auto kind = service.first_kind(false);
  if (!kind) {
    throw Error(Errc::not_found, service.title + " takes keys of FIDO2 tokens only, of the types " +
                                     joined(type_words(service.kinds)) + ", and no token that makes one is plugged in");
  }
  options.key.on = vault_place;
  options.key.kind = kind;
  if (kind == KeyKind::rsa) options.key.rsa_bits = service.rsa_bits;
  options.key.application.clear();
}

}  // namespace fob::cli
