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

/// ssh-add -L prints it behind the key: a second line in it would be a second key.
std::string read_comment(Reader& in) {
  const std::string_view comment = in.text(limits::comment_bytes);
  if (printable(comment, limits::comment_bytes) == comment) return std::string(comment);
  throw Error(Errc::malformed, "a comment is one line, without control characters");
}

/// Nothing where the name is empty.
std::optional<KeyKind> read_kind(Reader& in) {
  const std::string_view name = in.text(limits::name_bytes);
  if (name.empty()) return std::nullopt;
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

void check_importable(const ImportKey& request) {
  const PublicKey& key = request.key.public_key;
  const KeyKind kind = key.kind;
  const bool storable = kind == KeyKind::rsa || is_ecdsa(kind) || kind == KeyKind::ed25519;
  if (key.is_certificate() || !(is_sk(kind) || storable)) {
    throw Error(Errc::unsupported, key.display_type() + " cannot be imported");
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

void check_services(const std::vector<std::string>& services) {
  if (services.size() > limits::services) {
    throw Error(Errc::too_large, std::to_string(services.size()) + " services, at most " +
                                     std::to_string(limits::services) + " are kept with a key");
  }
  const auto is_unfit = [](const std::string& name) {
    return name.empty() || name.size() > limits::name_bytes || printable(name) != name;
  };
  const auto unfit = std::find_if(services.begin(), services.end(), is_unfit);
  if (unfit == services.end()) return;
  throw Error(Errc::malformed, "\"" + printable(*unfit) + "\" cannot name a service: at most " +
                                   std::to_string(limits::name_bytes) + " printable characters are allowed");
}

std::vector<std::string> read_services(Reader& in) {
  std::vector<std::string> out;
  const std::size_t count = in.u32();
  for (std::size_t i = 0; i < count; ++i) {
    if (i == limits::services) throw Error(Errc::too_large, "too many services");
    out.emplace_back(in.text(limits::name_bytes));
  }
  check_services(out);
  return out;
}

void write_services(const std::vector<std::string>& services, Writer& out) {
  out.u32(static_cast<std::uint32_t>(services.size()));
  for (const std::string& service : services) out.string(service);
}

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
  out.comment = read_comment(in);
  out.application = in.text(limits::name_bytes);
  out.user = in.text(limits::credential_user_bytes);
  out.challenge = to_bytes(in.string(limits::challenge_bytes));
  out.resident = in.boolean();
  out.verify_required = in.boolean();
  out.no_touch = in.boolean();
  out.confirm = in.boolean();
  out.services = read_services(in);
  out.piv = PivPlace::read(in);
  out.replace = in.boolean();
  return out;
}

void NewKey::write(Writer& out) const {
  out.string(name).string(on).string(kind ? traits(*kind).name : "").u32(rsa_bits).string(comment);
  out.string(application).string(user).string(challenge);
  out.boolean(resident).boolean(verify_required).boolean(no_touch).boolean(confirm);
  write_services(services, out);
  piv.write(out);
  out.boolean(replace);
}

ImportKey ImportKey::read(Reader& in) {
  ImportKey out;
  out.name = read_key_name(in);
  out.comment = read_comment(in);
  out.key = PrivateKey::read(in);
  out.on = read_token_name(in);
  out.confirm = in.boolean();
  out.services = read_services(in);
  out.piv = PivPlace::read(in);
  out.replace = in.boolean();
  check_importable(out);
  return out;
}

void ImportKey::write(Writer& out) const {
  out.string(name).string(comment);
  key.write(out);
  out.string(on).boolean(confirm);
  write_services(services, out);
  piv.write(out);
  out.boolean(replace);
}

AdoptKey AdoptKey::read(Reader& in) {
  AdoptKey out;
  out.name = read_key_name(in);
  out.comment = read_comment(in);
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
  out.sure = in.boolean();
  return out;
}

void RemoveKey::write(Writer& out) const { out.string(name).boolean(from_token).boolean(sure); }

ChangeKey ChangeKey::read(Reader& in) {
  ChangeKey out;
  out.name = read_key_name(in);
  out.new_name = in.text(limits::key_name_bytes);
  if (!out.new_name.empty()) check_key_name(out.new_name);
  const bool comments = in.boolean();
  std::string comment = read_comment(in);
  if (comments) out.comment = std::move(comment);
  out.given_to = read_services(in);
  return out;
}

void ChangeKey::write(Writer& out) const {
  out.string(name).string(new_name).boolean(comment.has_value()).string(comment.value_or(""));
  write_services(given_to, out);
}

AttestKey AttestKey::read(Reader& in) { return {read_key_name(in)}; }
void AttestKey::write(Writer& out) const { out.string(name); }

}  // namespace fob::control
