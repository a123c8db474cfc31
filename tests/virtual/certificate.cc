#include <openssl/x509v3.h>

#include "tests/virtual/crypto.h"

namespace fob::virt {
namespace {

struct Deleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
};

bool name_entry(X509_NAME* name, const char* field, const char* value) {
  return X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC, reinterpret_cast<const unsigned char*>(value), -1, -1,
                                    0) == 1;
}

bool fill_name(X509* certificate) {
  X509_NAME* name = X509_get_subject_name(certificate);
  return name_entry(name, "C", "XX") && name_entry(name, "O", "fob") &&
         name_entry(name, "OU", "Authenticator Attestation") && name_entry(name, "CN", "fob virtual token") &&
         X509_set_issuer_name(certificate, name) == 1;
}

bool add_extension(X509* certificate, int nid, const char* value) {
  const std::unique_ptr<X509_EXTENSION, Deleter> extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

}  // namespace

Bytes attestation_certificate(const KeyPair& key) {
  const std::unique_ptr<X509, Deleter> certificate(X509_new());
  constexpr int version_3 = 2;
  if (!certificate || X509_set_version(certificate.get(), version_3) != 1 ||
      ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1) != 1 ||
      ASN1_TIME_set_string(X509_getm_notBefore(certificate.get()), "20200101000000Z") != 1 ||
      ASN1_TIME_set_string(X509_getm_notAfter(certificate.get()), "20491231235959Z") != 1 ||
      !fill_name(certificate.get()) || X509_set_pubkey(certificate.get(), key.get()) != 1 ||
      !add_extension(certificate.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0) {
    throw_openssl_error("making an attestation certificate");
  }
  const int size = i2d_X509(certificate.get(), nullptr);
  Bytes out(size > 0 ? static_cast<std::size_t>(size) : 0);
  unsigned char* end = out.data();
  if (size <= 0 || i2d_X509(certificate.get(), &end) != size) throw_openssl_error("writing a certificate");
  return out;
}

}  // namespace fob::virt
