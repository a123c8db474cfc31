#include "protocol/big_number.h"

#include <openssl/err.h>
#include <openssl/objects.h>

#include "protocol/evp.h"

namespace fob {

void require_computed(bool done) {
  if (!done) throw_openssl_error("computing with a key's numbers");
}

BigNumber big_number(ByteView magnitude) {
  BigNumber out(BN_bin2bn(magnitude.data(), static_cast<int>(magnitude.size()), nullptr));
  require_computed(out != nullptr);
  BN_set_flags(out.get(), BN_FLG_CONSTTIME);
  return out;
}

BigNumber big_number() {
  BigNumber out(BN_new());
  require_computed(out != nullptr);
  return out;
}

BigNumberContext big_number_context() {
  BigNumberContext out(BN_CTX_new());
  require_computed(out != nullptr);
  return out;
}

BigNumber minus_one(const BigNumber& value) {
  BigNumber out(BN_dup(value.get()));
  require_computed(out && BN_sub_word(out.get(), 1) == 1);
  return out;
}

CurvePoint::CurvePoint(KeyKind kind)
    : group_(EC_GROUP_new_by_curve_name(OBJ_txt2nid(ecdsa_group(kind)))), context_(big_number_context()) {
  require_computed(group_ != nullptr);
  point_.reset(EC_POINT_new(group_.get()));
  require_computed(point_ != nullptr);
}

bool CurvePoint::decode(ByteView encoded) {
  const bool done = EC_POINT_oct2point(group_.get(), point_.get(), encoded.data(), encoded.size(), context_.get()) == 1;
  ERR_clear_error();
  return done && EC_POINT_is_at_infinity(group_.get(), point_.get()) == 0;
}

bool CurvePoint::multiply_base(ByteView magnitude) {
  const BigNumber d = big_number(magnitude);
  if (BN_is_zero(d.get()) == 1 || BN_cmp(d.get(), EC_GROUP_get0_order(group_.get())) >= 0) return false;
  require_computed(EC_POINT_mul(group_.get(), point_.get(), d.get(), nullptr, nullptr, context_.get()) == 1);
  return true;
}

Bytes CurvePoint::encode(std::size_t bytes) const {
  Bytes out(bytes);
  require_computed(EC_POINT_point2oct(group_.get(), point_.get(), POINT_CONVERSION_UNCOMPRESSED, out.data(), out.size(),
                                      context_.get()) == out.size());
  return out;
}

}  // namespace fob
