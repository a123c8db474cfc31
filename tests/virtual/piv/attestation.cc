#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <string>

#include "tests/virtual/piv/card_key.h"

namespace fob::virt::piv {
namespace {

struct Deleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(ASN1_OBJECT* object) const { ASN1_OBJECT_free(object); }
  void operator()(ASN1_OCTET_STRING* octets) const { ASN1_OCTET_STRING_free(octets); }
};
template <class T>
using Owned = std::unique_ptr<T, Deleter>;

Owned<X509> new_certificate(const std::string& common_name) {
  Owned<X509> out(X509_new());
  constexpr int version_3 = 2;
  if (!out || X509_set_version(out.get(), version_3) != 1 ||
      ASN1_INTEGER_set(X509_get_serialNumber(out.get()), 1) != 1 ||
      ASN1_TIME_set_string_X509(X509_getm_notBefore(out.get()), "20200101000000Z") != 1 ||
      ASN1_TIME_set_string_X509(X509_getm_notAfter(out.get()), "20491231235959Z") != 1 ||
      X509_NAME_add_entry_by_txt(X509_get_subject_name(out.get()), "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0) != 1) {
    throw_openssl_error("making a certificate");
  }
  return out;
}

Bytes sign(X509* certificate, const EvpKey& issuer) {
  if (X509_sign(certificate, issuer.get(), EVP_sha256()) == 0) throw_openssl_error("signing a certificate");
  const int size = i2d_X509(certificate, nullptr);
  Bytes out(size > 0 ? static_cast<std::size_t>(size) : 0);
  unsigned char* end = out.data();
  if (size <= 0 || i2d_X509(certificate, &end) != size) throw_openssl_error("writing a certificate");
  return out;
}

/// Yubico's extension `number`, with these bytes as its value.
void add_extension(X509* certificate, unsigned number, const Bytes& value) {
  const std::string name = "1.3.6.1.4.1.41482.3." + std::to_string(number);
  const Owned<ASN1_OBJECT> object(OBJ_txt2obj(name.c_str(), 1));
  const Owned<ASN1_OCTET_STRING> octets(ASN1_OCTET_STRING_new());
  if (!object || !octets || ASN1_OCTET_STRING_set(octets.get(), value.data(), static_cast<int>(value.size())) != 1) {
    throw_openssl_error("making an extension");
  }
  const Owned<X509_EXTENSION> extension(X509_EXTENSION_create_by_OBJ(nullptr, object.get(), 0, octets.get()));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) throw_openssl_error("adding an extension");
}

Bytes big_endian(std::uint32_t value) {
  return {static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
          static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

std::string hex(std::uint8_t byte) {
  constexpr const char* digits = "0123456789abcdef";
  return {digits[byte >> 4], digits[byte & 15]};
}

}  // namespace

Bytes attestation_root(const EvpKey& key) {
  const Owned<X509> certificate = new_certificate("fob virtual PIV attestation");
  const Owned<X509_EXTENSION> authority(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  if (!authority || X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get())) != 1 ||
      X509_set_pubkey(certificate.get(), key.get()) != 1 || X509_add_ext(certificate.get(), authority.get(), -1) != 1) {
    throw_openssl_error("making a certificate");
  }
  return sign(certificate.get(), key);
}

Bytes attestation(const Attested& what, const EvpKey& issuer, ByteView issuer_certificate) {
  const unsigned char* at = issuer_certificate.data();
  const Owned<X509> parent(d2i_X509(nullptr, &at, static_cast<long>(issuer_certificate.size())));
  const Owned<X509> certificate = new_certificate("YubiKey PIV Attestation " + hex(what.slot));
  if (!parent || X509_set_issuer_name(certificate.get(), X509_get_subject_name(parent.get())) != 1 ||
      X509_set_pubkey(certificate.get(), what.key.key.get()) != 1) {
    throw_openssl_error("making a certificate");
  }
  constexpr std::uint8_t usb_a_keychain = 1;
  add_extension(certificate.get(), 3, Bytes(what.version.begin(), what.version.end()));
  add_extension(certificate.get(), 7, concat({Bytes{0x02, 0x04}, big_endian(what.serial)}));
  add_extension(certificate.get(), 8,
                {static_cast<std::uint8_t>(what.key.pin_policy), static_cast<std::uint8_t>(what.key.touch_policy)});
  add_extension(certificate.get(), 9, {usb_a_keychain});
  return sign(certificate.get(), issuer);
}

}  // namespace fob::virt::piv
