#include "agent/key_check.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <sodium.h>

#include <cstring>

#include "agent/ready_key.h"
#include "protocol/composite.h"
#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/limits.h"
#include "protocol/verify.h"

namespace fob {
namespace {

struct NumberDeleter {
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
  void operator()(BN_CTX* context) const { BN_CTX_free(context); }
  void operator()(EC_GROUP* group) const { EC_GROUP_free(group); }
  void operator()(EC_POINT* point) const { EC_POINT_clear_free(point); }
};
using Number = std::unique_ptr<BIGNUM, NumberDeleter>;
using NumberContext = std::unique_ptr<BN_CTX, NumberDeleter>;

void require(bool holds, const char* fault) {
  if (!holds) throw Error(Errc::invalid_key, fault);
}

/// OpenSSL calls whose failure means that memory ran out.
void succeed(bool done) {
  if (!done) throw_openssl_error("checking a key");
}

Number number(ByteView magnitude) {
  Number out(BN_bin2bn(magnitude.data(), static_cast<int>(magnitude.size()), nullptr));
  succeed(out != nullptr);
  BN_set_flags(out.get(), BN_FLG_CONSTTIME);
  return out;
}

Number product(const Number& a, const Number& b, BN_CTX* context) {
  Number out(BN_new());
  succeed(out && BN_mul(out.get(), a.get(), b.get(), context) == 1);
  return out;
}

/// Whether a·b ≡ 1 (mod m).
bool inverse(const Number& a, const Number& b, const Number& m, BN_CTX* context) {
  Number remainder(BN_new());
  succeed(remainder && BN_mod_mul(remainder.get(), a.get(), b.get(), m.get(), context) == 1);
  return BN_is_one(remainder.get()) == 1;
}

Number minus_one(const Number& value) {
  Number out(BN_dup(value.get()));
  succeed(out && BN_sub_word(out.get(), 1) == 1);
  return out;
}

void check_rsa(const PrivateKey& key) {
  const NumberContext context(BN_CTX_new());
  succeed(context != nullptr);
  Reader in(key.secret.view());
  const Number d = number(in.mpint());
  const Number iqmp = number(in.mpint());
  const Number p = number(in.mpint());
  const Number q = number(in.mpint());
  const Number n = number(key.public_key.rsa_n);
  const Number e = number(key.public_key.rsa_e);
  require(BN_is_odd(e.get()) == 1 && BN_is_one(e.get()) == 0, "RSA public exponent must be odd and greater than 1");
  require(BN_num_bits(e.get()) <= static_cast<int>(limits::rsa_exponent_max_bits), "RSA public exponent too large");
  require(BN_is_odd(p.get()) == 1 && BN_is_odd(q.get()) == 1 && BN_is_one(p.get()) == 0 && BN_is_one(q.get()) == 0,
          "RSA prime factors must be odd and greater than 1");
  require(BN_cmp(product(p, q, context.get()).get(), n.get()) == 0, "RSA modulus is not the product of its factors");
  require(BN_cmp(p.get(), q.get()) != 0, "RSA prime factors are equal");
  require(BN_cmp(d.get(), n.get()) < 0, "RSA private exponent is larger than the modulus");
  require(inverse(d, e, minus_one(p), context.get()) && inverse(d, e, minus_one(q), context.get()),
          "RSA private exponent does not fit the public key");
  require(BN_cmp(iqmp.get(), p.get()) < 0 && inverse(iqmp, q, p, context.get()), "RSA CRT coefficient is wrong");
}

void check_ecdsa(const PrivateKey& key) {
  const PublicKey& public_key = key.public_key;
  evp_public_key(public_key);  // refuses points off the curve
  const std::unique_ptr<EC_GROUP, NumberDeleter> group(
      EC_GROUP_new_by_curve_name(OBJ_txt2nid(ecdsa_group(public_key.kind))));
  const NumberContext context(BN_CTX_new());
  succeed(group && context);
  Reader in(key.secret.view());
  const Number d = number(in.mpint());
  require(BN_is_zero(d.get()) == 0 && BN_cmp(d.get(), EC_GROUP_get0_order(group.get())) < 0,
          "ECDSA private number is out of range");
  const std::unique_ptr<EC_POINT, NumberDeleter> point(EC_POINT_new(group.get()));
  succeed(point && EC_POINT_mul(group.get(), point.get(), d.get(), nullptr, nullptr, context.get()) == 1);
  Bytes encoded(public_key.point.size());
  const std::size_t size = EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, encoded.data(),
                                              encoded.size(), context.get());
  require(size == encoded.size() && equal(encoded, public_key.point), "ECDSA public key is of another private key");
}

void check_ed25519(const PrivateKey& key) {
  Reader in(key.secret.view());
  const ByteView given = in.string();
  SecretBytes derived(crypto_sign_SECRETKEYBYTES);
  std::array<std::uint8_t, crypto_sign_PUBLICKEYBYTES> public_key{};
  crypto_sign_seed_keypair(public_key.data(), derived.data(), given.data());
  require(equal(key.public_key.point, public_key), "Ed25519 public key is of another private key");
  require(sodium_memcmp(given.data(), derived.data(), derived.size()) == 0,
          "Ed25519 private key holds a foreign public key");
}

void check_composite(const PrivateKey& key) {
  Reader in(key.secret.view());
  const SecretBytes seeds(in.string());
  require(equal(composite_public_key(seeds), key.public_key.point), "ML-DSA public key is of another private key");
}

/// Catches what the numbers alone do not show, such as factors that are not prime.
void check_trial_signature(const PrivateKey& key) {
  const ByteView data = as_bytes("fob: trial signature");
  const auto ready = ReadyKey::make(key.public_key, key.secret);
  try {
    verify_signature(key.public_key, ready->sign(data, SignRequest::flag_rsa_sha2_256), data);
  } catch (const Error&) {
    throw Error(Errc::invalid_key, "a trial signature does not verify");
  }
}

void check_halves(const PrivateKey& key) {
  switch (key.public_key.kind) {
    case KeyKind::rsa: check_rsa(key); return check_trial_signature(key);
    case KeyKind::ecdsa_p256:
    case KeyKind::ecdsa_p384:
    case KeyKind::ecdsa_p521: return check_ecdsa(key);
    case KeyKind::ed25519: return check_ed25519(key);
    case KeyKind::mldsa44_ed25519: return check_composite(key);
    case KeyKind::sk_ecdsa_p256: evp_public_key(key.public_key); return;
    case KeyKind::sk_ed25519:
      require(crypto_core_ed25519_is_valid_point(key.public_key.point.data()) == 1,
              "sk-Ed25519 public key is not a point of the curve");
      return;
  }
}

}  // namespace

void check_private_key(const PrivateKey& key) {
  check_halves(key);
  if (key.public_key.is_certificate()) verify_certificate(key.public_key);
}

}  // namespace fob
