#include "protocol/public_key.h"

#include <algorithm>
#include <bit>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"
#include "protocol/signature.h"

namespace fob {
namespace {

ByteView read_point(KeyKind kind, Reader& in) {
  const KeyKindTraits& fixed = traits(kind);
  if (!fixed.curve.empty()) {
    const std::string_view curve = in.text(limits::name_bytes);
    if (curve != fixed.curve)
      throw Error(Errc::malformed, "curve does not fit the key type " + std::string(fixed.name));
  }
  const ByteView point = in.string();
  if (point.size() != fixed.point_bytes) {
    throw Error(Errc::malformed, "public key of " + std::to_string(point.size()) + " bytes, wanted " +
                                     std::to_string(fixed.point_bytes));
  }
  if (!fixed.curve.empty() && point[0] != 0x04) throw Error(Errc::malformed, "EC point is not in uncompressed form");
  return point;
}

void check_rsa_size(const PublicKey& key) {
  const unsigned bits = key.bits();
  if (bits < limits::rsa_min_bits || bits > limits::rsa_max_bits) {
    throw Error(Errc::invalid_key, "RSA modulus of " + std::to_string(bits) + " bits, allowed are " +
                                       std::to_string(limits::rsa_min_bits) + " to " +
                                       std::to_string(limits::rsa_max_bits));
  }
}

/// The key's own fields as in a plain blob or a certificate: for RSA e before n.
void read_key_fields(PublicKey& key, Reader& in) {
  if (key.kind == KeyKind::rsa) {
    key.rsa_e = to_bytes(in.mpint());
    key.rsa_n = to_bytes(in.mpint());
    check_rsa_size(key);
    return;
  }
  key.point = to_bytes(read_point(key.kind, in));
  if (is_sk(key.kind)) key.application = in.text(limits::name_bytes);
}

void check_name_data_pairs(ByteView options) {
  for (Reader in(options); !in.empty();) {
    in.string();
    in.string();
  }
}

std::vector<std::string> read_principals(Reader in) {
  std::vector<std::string> out;
  while (!in.empty()) {
    if (out.size() == limits::certificate_principals) throw Error(Errc::malformed, "too many certificate principals");
    out.emplace_back(in.text());
  }
  return out;
}

Certificate read_certificate(Reader& in) {
  Certificate out;
  out.serial = in.u64();
  const std::uint32_t type = in.u32();
  if (type != 1 && type != 2) throw Error(Errc::malformed, "unknown certificate type " + std::to_string(type));
  out.type = static_cast<Certificate::Type>(type);
  out.key_id = in.text();
  out.principals = read_principals(in.nested());
  out.valid_after = in.u64();
  out.valid_before = in.u64();
  out.critical_options = to_bytes(in.string());
  out.extensions = to_bytes(in.string());
  check_name_data_pairs(out.critical_options);
  check_name_data_pairs(out.extensions);
  in.string();  // reserved
  out.signature_key = to_bytes(in.string());
  PublicKey::parse_plain(out.signature_key);
  out.signed_bytes = in.position();
  out.signature = to_bytes(in.string());
  Signature::parse(out.signature);
  return out;
}

Bytes compose_blob(const PublicKey& key) {
  Writer out;
  out.string(traits(key.kind).name);
  if (key.kind == KeyKind::rsa) {
    out.mpint(key.rsa_e).mpint(key.rsa_n);
    return out.take();
  }
  if (!traits(key.kind).curve.empty()) out.string(traits(key.kind).curve);
  out.string(key.point);
  if (is_sk(key.kind)) out.string(key.application);
  return out.take();
}

PublicKey parse_blob(ByteView blob, bool allow_certificate) {
  Reader in(blob);
  const std::string_view name = in.text(limits::name_bytes);
  const std::optional<KeyTypeName> type = key_type_from_name(name);
  if (!type) throw Error(Errc::unsupported, "unknown key type " + printable(name));
  if (type->is_certificate && !allow_certificate) throw Error(Errc::malformed, "a certificate where a key must stand");
  PublicKey out;
  out.kind = type->kind;
  if (type->is_certificate) in.string();  // nonce
  read_key_fields(out, in);
  if (type->is_certificate) out.certificate = read_certificate(in);
  in.done();
  out.blob = to_bytes(blob);
  return out;
}

}  // namespace

PublicKey PublicKey::parse(ByteView blob) { return parse_blob(blob, true); }
PublicKey PublicKey::parse_plain(ByteView blob) { return parse_blob(blob, false); }

PublicKey PublicKey::read_plain_fields(KeyKind kind, Reader& in) {
  PublicKey out;
  out.kind = kind;
  if (kind == KeyKind::rsa) {
    // The other way round than in a key blob.
    out.rsa_n = to_bytes(in.mpint());
    out.rsa_e = to_bytes(in.mpint());
    check_rsa_size(out);
  } else {
    read_key_fields(out, in);
  }
  out.blob = compose_blob(out);
  return out;
}

std::string_view PublicKey::type_name() const {
  return is_certificate() ? traits(kind).certificate_name : traits(kind).name;
}

std::string PublicKey::display_type() const {
  return std::string(traits(kind).display_name) + (is_certificate() ? "-CERT" : "");
}

unsigned PublicKey::bits() const {
  if (kind != KeyKind::rsa) return traits(kind).bits;
  if (rsa_n.empty()) return 0;
  return static_cast<unsigned>((rsa_n.size() - 1) * 8) + static_cast<unsigned>(std::bit_width(rsa_n[0]));
}

Bytes PublicKey::plain_blob() const { return is_certificate() ? compose_blob(*this) : blob; }

bool certificate_names_host(const PublicKey& host_certificate, std::string_view hostname, std::uint64_t now) {
  if (!host_certificate.is_certificate()) return false;
  const Certificate& certificate = *host_certificate.certificate;
  if (certificate.type != Certificate::Type::host || !certificate.critical_options.empty()) return false;
  if (now < certificate.valid_after || now >= certificate.valid_before) return false;
  if (Signature::parse(certificate.signature).algorithm == "ssh-rsa") return false;
  return std::any_of(certificate.principals.begin(), certificate.principals.end(),
                     [&](const std::string& principal) { return matches_pattern(hostname, principal); });
}

}  // namespace fob
