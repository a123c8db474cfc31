#include "tokens/pkcs11/piv_import.h"

#include <openssl/bn.h>

#include <memory>

#include "protocol/error.h"
#include "protocol/evp.h"

namespace fob::pkcs11 {
namespace {

constexpr unsigned rsa_bits = 2048;
constexpr std::size_t prime_bytes = rsa_bits / 16;

struct Deleter {
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
  void operator()(BN_CTX* context) const { BN_CTX_free(context); }
};
using Number = std::unique_ptr<BIGNUM, Deleter>;

Number to_number(ByteView magnitude) {
  Number out(BN_secure_new());
  if (!out || BN_bin2bn(magnitude.data(), static_cast<int>(magnitude.size()), out.get()) == nullptr) {
    throw_openssl_error("reading a number");
  }
  return out;
}

/// d mod (prime - 1), in as many bytes as a prime has.
SecretBytes exponent(ByteView d, ByteView prime) {
  const Number divisor = to_number(prime);
  const Number number = to_number(d);
  const Number rest(BN_secure_new());
  const std::unique_ptr<BN_CTX, Deleter> context(BN_CTX_secure_new());
  SecretBytes out(prime_bytes);
  if (!rest || !context || BN_sub_word(divisor.get(), 1) != 1 ||
      BN_mod(rest.get(), number.get(), divisor.get(), context.get()) != 1 ||
      BN_bn2binpad(rest.get(), out.data(), static_cast<int>(out.size())) < 0) {
    throw_openssl_error("computing an RSA key");
  }
  return out;
}

}  // namespace

std::uint8_t piv_algorithm(KeyKind kind, unsigned bits) {
  if (kind == KeyKind::ecdsa_p256) return YKPIV_ALGO_ECCP256;
  if (kind == KeyKind::ecdsa_p384) return YKPIV_ALGO_ECCP384;
  if (kind == KeyKind::rsa && bits == rsa_bits) return YKPIV_ALGO_RSA2048;
  throw Error(Errc::unsupported, "a PIV card takes ECDSA keys of 256 and 384 bits, and RSA keys of 2048 bits");
}

PivImport::PivImport(const PrivateKey& key) : algorithm_(piv_algorithm(key.public_key.kind, key.public_key.bits())) {
  Reader in(key.secret.view());
  if (key.public_key.kind != KeyKind::rsa) {
    scalar_ = SecretBytes(in.mpint());
    if (scalar_.size() > traits(key.public_key.kind).bits / 8) throw Error(Errc::invalid_key, "the scalar is too long");
    return;
  }
  const Bytes wanted_exponent{1, 0, 1};
  if (key.public_key.rsa_e != wanted_exponent) {
    throw Error(Errc::unsupported, "a PIV card takes RSA keys with the public exponent 65537 only");
  }
  const ByteView d = in.mpint();
  qinv_ = SecretBytes(in.mpint());
  p_ = SecretBytes(in.mpint());
  q_ = SecretBytes(in.mpint());
  if (p_.size() != prime_bytes || q_.size() != prime_bytes || qinv_.size() > prime_bytes) {
    throw Error(Errc::unsupported, "a PIV card takes RSA keys of two primes of 1024 bits only");
  }
  dp_ = exponent(d, p_.view());
  dq_ = exponent(d, q_.view());
}

ykpiv_rc PivImport::run(ykpiv_state* card, std::uint8_t slot, std::uint8_t pin_policy,
                        std::uint8_t touch_policy) const {
  return ykpiv_import_private_key(card, slot, algorithm_, p_.data(), p_.size(), q_.data(), q_.size(), dp_.data(),
                                  dp_.size(), dq_.data(), dq_.size(), qinv_.data(), qinv_.size(), scalar_.data(),
                                  static_cast<unsigned char>(scalar_.size()), pin_policy, touch_policy);
}

}  // namespace fob::pkcs11
