#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "tests/virtual/crypto.h"
#include "tests/virtual/ctap.h"

namespace fob::virt {
namespace {

constexpr std::size_t raw_bytes = 32;
constexpr std::size_t point_bytes = 65;

struct Deleter {
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
  void operator()(EC_GROUP* group) const { EC_GROUP_free(group); }
  void operator()(EC_POINT* point) const { EC_POINT_free(point); }
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
  void operator()(OSSL_PARAM* params) const { OSSL_PARAM_free(params); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
template <class T>
using Owned = std::unique_ptr<T, Deleter>;

/// scalar · G as 04 x y.
Bytes public_point(const BIGNUM* scalar) {
  const Owned<EC_GROUP> group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const Owned<EC_POINT> point(group ? EC_POINT_new(group.get()) : nullptr);
  Bytes out(point_bytes);
  if (!point || EC_POINT_mul(group.get(), point.get(), scalar, nullptr, nullptr, nullptr) != 1 ||
      EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, out.data(), out.size(), nullptr) !=
          point_bytes) {
    throw_openssl_error("computing a public key");
  }
  return out;
}

/// A P-256 key; public only where `scalar` is null. Null where OpenSSL refuses it.
EvpKey p256_key(ByteView point, const BIGNUM* scalar) {
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1 ||
      (scalar != nullptr && OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar) != 1)) {
    throw_openssl_error("building a key");
  }
  const Owned<OSSL_PARAM> params(OSSL_PARAM_BLD_to_param(builder.get()));
  const EvpContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, scalar != nullptr ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                        params.get()) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  return EvpKey(key);
}

}  // namespace

KeyPair KeyPair::generate(Alg alg) {
  EvpKey key(alg == Alg::es256 ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (!key) throw_openssl_error("generating a key");
  return {alg, std::move(key)};
}

KeyPair KeyPair::from_raw(Alg alg, ByteView raw) {
  EvpKey key;
  if (alg == Alg::es256) {
    const Owned<BIGNUM> scalar(BN_bin2bn(raw.data(), static_cast<int>(raw.size()), nullptr));
    if (!scalar) throw_openssl_error("reading a scalar");
    key = p256_key(public_point(scalar.get()), scalar.get());
  } else {
    key.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw.data(), raw.size()));
  }
  if (!key) throw_openssl_error("reading a key");
  return {alg, std::move(key)};
}

Bytes KeyPair::raw() const {
  Bytes out(raw_bytes);
  if (alg_ == Alg::es256) {
    BIGNUM* number = nullptr;
    if (EVP_PKEY_get_bn_param(key_.get(), OSSL_PKEY_PARAM_PRIV_KEY, &number) != 1) throw_openssl_error("a scalar");
    const Owned<BIGNUM> scalar(number);
    if (BN_bn2binpad(scalar.get(), out.data(), static_cast<int>(out.size())) < 0) throw_openssl_error("a scalar");
    return out;
  }
  std::size_t size = out.size();
  if (EVP_PKEY_get_raw_private_key(key_.get(), out.data(), &size) != 1) throw_openssl_error("a seed");
  return out;
}

Bytes KeyPair::public_bytes() const {
  Bytes out(alg_ == Alg::es256 ? point_bytes : raw_bytes);
  std::size_t size = out.size();
  if (alg_ == Alg::es256
          ? EVP_PKEY_get_octet_string_param(key_.get(), OSSL_PKEY_PARAM_PUB_KEY, out.data(), out.size(), &size) != 1
          : EVP_PKEY_get_raw_public_key(key_.get(), out.data(), &size) != 1) {
    throw_openssl_error("a public key");
  }
  if (size != out.size()) throw_openssl_error("a public key's size");
  return out;
}

Bytes KeyPair::sign(ByteView message) const {
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  const EVP_MD* digest = alg_ == Alg::es256 ? EVP_sha256() : nullptr;
  Bytes out(128);
  std::size_t size = out.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) != 1) {
    throw_openssl_error("signing");
  }
  out.resize(size);
  return out;
}

Bytes KeyPair::agree(ByteView point) const {
  const EvpKey peer = point.size() == point_bytes ? p256_key(point, nullptr) : nullptr;
  if (!peer) throw CtapError{Code::invalid_parameter};
  const EvpContext context(EVP_PKEY_CTX_new(key_.get(), nullptr));
  Bytes out(raw_bytes);
  std::size_t size = out.size();
  if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
      EVP_PKEY_derive(context.get(), out.data(), &size) != 1) {
    ERR_clear_error();
    throw CtapError{Code::invalid_parameter};
  }
  return out;
}

}  // namespace fob::virt
