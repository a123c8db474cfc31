#include "protocol/private_key.h"

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

constexpr std::size_t ed25519_secret_bytes = 64;
constexpr std::size_t mldsa44_ed25519_seeds_bytes = 64;
constexpr int rsa_private_numbers = 4;  // d, iqmp, p, q

void skip_exact_string(Reader& in, std::size_t bytes) {
  const std::size_t got = in.string().size();
  if (got == bytes) return;
  throw Error(Errc::malformed, "private key of " + std::to_string(got) + " bytes, wanted " + std::to_string(bytes));
}

/// The fields that stay secret; `in` is moved past them.
ByteView read_secret_fields(KeyKind kind, Reader& in) {
  const std::size_t start = in.position();
  if (kind == KeyKind::rsa) {
    for (int i = 0; i < rsa_private_numbers; ++i) in.mpint();
  } else if (is_ecdsa(kind)) {
    in.mpint();
  } else if (kind == KeyKind::ed25519) {
    skip_exact_string(in, ed25519_secret_bytes);
  } else if (kind == KeyKind::mldsa44_ed25519) {
    skip_exact_string(in, mldsa44_ed25519_seeds_bytes);
  } else {
    in.u8();      // flags
    in.string();  // key handle
    in.string();  // reserved
  }
  return in.since(start);
}

/// What follows the certificate blob and repeats it: Ed25519's and sk-Ed25519's public key, sk's application.
void check_repeated_fields(const PublicKey& key, Reader& in) {
  const bool repeats_point = key.kind == KeyKind::ed25519 || key.kind == KeyKind::sk_ed25519;
  if (repeats_point && !equal(in.string(), key.point)) {
    throw Error(Errc::invalid_key, "certificate is for another public key");
  }
  if (is_sk(key.kind) && in.text(limits::name_bytes) != key.application) {
    throw Error(Errc::invalid_key, "certificate is for another application");
  }
}

PublicKey read_certificate_key(std::string_view name, Reader& in) {
  PublicKey key = PublicKey::parse(in.string());
  if (key.type_name() != name) throw Error(Errc::malformed, "certificate is of another type than the key");
  check_repeated_fields(key, in);
  return key;
}

void write_public_fields(const PublicKey& key, Writer& out) {
  if (key.is_certificate()) {
    out.string(key.blob);
    if (key.kind == KeyKind::ed25519 || key.kind == KeyKind::sk_ed25519) out.string(key.point);
  } else if (key.kind == KeyKind::rsa) {
    out.mpint(key.rsa_n).mpint(key.rsa_e);
  } else {
    if (!traits(key.kind).curve.empty()) out.string(traits(key.kind).curve);
    out.string(key.point);
  }
  if (is_sk(key.kind)) out.string(key.application);
}

}  // namespace

PrivateKey PrivateKey::read(Reader& in) {
  const std::string_view name = in.text(limits::name_bytes);
  const std::optional<KeyTypeName> type = key_type_from_name(name);
  if (!type) throw Error(Errc::unsupported, "unknown key type " + printable(name));
  PrivateKey out;
  out.public_key = type->is_certificate ? read_certificate_key(name, in) : PublicKey::read_plain_fields(type->kind, in);
  out.secret = SecretBytes(read_secret_fields(type->kind, in));
  return out;
}

void PrivateKey::write(Writer& out) const {
  out.string(public_key.type_name());
  write_public_fields(public_key, out);
  out.raw(secret.view());
}

}  // namespace fob
