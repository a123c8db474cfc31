#include "tests/virtual/piv/card_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "protocol/error.h"

namespace fob::virt::piv {
namespace {

struct Deleter {
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
  void operator()(BN_CTX* context) const { BN_CTX_free(context); }
  void operator()(EC_GROUP* group) const { EC_GROUP_free(group); }
  void operator()(EC_POINT* point) const { EC_POINT_free(point); }
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
  void operator()(OSSL_PARAM* params) const { OSSL_PARAM_free(params); }
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
template <class T>
using Owned = std::unique_ptr<T, Deleter>;
using Number = Owned<BIGNUM>;

bool is_rsa(Algorithm algorithm) { return algorithm == Algorithm::rsa1024 || algorithm == Algorithm::rsa2048; }
std::size_t rsa_bytes(Algorithm algorithm) { return algorithm == Algorithm::rsa1024 ? 128 : 256; }
std::size_t field_bytes(Algorithm algorithm) { return algorithm == Algorithm::p256 ? 32 : 48; }
const char* group_name(Algorithm algorithm) { return algorithm == Algorithm::p256 ? "P-256" : "P-384"; }
int curve_nid(Algorithm algorithm) { return algorithm == Algorithm::p256 ? NID_X9_62_prime256v1 : NID_secp384r1; }

Number to_number(ByteView bytes) {
  Number out(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  if (!out) throw_openssl_error("reading a number");
  return out;
}

Bytes number_param(const EvpKey& key, const char* name) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key.get(), name, &raw) != 1) throw_openssl_error("reading a key");
  const Number number(raw);
  Bytes out(static_cast<std::size_t>(BN_num_bytes(number.get())));
  BN_bn2bin(number.get(), out.data());
  return out;
}

/// Null where OpenSSL refuses the key.
EvpKey build(const char* type, int selection, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM> params(OSSL_PARAM_BLD_to_param(builder));
  const EvpContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, selection, params.get()) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  return EvpKey(key);
}

EvpKey ec_key(Algorithm algorithm, ByteView point, const BIGNUM* scalar) {
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group_name(algorithm), 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1 ||
      (scalar != nullptr && OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar) != 1)) {
    throw_openssl_error("building a key");
  }
  return build("EC", scalar != nullptr ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, builder.get());
}

EvpKey import_ec(Algorithm algorithm, ByteView bytes) {
  const Number scalar = to_number(bytes);
  const Owned<EC_GROUP> group(EC_GROUP_new_by_curve_name(curve_nid(algorithm)));
  const Owned<EC_POINT> point(EC_POINT_new(group.get()));
  Bytes encoded(1 + 2 * field_bytes(algorithm));
  if (bytes.size() != field_bytes(algorithm) || BN_is_zero(scalar.get()) ||
      BN_cmp(scalar.get(), EC_GROUP_get0_order(group.get())) >= 0 ||
      EC_POINT_mul(group.get(), point.get(), scalar.get(), nullptr, nullptr, nullptr) != 1 ||
      EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, encoded.data(), encoded.size(),
                         nullptr) != encoded.size()) {
    return nullptr;
  }
  return ec_key(algorithm, encoded, scalar.get());
}

/// d for the exponent 65537, the only one that PIV cards take.
Number private_exponent(const BIGNUM* p, const BIGNUM* q, const BIGNUM* e) {
  const Owned<BN_CTX> context(BN_CTX_new());
  const Number phi(BN_new());
  const Number p1(BN_dup(p));
  const Number q1(BN_dup(q));
  if (BN_sub_word(p1.get(), 1) != 1 || BN_sub_word(q1.get(), 1) != 1 ||
      BN_mul(phi.get(), p1.get(), q1.get(), context.get()) != 1) {
    throw_openssl_error("computing a key");
  }
  Number out(BN_mod_inverse(nullptr, e, phi.get(), context.get()));
  ERR_clear_error();
  return out;
}

EvpKey import_rsa(Algorithm algorithm, const std::vector<Tlv>& fields) {
  std::array<Number, 5> parts;
  for (unsigned i = 0; i < parts.size(); ++i) parts[i] = to_number(value_of(fields, i + 1));
  const Owned<BN_CTX> context(BN_CTX_new());
  const Number n(BN_new());
  const Number e = to_number(Bytes{1, 0, 1});
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (BN_mul(n.get(), parts[0].get(), parts[1].get(), context.get()) != 1 ||
      BN_num_bytes(n.get()) != static_cast<int>(rsa_bytes(algorithm))) {
    return nullptr;
  }
  const Number d = private_exponent(parts[0].get(), parts[1].get(), e.get());
  constexpr std::array names{OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1,
                             OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
  bool fine = d && OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
              OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1 &&
              OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_D, d.get()) == 1;
  for (unsigned i = 0; fine && i < parts.size(); ++i) {
    fine = OSSL_PARAM_BLD_push_BN(builder.get(), names[i], parts[i].get()) == 1;
  }
  return fine ? build("RSA", EVP_PKEY_KEYPAIR, builder.get()) : nullptr;
}

