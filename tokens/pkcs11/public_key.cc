#include "tokens/pkcs11/public_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>

#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob::pkcs11 {
namespace {

constexpr std::array<std::uint8_t, 10> p256{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::array<std::uint8_t, 7> p384{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
constexpr std::array<std::uint8_t, 7> p521{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23};
/// RFC 8410 §3, and GnuPG's and GnuTLS's older number.
constexpr std::array<std::uint8_t, 5> ed25519{0x06, 0x03, 0x2b, 0x65, 0x70};
constexpr std::array<std::uint8_t, 11> ed25519_gnu{0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01};
constexpr std::array<std::uint8_t, 14> ed25519_name{0x13, 0x0c, 'e', 'd', 'w', 'a', 'r',
                                                    'd',  's',  '2', '5', '5', '1', '9'};

constexpr std::uint8_t der_bit_string = 0x03;
constexpr std::uint8_t der_octet_string = 0x04;

/// Longest of what is asked for; a DER header goes before the point.
constexpr std::size_t exponent_bytes = 64;
constexpr std::size_t parameters_bytes = 128;
constexpr std::size_t point_bytes = 160;

struct X509Deleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(BIGNUM* number) const { BN_free(number); }
};

/// From a blob that was put together here: nothing where it is no proper key.
std::optional<PublicKey> parsed(const Writer& blob) {
  try {
    return PublicKey::parse_plain(blob.bytes());
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::optional<PublicKey> rsa_key(ByteView modulus, ByteView exponent) {
  Writer blob;
  blob.string(traits(KeyKind::rsa).name).mpint(exponent).mpint(modulus);
  return parsed(blob);
}

std::optional<PublicKey> point_key(KeyKind kind, ByteView point) {
  Writer blob;
  blob.string(traits(kind).name);
  if (!traits(kind).curve.empty()) blob.string(traits(kind).curve);
  blob.string(point);
  return parsed(blob);
}

std::optional<KeyKind> kind_of(ByteView parameters) {
  if (equal(parameters, p256)) return KeyKind::ecdsa_p256;
  if (equal(parameters, p384)) return KeyKind::ecdsa_p384;
  if (equal(parameters, p521)) return KeyKind::ecdsa_p521;
  if (equal(parameters, ed25519) || equal(parameters, ed25519_gnu) || equal(parameters, ed25519_name)) {
    return KeyKind::ed25519;
  }
  return std::nullopt;
}

/// The point without the DER string that PKCS#11 2.40 wants around it, and others leave out. Its size tells.
std::optional<ByteView> bare_point(KeyKind kind, ByteView value) {
  const std::size_t wanted = traits(kind).point_bytes;
  if (value.size() == wanted) return value;
  if (value.size() < wanted + 2) return std::nullopt;
  const ByteView header = value.first(value.size() - wanted);
  const bool is_bits = header[0] == der_bit_string && header.back() == 0;
  if (header.size() > 4 || (header[0] != der_octet_string && !is_bits)) return std::nullopt;
  return value.last(wanted);
}

std::optional<PublicKey> curve_key(const SessionRef& session, CK_OBJECT_HANDLE object) {
  const Attributes values(session, object, {{CKA_EC_PARAMS, parameters_bytes}, {CKA_EC_POINT, point_bytes}});
  const std::optional<ByteView> parameters = values.bytes(CKA_EC_PARAMS);
  const std::optional<ByteView> point = values.bytes(CKA_EC_POINT);
  if (!parameters || !point) return std::nullopt;
  const std::optional<KeyKind> kind = kind_of(*parameters);
  const std::optional<ByteView> bare = kind ? bare_point(*kind, *point) : std::nullopt;
  return bare ? point_key(*kind, *bare) : std::nullopt;
}

Bytes number(const EVP_PKEY* key, const char* name) {
  BIGNUM* found = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &found) != 1) return {};
  const std::unique_ptr<BIGNUM, X509Deleter> owner(found);
  Bytes out(static_cast<std::size_t>(BN_num_bytes(found)));
  BN_bn2bin(found, out.data());
  return out;
}

Bytes octets(const EVP_PKEY* key, const char* name) {
  Bytes out(point_bytes);
  std::size_t size = 0;
  if (EVP_PKEY_get_octet_string_param(key, name, out.data(), out.size(), &size) != 1) return {};
  out.resize(size);
  return out;
}

std::optional<PublicKey> key_of(EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    return rsa_key(number(key, OSSL_PKEY_PARAM_RSA_N), number(key, OSSL_PKEY_PARAM_RSA_E));
  }
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return point_key(KeyKind::ed25519, octets(key, OSSL_PKEY_PARAM_PUB_KEY));
  if (EVP_PKEY_is_a(key, "EC") != 1) return std::nullopt;
  const Bytes point = octets(key, OSSL_PKEY_PARAM_PUB_KEY);
  for (const KeyKind kind : {KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521}) {
    std::array<char, 64> group{};
    if (EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) != 1) return std::nullopt;
    if (std::string_view(group.data()) == ecdsa_group(kind)) return point_key(kind, point);
  }
  return std::nullopt;
}

