#include "cli/rotated_place.h"

#include <algorithm>
#include <array>

#include "cli/agent_connection.h"
#include "cli/new_options.h"
#include "cli/pkcs11_uri.h"
#include "cli/text.h"
#include "cli/token_names.h"
#include "protocol/pattern.h"
#include "protocol/pkcs11_info.h"

namespace fob::cli {
namespace {

constexpr const char* any_fido_place = "fido";
constexpr std::array<unsigned, 3> rsa_sizes{2048, 3072, 4096};

bool is_fido_place(const std::string& on) { return on != vault_place && !is_pkcs11_uri(on); }

/// As the agent writes it down with a key that a token makes.
std::string title_of(const control::Token& token) {
  const std::string product = token.product.empty() ? token.id : printable(token.product);
  return token.serial.empty() ? product : product + " (" + printable(token.serial) + ')';
}

[[noreturn]] void throw_absent(const control::Key& old) {
  const std::string token = old.token.empty() ? short_key_uri(old.uri) : old.token;
  throw Error(Errc::not_found, old.name + " is on the token " + shown(token) +
                                   ", which is not here: plug it in, or let --on name the place of the new key");
}

std::string token_of_fido_key(const control::Key& old) {
  if (old.token.empty()) return any_fido_place;
  std::vector<std::string> found;
  for (const control::Token& token : ask_agent_for<control::Tokens>(control::ListTokens{}).tokens) {
    if (is_fido2(token) && title_of(token) == old.token) found.push_back(token.id);
  }
  if (found.empty()) throw_absent(old);
  if (found.size() == 1) return found[0];
  throw Error(Errc::refused, "more than one token here is called " + shown(old.token) + ", as that of " + old.name +
                                 " is: plug in the one, or name it with --on");
}

std::string token_of_pkcs11_key(const control::Key& old, const RotationWishes& wishes) {
  for (const control::Token& token : ask_agent_for<control::Tokens>(control::ListTokens{}).tokens) {
    if (!token.pkcs11 || !token.fault.empty() || !uri_means_token(old.uri, token.pkcs11->uri)) continue;
    if (token.pkcs11->is_piv && wishes.piv.slot.empty()) {
      throw Error(Errc::refused,
                  "the old key stays in its slot of the PIV card until it is removed: name a free slot "
                  "for the new one with --slot, or another place with --on");
    }
    return token.pkcs11->uri;
  }
  throw_absent(old);
}

std::string place_of(const control::Key& old, const RotationWishes& wishes) {
  if (!wishes.on.empty()) return wishes.on;
  if (old.where == vault_place) return vault_place;
  if (old.where == any_fido_place) return token_of_fido_key(old);
  if (!old.uri.empty()) return token_of_pkcs11_key(old, wishes);
  throw Error(Errc::unsupported, old.name + " is used through " + shown(old.where) +
                                     ", which makes no keys for fob: name the place of the new one with --on");
}

/// No smaller than the old one, nor than new ones are.
unsigned rsa_bits_for(const PublicKey& old, const std::string& on) {
  const unsigned least = on == vault_place ? rsa_sizes[1] : rsa_sizes[0];
  const unsigned wanted = std::max(least, old.kind == KeyKind::rsa ? old.bits() : 0U);
  const auto* const size = std::lower_bound(rsa_sizes.begin(), rsa_sizes.end(), wanted);
  return size == rsa_sizes.end() ? rsa_sizes.back() : *size;
}

void set_kind(control::NewKey& request, const PublicKey& old, const RotationWishes& wishes) {
  request.kind = wishes.kind;
  if (!request.kind && is_sk(old.kind) == is_fido_place(request.on)) request.kind = old.kind;
  if (request.kind == KeyKind::rsa) request.rsa_bits = rsa_bits_for(old, request.on);
}

void set_credential(control::NewKey& request, const control::Key& old) {
  if (!is_fido_place(request.on)) return;
  request.application = "ssh:";
  if (!is_sk(old.public_key.kind)) return;
  request.application = old.public_key.application;
  request.resident = (old.sk_flags & flag_resident) != 0;
  request.verify_required = (old.sk_flags & flag_pin) != 0;
  request.no_touch = (old.sk_flags & flag_touch) == 0;
  if (request.resident) request.user = request.name;
}

}  // namespace

control::NewKey request_in_place_of(const control::Key& old, const std::string& name, const RotationWishes& wishes) {
  control::NewKey out;
  out.name = name;
  out.on = place_of(old, wishes);
  out.comment = old.comment;
  out.confirm = old.confirm;
  out.services = old.services;
  out.piv = wishes.piv;
  set_kind(out, old.public_key, wishes);
  set_credential(out, old);
  return out;
}

}  // namespace fob::cli