Bytes tdes(ByteView key, ByteView block, int encrypt) {
  const Owned<EVP_CIPHER_CTX> context(EVP_CIPHER_CTX_new());
  Bytes out(16);
  int size = 0;
  if (block.size() != 8 || key.size() != 24) throw CardError{Sw::wrong_data};
  if (!context || EVP_CipherInit_ex2(context.get(), EVP_des_ede3_ecb(), key.data(), nullptr, encrypt, nullptr) != 1 ||
      EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1 ||
      EVP_CipherUpdate(context.get(), out.data(), &size, block.data(), static_cast<int>(block.size())) != 1) {
    throw_openssl_error("3DES");
  }
  out.resize(static_cast<std::size_t>(size));
  return out;
}

}  // namespace

Bytes CardKey::public_part() const {
  if (is_rsa(algorithm)) {
    return concat(
        {tlv(0x81, number_param(key, OSSL_PKEY_PARAM_RSA_N)), tlv(0x82, number_param(key, OSSL_PKEY_PARAM_RSA_E))});
  }
  Bytes point(1 + 2 * field_bytes(algorithm));
  std::size_t size = 0;
  if (EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &size) != 1 ||
      size != point.size()) {
    throw_openssl_error("reading a public key");
  }
  return tlv(0x86, point);
}

Bytes CardKey::sign(ByteView input) const {
  const bool rsa = is_rsa(algorithm);
  if (rsa ? input.size() != rsa_bytes(algorithm) : (input.empty() || input.size() > field_bytes(algorithm))) {
    throw CardError{Sw::wrong_data};
  }
  const EvpContext context(EVP_PKEY_CTX_new(key.get(), nullptr));
  Bytes out(512);
  std::size_t size = out.size();
  if (!context || EVP_PKEY_sign_init(context.get()) != 1 ||
      (rsa && EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) != 1) ||
      EVP_PKEY_sign(context.get(), out.data(), &size, input.data(), input.size()) != 1) {
    ERR_clear_error();
    throw CardError{Sw::wrong_data};
  }
  out.resize(size);
  return out;
}

Bytes CardKey::agree(ByteView point) const {
  if (is_rsa(algorithm) || point.size() != 1 + 2 * field_bytes(algorithm)) throw CardError{Sw::wrong_data};
  const EvpKey peer = ec_key(algorithm, point, nullptr);
  const EvpContext context(EVP_PKEY_CTX_new(key.get(), nullptr));
  Bytes out(field_bytes(algorithm));
  std::size_t size = out.size();
  if (!peer || !context || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
      EVP_PKEY_derive(context.get(), out.data(), &size) != 1) {
    ERR_clear_error();
    throw CardError{Sw::wrong_data};
  }
  return out;
}

Bytes CardKey::to_der() const {
  const int size = i2d_PrivateKey(key.get(), nullptr);
  Bytes out(size > 0 ? static_cast<std::size_t>(size) : 0);
  unsigned char* end = out.data();
  if (size <= 0 || i2d_PrivateKey(key.get(), &end) != size) throw_openssl_error("writing a key");
  return out;
}

Algorithm key_algorithm(std::uint8_t number) {
  const Algorithm out{number};
  if (!is_rsa(out) && out != Algorithm::p256 && out != Algorithm::p384) throw CardError{Sw::wrong_data};
  return out;
}

EvpKey generate_key(Algorithm algorithm) {
  EvpKey key(is_rsa(algorithm) ? EVP_RSA_gen(static_cast<unsigned>(8 * rsa_bytes(algorithm)))
                               : EVP_EC_gen(group_name(algorithm)));
  if (!key) throw_openssl_error("generating a key");
  return key;
}

EvpKey import_key(Algorithm algorithm, const std::vector<Tlv>& fields) {
  EvpKey key = is_rsa(algorithm) ? import_rsa(algorithm, fields) : import_ec(algorithm, value_of(fields, 0x06));
  if (!key) throw CardError{Sw::wrong_data};
  return key;
}

EvpKey key_from_der(ByteView der) {
  const unsigned char* at = der.data();
  EvpKey key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())));
  if (!key) throw Error(Errc::malformed, "not a private key");
  return key;
}

Bytes tdes_encrypt(ByteView key, ByteView block) { return tdes(key, block, 1); }
Bytes tdes_decrypt(ByteView key, ByteView block) { return tdes(key, block, 0); }

Bytes random_bytes(std::size_t count) {
  Bytes out(count);
  if (RAND_bytes(out.data(), static_cast<int>(count)) != 1) throw_openssl_error("random numbers");
  return out;
}

}  // namespace fob::virt::piv
