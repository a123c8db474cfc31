#include "protocol/control_key_requests.h"

#include <algorithm>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"
#include "protocol/pkcs11_info.h"

namespace fob::control {
namespace {

/// The largest number of either policy (PivPinPolicy, PivTouchPolicy).
constexpr std::uint8_t last_policy = 3;

std::string read_key_name(Reader& in) {
  const std::string_view name = in.text(limits::key_name_bytes);
  check_key_name(name);
  return std::string(name);
}

KeyKind read_kind(Reader& in) {
  const std::string_view name = in.text(limits::name_bytes);
  const std::optional<KeyTypeName> type = key_type_from_name(name);
  if (!type || type->is_certificate) throw Error(Errc::unsupported, "unknown key type " + printable(name));
  return type->kind;
}

std::uint32_t read_rsa_bits(Reader& in) {
  const std::uint32_t bits = in.u32();
  if (bits <= limits::rsa_max_bits) return bits;
  throw Error(Errc::too_large, "RSA key of " + std::to_string(bits) + " bits, at most " +
                                   std::to_string(limits::rsa_max_bits) + " allowed");
}

std::uint8_t read_policy(Reader& in) {
  const std::uint8_t policy = in.u8();
  if (policy > last_policy) throw Error(Errc::unsupported, "unknown PIV policy " + std::to_string(policy));
  return policy;
}

/// An sk key is kept as it is; any other needs a token to go to.
void check_importable(const ImportKey& request) {
  const PublicKey& key = request.key.public_key;
  const KeyKind kind = key.kind;
  const bool storable = kind == KeyKind::rsa || is_ecdsa(kind) || kind == KeyKind::ed25519;
  if (key.is_certificate() || !(is_sk(kind) || storable)) {
    throw Error(Errc::unsupported, key.display_type() + " cannot be imported");
  }
  if (storable && request.on.empty()) {
    throw Error(Errc::unsupported, key.display_type() + " cannot be imported without a PKCS#11 token to put it on");
  }
  if (is_sk(kind) && !request.on.empty()) {
    throw Error(Errc::unsupported, key.display_type() + " belongs to the token that made it, and goes on no other");
  }
}

bool may_stand_in_name(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         (character >= '0' && character <= '9') || character == '.' || character == '_' || character == '-';
}

}  // namespace

void check_key_name(std::string_view name) {
  const auto refuse = [&](const std::string& fault) {
    throw Error(Errc::malformed, "\"" + printable(name) + "\" cannot name a key: " + fault);
  };
  if (name.empty()) refuse("it is empty");
  if (name.size() > limits::key_name_bytes) {
    refuse("it has " + std::to_string(name.size()) + " bytes, at most " + std::to_string(limits::key_name_bytes) +
           " are allowed");
  }
  if (!std::all_of(name.begin(), name.end(), may_stand_in_name)) {
    refuse("only letters, digits, \".\", \"_\" and \"-\" are allowed");
  }
  if (name[0] == '-' || name[0] == '.') refuse("it must begin with a letter, a digit or \"_\"");
}

PivPlace PivPlace::read(Reader& in) {
  PivPlace out;
  out.slot = in.text(limits::piv_slot_bytes);
  out.pin_policy = read_policy(in);
  out.touch_policy = read_policy(in);
  return out;
}

void PivPlace::write(Writer& out) const { out.string(slot).u8(pin_policy).u8(touch_policy); }

NewKey NewKey::read(Reader& in) {
  NewKey out;
  out.name = read_key_name(in);
  out.on = read_token_name(in);
  out.kind = read_kind(in);
  out.rsa_bits = read_rsa_bits(in);
  out.comment = in.text(limits::comment_bytes);
  out.application = in.text(limits::name_bytes);
  out.user = in.text(limits::credential_user_bytes);
  out.challenge = to_bytes(in.string(limits::challenge_bytes));
  out.resident = in.boolean();
  out.verify_required = in.boolean();
  out.no_touch = in.boolean();
  out.piv = PivPlace::read(in);
  out.replace = in.boolean();
  return out;
}

void NewKey::write(Writer& out) const {
  out.string(name).string(on).string(traits(kind).name).u32(rsa_bits).string(comment);
  out.string(application).string(user).string(challenge);
  out.boolean(resident).boolean(verify_required).boolean(no_touch);
  piv.write(out);
  out.boolean(replace);
}

ImportKey ImportKey::read(Reader& in) {
  ImportKey out;
  out.name = read_key_name(in);
  out.comment = in.text(limits::comment_bytes);
  out.key = PrivateKey::read(in);
  out.on = read_token_name(in);
  out.piv = PivPlace::read(in);
  out.replace = in.boolean();
  check_importable(out);
  return out;
}

void ImportKey::write(Writer& out) const {
  out.string(name).string(comment);
  key.write(out);
  out.string(on);
  piv.write(out);
  out.boolean(replace);
}

AdoptKey AdoptKey::read(Reader& in) {
  AdoptKey out;
  out.name = read_key_name(in);
  out.comment = in.text(limits::comment_bytes);
  out.uri = in.text(limits::uri_bytes);
  check_pkcs11_uri(out.uri);
  return out;
}

void AdoptKey::write(Writer& out) const { out.string(name).string(comment).string(uri); }

ExportKey ExportKey::read(Reader& in) { return {read_key_name(in)}; }
void ExportKey::write(Writer& out) const { out.string(name); }

RemoveKey RemoveKey::read(Reader& in) {
  RemoveKey out;
  out.name = read_key_name(in);
  out.from_token = in.boolean();
  return out;
}

void RemoveKey::write(Writer& out) const { out.string(name).boolean(from_token); }

AttestKey AttestKey::read(Reader& in) { return {read_key_name(in)}; }
void AttestKey::write(Writer& out) const { out.string(name); }

}  // namespace fob::control
