#include "agent/software_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include <array>
#include <memory>

#include "protocol/big_number.h"
#include "protocol/error.h"
#include "protocol/evp.h"

namespace fob {
namespace {

/// RSA keys of these sizes are made here; what others want is imported.
constexpr bool is_rsa_size(std::uint32_t bits) { return bits == 2048 || bits == 3072 || bits == 4096; }

/// A parameter of a key, in OpenSSL's heap, which is secret.
BigNumber number_of(const EvpKey& key, const char* name) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key.get(), name, &number) != 1) throw_openssl_error("reading a new key");
  return BigNumber(number);
}

SecretBytes magnitude_of(const BigNumber& number) {
  SecretBytes out(static_cast<std::size_t>(BN_num_bytes(number.get())));
  BN_bn2bin(number.get(), out.data());
  return out;
}

/// The fields in wire form, as a key file and ADD_IDENTITY have them.
PrivateKey key_of(const Writer& fields) {
  Reader in(fields.bytes());
  return PrivateKey::read(in);
}

PrivateKey make_ed25519() {
  SecretBytes secret(crypto_sign_SECRETKEYBYTES);
  std::array<std::uint8_t, crypto_sign_PUBLICKEYBYTES> point{};
  crypto_sign_keypair(point.data(), secret.data());
  Writer fields;
  fields.string(traits(KeyKind::ed25519).name).string(point).string(secret.view());
  return key_of(fields);
}

PrivateKey make_ecdsa(KeyKind kind) {
  const EvpKey key(EVP_EC_gen(ecdsa_group(kind)));
  if (!key) throw_openssl_error("making an ECDSA key");
  Bytes point(traits(kind).point_bytes);
  std::size_t size = 0;
  if (EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point.data(), point.size(),
                                      &size) != 1 ||
      size != point.size()) {
    throw_openssl_error("reading a new key");
  }
  const SecretBytes d = magnitude_of(number_of(key, OSSL_PKEY_PARAM_PRIV_KEY));
  Writer fields;
  fields.string(traits(kind).name).string(traits(kind).curve).string(point).mpint(d.view());
  return key_of(fields);
}

PrivateKey make_rsa(std::uint32_t bits) {
  if (!is_rsa_size(bits)) {
    throw Error(Errc::unsupported, "RSA keys are made with 2048, 3072 or 4096 bits, not " + std::to_string(bits));
  }
  const EvpKey key(EVP_RSA_gen(bits));
  if (!key) throw_openssl_error("making an RSA key");
  Writer fields;
  fields.string(traits(KeyKind::rsa).name);
  for (const char* name :
       {OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
        OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2}) {
    const SecretBytes value = magnitude_of(number_of(key, name));
    fields.mpint(value.view());
  }
  return key_of(fields);
}

}  // namespace

PrivateKey make_software_key(KeyKind kind, std::uint32_t rsa_bits) {
  if (kind == KeyKind::rsa) return make_rsa(rsa_bits);
  if (is_ecdsa(kind)) return make_ecdsa(kind);
  if (kind == KeyKind::ed25519) return make_ed25519();
  throw Error(Errc::unsupported, "the vault makes ed25519, ecdsa and rsa keys; this type needs a FIDO2 token");
}

}  // namespace fob
