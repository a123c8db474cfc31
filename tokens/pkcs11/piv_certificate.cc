#include "tokens/pkcs11/piv_certificate.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <initializer_list>
#include <memory>
#include <optional>

#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/pattern.h"

namespace fob::pkcs11 {
namespace {

constexpr std::size_t max_name_characters = 64;
constexpr std::size_t serial_bytes = 16;

enum Tag : std::uint8_t {
  tag_integer = 0x02,
  tag_bit_string = 0x03,
  tag_utf8_string = 0x0c,
  tag_utc_time = 0x17,
  tag_generalized_time = 0x18,
  tag_sequence = 0x30,
  tag_set = 0x31,
  tag_version = 0xa0,
  tag_extensions = 0xa3,
};

// AlgorithmIdentifiers: RFC 5758 §3.2, RFC 4055 §5.
const Bytes ecdsa_sha256{0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
const Bytes ecdsa_sha384{0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};
const Bytes rsa_sha256{0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00};
/// DigestInfo of SHA-256 as far as the digest (RFC 8017 §9.2, note 1).
const Bytes sha256_info{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                        0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
const Bytes common_name_oid{0x06, 0x03, 0x55, 0x04, 0x03};
/// Critical basic constraints: no certificate authority (RFC 5280 §4.2.1.9).
const Bytes basic_constraints{0x30, 0x0c, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x02, 0x30, 0x00};

/// Critical key usage: keyAgreement (RFC 5280 §4.2.1.3).
const Bytes key_agreement{0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01,
                          0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x03, 0x08};

struct Deleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

Bytes der(Tag tag, std::initializer_list<ByteView> parts) {
  std::size_t size = 0;
  for (const ByteView part : parts) size += part.size();
  Bytes out{tag};
  if (size > 0xff) out.insert(out.end(), {0x82, static_cast<std::uint8_t>(size >> 8)});
  if (size >= 0x80 && size <= 0xff) out.push_back(0x81);
  out.push_back(static_cast<std::uint8_t>(size));
  for (const ByteView part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

const Bytes& signature_algorithm(KeyKind kind) {
  if (kind == KeyKind::rsa) return rsa_sha256;
  return kind == KeyKind::ecdsa_p256 ? ecdsa_sha256 : ecdsa_sha384;
}

/// Positive, and so large that no two certificates share it (RFC 5280 §4.1.2.2).
Bytes serial_number() {
  Bytes out(serial_bytes);
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) throw_openssl_error("random numbers");
  out[0] = static_cast<std::uint8_t>((out[0] & 0x3f) | 0x40);
  return der(tag_integer, {out});
}

Bytes name(std::string_view common_name) {
  const Bytes attribute = der(tag_sequence, {common_name_oid, der(tag_utf8_string, {as_bytes(common_name)})});
  return der(tag_sequence, {der(tag_set, {attribute})});
}

Bytes public_key_info(const PublicKey& key) {
  const EvpKey evp = evp_public_key(key);
  const int size = i2d_PUBKEY(evp.get(), nullptr);
  Bytes out(size > 0 ? static_cast<std::size_t>(size) : 0);
  unsigned char* end = out.data();
  if (size <= 0 || i2d_PUBKEY(evp.get(), &end) != size) throw_openssl_error("writing a public key");
  return out;
}

}  // namespace

void check_common_name(std::string_view name) {
  const std::optional<std::size_t> characters = utf8_characters(name);
  if (!characters) throw Error(Errc::refused, "the key's name is not UTF-8 text");
  if (*characters > max_name_characters) {
    throw Error(Errc::refused, "the key's name is too long: it has " + std::to_string(*characters) +
                                   " characters, and in a certificate at most " + std::to_string(max_name_characters) +
                                   " have room");
  }
}

SelfSignedCertificate::SelfSignedCertificate(const PublicKey& key, std::string_view common_name, bool agrees)
    : key_(key) {
  if (key.kind != KeyKind::rsa && key.kind != KeyKind::ecdsa_p256 && key.kind != KeyKind::ecdsa_p384) {
    throw Error(Errc::unsupported, "a PIV card has no keys of this type");
  }
  check_common_name(common_name);
  const Bytes version_3{tag_integer, 1, 2};
  const Bytes subject = name(common_name);
  const Bytes validity = der(tag_sequence, {der(tag_utc_time, {as_bytes("000101000000Z")}),
                                            der(tag_generalized_time, {as_bytes("99991231235959Z")})});
  const Bytes extensions =
      der(tag_extensions, {der(tag_sequence, {basic_constraints, agrees ? ByteView(key_agreement) : ByteView()})});
  body_ = der(tag_sequence, {der(tag_version, {version_3}), serial_number(), signature_algorithm(key.kind), subject,
                             validity, subject, public_key_info(key), extensions});
}

Bytes SelfSignedCertificate::to_sign() const {
  if (key_.kind != KeyKind::rsa) return to_bytes(Digest(ecdsa_hash(key_.kind), body_).view());
  const Digest digest(Hash::sha256, body_);
  const std::size_t padding = key_.rsa_n.size() - 3 - sha256_info.size() - digest.view().size();
  Bytes out{0x00, 0x01};
  out.insert(out.end(), padding, 0xff);
  out.push_back(0x00);
  out.insert(out.end(), sha256_info.begin(), sha256_info.end());
  out.insert(out.end(), digest.view().begin(), digest.view().end());
  return out;
}

Bytes SelfSignedCertificate::finish(ByteView signature) const {
  const Bytes no_unused_bits{0};
  Bytes out =
      der(tag_sequence, {body_, signature_algorithm(key_.kind), der(tag_bit_string, {no_unused_bits, signature})});
  const unsigned char* at = out.data();
  const std::unique_ptr<X509, Deleter> parsed(d2i_X509(nullptr, &at, static_cast<long>(out.size())));
  if (!parsed || X509_verify(parsed.get(), X509_get0_pubkey(parsed.get())) != 1) {
    ERR_clear_error();
    throw Error(Errc::bad_signature, "the card's signature does not verify by the key that it should be of");
  }
  return out;
}

}  // namespace fob::pkcs11