std::string subject_of(X509* certificate) {
  const std::unique_ptr<BIO, X509Deleter> out(BIO_new(BIO_s_mem()));
  if (!out || X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0) return "";
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return printable({text, static_cast<std::size_t>(size)}, limits::label_bytes);
}

std::optional<bool> signs_by_usage(X509* certificate) {
  constexpr std::uint32_t not_said = UINT32_MAX;
  const std::uint32_t usage = X509_get_key_usage(certificate);
  if (usage == not_said) return std::nullopt;
  return (usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION | KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0;
}

}  // namespace

std::optional<PublicKey> public_key_of(const SessionRef& session, CK_OBJECT_HANDLE object) {
  const Attributes kind(session, object, {{CKA_KEY_TYPE, Attributes::number_bytes}});
  const std::optional<CK_ULONG> type = kind.number(CKA_KEY_TYPE);
  if (type == CKK_EC || type == CKK_EC_EDWARDS) return curve_key(session, object);
  if (type != CKK_RSA) return std::nullopt;
  const Attributes values(session, object, {{CKA_MODULUS, limits::mpint_bytes}, {CKA_PUBLIC_EXPONENT, exponent_bytes}});
  const std::optional<ByteView> modulus = values.bytes(CKA_MODULUS);
  const std::optional<ByteView> exponent = values.bytes(CKA_PUBLIC_EXPONENT);
  return modulus && exponent ? rsa_key(*modulus, *exponent) : std::nullopt;
}

std::optional<CertifiedKey> certified_key(ByteView certificate) {
  const unsigned char* at = certificate.data();
  const std::unique_ptr<X509, X509Deleter> parsed_certificate(
      d2i_X509(nullptr, &at, static_cast<long>(certificate.size())));
  EVP_PKEY* const key = parsed_certificate ? X509_get0_pubkey(parsed_certificate.get()) : nullptr;
  std::optional<PublicKey> found = key == nullptr ? std::nullopt : key_of(key);
  ERR_clear_error();
  if (!found) return std::nullopt;
  const std::optional<bool> signs = signs_by_usage(parsed_certificate.get());
  ERR_clear_error();
  return CertifiedKey{std::move(*found), subject_of(parsed_certificate.get()), signs};
}

CK_KEY_TYPE key_type_of(KeyKind kind) {
  if (kind == KeyKind::rsa) return CKK_RSA;
  return kind == KeyKind::ed25519 ? CKK_EC_EDWARDS : CKK_EC;
}

ByteView ec_parameters_of(KeyKind kind) {
  switch (kind) {
    case KeyKind::ecdsa_p256: return p256;
    case KeyKind::ecdsa_p384: return p384;
    case KeyKind::ecdsa_p521: return p521;
    case KeyKind::ed25519: return ed25519;
    default: return {};
  }
}

Bytes der_octet_string_of(ByteView point) {
  Bytes out{der_octet_string};
  if (point.size() >= 0x80) out.push_back(0x81);
  out.push_back(static_cast<std::uint8_t>(point.size()));
  out.insert(out.end(), point.begin(), point.end());
  return out;
}

ByteView edwards25519_name() { return ed25519_name; }

}  // namespace fob::pkcs11
