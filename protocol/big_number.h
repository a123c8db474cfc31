#pragma once

#include <openssl/bn.h>
#include <openssl/ec.h>

#include <memory>

#include "protocol/bytes.h"
#include "protocol/public_key.h"

/// OpenSSL's numbers and points, for the numbers of keys: they are wiped when freed. Errors, where none is named:
/// system, where memory ran out.
namespace fob {

struct BigNumberDeleter {
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
  void operator()(BN_CTX* context) const { BN_CTX_free(context); }
  void operator()(EC_GROUP* group) const { EC_GROUP_free(group); }
  void operator()(EC_POINT* point) const { EC_POINT_clear_free(point); }
};
using BigNumber = std::unique_ptr<BIGNUM, BigNumberDeleter>;
using BigNumberContext = std::unique_ptr<BN_CTX, BigNumberDeleter>;

/// Throws unless an OpenSSL call that fails for want of memory alone has succeeded.
void require_computed(bool done);

/// From a magnitude, big-endian; OpenSSL then takes care that its computing times tell nothing of it.
BigNumber big_number(ByteView magnitude);
/// 0, for a result.
BigNumber big_number();
BigNumberContext big_number_context();
/// `value` has to be 1 or more.
BigNumber minus_one(const BigNumber& value);

/// A point of one of the three curves that ECDSA keys of SSH have.
class CurvePoint {
 public:
  explicit CurvePoint(KeyKind kind);

  /// In any form of SEC 1 §2.3.3. False where it is none of the curve, or the one at infinity.
  bool decode(ByteView encoded);
  /// The base point times a number; false unless that is in 1 to n - 1.
  bool multiply_base(ByteView magnitude);
  /// The uncompressed form, which has `bytes`.
  Bytes encode(std::size_t bytes) const;

 private:
  std::unique_ptr<EC_GROUP, BigNumberDeleter> group_;
  BigNumberContext context_;
  std::unique_ptr<EC_POINT, BigNumberDeleter> point_;
};

}  // namespace fob
