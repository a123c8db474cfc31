#include "protocol/key_check.h"

#include <sodium.h>

#include <array>

#include "protocol/big_number.h"
#include "protocol/composite.h"
#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/limits.h"

namespace fob {
namespace {

void require(bool holds, const char* fault) {
  if (!holds) throw Error(Errc::invalid_key, fault);
}

BigNumber product(const BigNumber& a, const BigNumber& b, BN_CTX* context) {
  BigNumber out = big_number();
  require_computed(BN_mul(out.get(), a.get(), b.get(), context) == 1);
  return out;
}

/// Whether a·b ≡ 1 (mod m).
bool inverse(const BigNumber& a, const BigNumber& b, const BigNumber& m, BN_CTX* context) {
  const BigNumber remainder = big_number();
  require_computed(BN_mod_mul(remainder.get(), a.get(), b.get(), m.get(), context) == 1);
  return BN_is_one(remainder.get()) == 1;
}

void check_rsa(const PrivateKey& key) {
  const BigNumberContext context = big_number_context();
  Reader in(key.secret.view());
  const BigNumber d = big_number(in.mpint());
  const BigNumber iqmp = big_number(in.mpint());
  const BigNumber p = big_number(in.mpint());
  const BigNumber q = big_number(in.mpint());
  const BigNumber n = big_number(key.public_key.rsa_n);
  const BigNumber e = big_number(key.public_key.rsa_e);
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
  Reader in(key.secret.view());
  CurvePoint point(public_key.kind);
  require(point.multiply_base(in.mpint()), "ECDSA private number is out of range");
  require(equal(point.encode(public_key.point.size()), public_key.point), "ECDSA public key is of another private key");
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

}  // namespace

void check_key_halves(const PrivateKey& key) {
  switch (key.public_key.kind) {
    case KeyKind::rsa: return check_rsa(key);
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

}  // namespace fob
