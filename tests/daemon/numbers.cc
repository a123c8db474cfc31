#include "tests/daemon/numbers.h"

#include <openssl/bn.h>

#include <memory>
#include <stdexcept>

namespace fob {
namespace {

struct BnDeleter {
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
  void operator()(BN_CTX* context) const { BN_CTX_free(context); }
};
using Number = std::unique_ptr<BIGNUM, BnDeleter>;

BN_CTX* context() {
  static const std::unique_ptr<BN_CTX, BnDeleter> out(BN_CTX_new());
  return out.get();
}

Number number(ByteView bytes) { return Number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr)); }

Bytes bytes(const Number& number) {
  Bytes out(static_cast<std::size_t>(BN_num_bytes(number.get())));
  BN_bn2bin(number.get(), out.data());
  return out;
}

void check(bool worked) {
  if (!worked) throw std::runtime_error("BIGNUM arithmetic failed");
}

}  // namespace

Bytes plus(ByteView a, long b) {
  const Number out = number(a);
  check(b < 0 ? BN_sub_word(out.get(), static_cast<BN_ULONG>(-b)) : BN_add_word(out.get(), static_cast<BN_ULONG>(b)));
  return bytes(out);
}

Bytes sum(ByteView a, ByteView b) {
  const Number out = number(a);
  check(BN_add(out.get(), out.get(), number(b).get()));
  return bytes(out);
}

Bytes product(ByteView a, ByteView b) {
  const Number out = number(a);
  check(BN_mul(out.get(), out.get(), number(b).get(), context()));
  return bytes(out);
}

Bytes remainder(ByteView a, ByteView modulus) {
  const Number out = number(a);
  check(BN_nnmod(out.get(), out.get(), number(modulus).get(), context()));
  return bytes(out);
}

Bytes inverse(ByteView a, ByteView modulus) {
  const Number out(BN_mod_inverse(nullptr, number(a).get(), number(modulus).get(), context()));
  check(out != nullptr);
  return bytes(out);
}

Bytes random_prime(int bits) {
  const Number out(BN_new());
  do {
    check(BN_generate_prime_ex(out.get(), bits, 0, nullptr, nullptr, nullptr));
  } while (BN_mod_word(out.get(), 65537) == 1 || !BN_is_bit_set(out.get(), bits - 2));
  return bytes(out);
}

RsaNumbers RsaNumbers::from_primes(ByteView p, ByteView q, ByteView e) {
  RsaNumbers out;
  out.p = to_bytes(p);
  out.q = to_bytes(q);
  out.e = to_bytes(e);
  out.n = product(p, q);
  out.d = inverse(e, product(plus(p, -1), plus(q, -1)));
  out.iqmp = inverse(q, p);
  return out;
}

RsaNumbers RsaNumbers::random(int bits) {
  const Bytes e{1, 0, 1};
  return from_primes(random_prime((bits + 1) / 2), random_prime(bits / 2), e);
}

}  // namespace fob
