#include "tests/virtual/pin_protocol.h"

#include "tests/virtual/ctap.h"

namespace fob::virt {
namespace {

constexpr std::size_t block = 16;

Bytes point_of(const Value& cose) {
  if (cose.at(1).number() != 2 || cose.at(-1).number() != 1) throw CtapError{Code::invalid_parameter};
  const Bytes& x = cose.at(-2).bytes();
  const Bytes& y = cose.at(-3).bytes();
  if (x.size() != 32 || y.size() != 32) throw CtapError{Code::invalid_parameter};
  return concat({as_bytes("\x04"), x, y});
}

/// HKDF-SHA-256 of 32 bytes with a salt of zeros.
Bytes derive(ByteView secret, std::string_view info) {
  const Bytes salt(32);
  return hmac_sha256(hmac_sha256(salt, secret), concat({as_bytes(info), as_bytes("\x01")}));
}

}  // namespace

bool mac_matches(unsigned protocol, ByteView key, ByteView message, ByteView mac) {
  const Bytes wanted = hmac_sha256(key, message);
  return constant_time_equal(ByteView(wanted).first(protocol == 1 ? 16 : 32), mac);
}

SharedSecret::SharedSecret(unsigned protocol, const KeyPair& own, const Value& platform_key) : protocol_(protocol) {
  const Bytes secret = own.agree(point_of(platform_key));
  hmac_key_ = protocol == 1 ? sha256(secret) : derive(secret, "CTAP2 HMAC key");
  aes_key_ = protocol == 1 ? hmac_key_ : derive(secret, "CTAP2 AES key");
}

Bytes SharedSecret::encrypt(ByteView data) const {
  if (protocol_ == 1) return aes_encrypt(aes_key_, Bytes(block), data);
  const Bytes iv = random_bytes(block);
  return concat({iv, aes_encrypt(aes_key_, iv, data)});
}

Bytes SharedSecret::decrypt(ByteView data) const {
  if (protocol_ == 1) return aes_decrypt(aes_key_, Bytes(block), data);
  if (data.size() < block) throw CtapError{Code::invalid_parameter};
  return aes_decrypt(aes_key_, data.first(block), data.subspan(block));
}

Value key_agreement_key(const KeyPair& key) {
  const Bytes bytes = key.public_bytes();
  const ByteView point = bytes;
  return Value::map({{1, 2}, {3, -25}, {-1, 1}, {-2, point.subspan(1, 32)}, {-3, point.subspan(33)}});
}

}  // namespace fob::virt
