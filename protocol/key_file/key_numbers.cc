#include "protocol/key_file/key_numbers.h"

#include <sodium.h>

#include <array>

#include "protocol/big_number.h"
#include "protocol/error.h"
#include "protocol/wire.h"

namespace fob {
namespace {

Bytes point_of(KeyKind kind, ByteView d) {
  CurvePoint point(kind);
  if (!point.multiply_base(d)) throw Error(Errc::invalid_key, "ECDSA private number is out of range");
  return point.encode(traits(kind).point_bytes);
}

/// From wire fields, which PrivateKey::read checks for form and lengths.
PrivateKey read_fields(const Writer& fields) {
  Reader in(fields.bytes());
  PrivateKey out = PrivateKey::read(in);
  in.done();
  return out;
}

}  // namespace

PrivateKey rsa_private_key(const RsaNumbers& numbers) {
  Writer fields;
  fields.string(traits(KeyKind::rsa).name).mpint(numbers.n).mpint(numbers.e);
  fields.mpint(numbers.d).mpint(numbers.iqmp).mpint(numbers.p).mpint(numbers.q);
  return read_fields(fields);
}

RsaNumbers numbers_of_rsa(const PrivateKey& key) {
  RsaNumbers out;
  out.n = key.public_key.rsa_n;
  out.e = key.public_key.rsa_e;
  Reader in(key.secret.view());
  out.d = in.mpint();
  out.iqmp = in.mpint();
  out.p = in.mpint();
  out.q = in.mpint();
  return out;
}

Bytes crt_exponent(ByteView d, ByteView factor) {
  const BigNumber order = big_number(factor);
  if (BN_num_bits(order.get()) < 2) throw Error(Errc::invalid_key, "RSA prime factors must be odd and greater than 1");
  const BigNumber remainder = big_number();
  require_computed(BN_mod(remainder.get(), big_number(d).get(), minus_one(order).get(), big_number_context().get()) ==
                   1);
  Bytes out(static_cast<std::size_t>(BN_num_bytes(remainder.get())));
  BN_bn2bin(remainder.get(), out.data());
  return out;
}

PrivateKey ecdsa_private_key(KeyKind kind, ByteView d, ByteView point) {
  Writer fields;
  fields.string(traits(kind).name).string(traits(kind).curve);
  fields.string(point.empty() ? point_of(kind, d) : uncompressed_point(kind, point)).mpint(d);
  return read_fields(fields);
}

SecretBytes ecdsa_number(const PrivateKey& key) {
  Reader in(key.secret.view());
  const ByteView d = in.mpint();
  const std::size_t bytes = traits(key.public_key.kind).point_bytes / 2;
  if (d.size() > bytes) throw Error(Errc::invalid_key, "ECDSA private number is out of range");
  SecretBytes out(bytes);
  std::copy(d.begin(), d.end(), out.data() + (bytes - d.size()));
  return out;
}

Bytes uncompressed_point(KeyKind kind, ByteView point) {
  CurvePoint decoded(kind);
  if (!decoded.decode(point)) throw Error(Errc::invalid_key, "ECDSA public key is not a point of its curve");
  return decoded.encode(traits(kind).point_bytes);
}

PrivateKey ed25519_private_key(ByteView seed, ByteView public_key) {
  if (seed.size() != crypto_sign_SEEDBYTES) {
    throw Error(Errc::malformed, "Ed25519 private key of " + std::to_string(seed.size()) + " bytes, wanted " +
                                     std::to_string(crypto_sign_SEEDBYTES));
  }
  std::array<std::uint8_t, crypto_sign_PUBLICKEYBYTES> computed{};
  SecretBytes secret(crypto_sign_SECRETKEYBYTES);
  crypto_sign_seed_keypair(computed.data(), secret.data(), seed.data());
  Writer fields;
  fields.string(traits(KeyKind::ed25519).name).string(public_key.empty() ? ByteView(computed) : public_key);
  fields.string(secret.view());
  return read_fields(fields);
}

ByteView ed25519_seed(const PrivateKey& key) {
  Reader in(key.secret.view());
  return in.string().first(crypto_sign_SEEDBYTES);
}

void throw_no_such_key(const PublicKey& key, std::string_view format) {
  throw Error(Errc::unsupported, std::string(format) + " has no form for a key of type " +
                                     std::string(key.type_name()) + ": write it in OpenSSH's format");
}

}  // namespace fob
