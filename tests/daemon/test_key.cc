#include "tests/daemon/test_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <sodium.h>

#include <array>
#include <map>
#include <stdexcept>

#include "protocol/evp.h"

namespace fob {
namespace {

constexpr std::string_view application = "ssh:";
constexpr std::uint8_t user_presence = 1;

void check(bool worked, const char* what) {
  if (!worked) throw std::runtime_error(std::string("test key: ") + what);
}

Bytes number_parameter(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  check(EVP_PKEY_get_bn_param(key, name, &number) == 1, name);
  Bytes out(static_cast<std::size_t>(BN_num_bytes(number)));
  BN_bn2bin(number, out.data());
  BN_clear_free(number);
  return out;
}

/// OpenSSL's RSA key of n, e and d: it signs without CRT, so slowly and surely.
std::shared_ptr<EVP_PKEY> openssl_rsa(const RsaNumbers& numbers) {
  OSSL_PARAM_BLD* builder = OSSL_PARAM_BLD_new();
  std::vector<BIGNUM*> values;
  const auto push = [&](const char* name, const Bytes& value) {
    values.push_back(BN_bin2bn(value.data(), static_cast<int>(value.size()), nullptr));
    OSSL_PARAM_BLD_push_BN(builder, name, values.back());
  };
  push(OSSL_PKEY_PARAM_RSA_N, numbers.n);
  push(OSSL_PKEY_PARAM_RSA_E, numbers.e);
  push(OSSL_PKEY_PARAM_RSA_D, numbers.d);
  OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(builder);
  EVP_PKEY* key = nullptr;
  const EvpContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  check(EVP_PKEY_fromdata_init(context.get()) == 1 &&
            EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, parameters) == 1,
        "RSA");
  OSSL_PARAM_free(parameters);
  OSSL_PARAM_BLD_free(builder);
  for (BIGNUM* value : values) BN_free(value);
  return {key, EVP_PKEY_free};
}

Bytes sign_digest(EVP_PKEY* key, Hash hash, ByteView data) {
  const Digest digest(hash, data);
  const EvpContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  std::size_t size = 0;
  check(EVP_PKEY_sign_init(context.get()) == 1 &&
            EVP_PKEY_CTX_set_signature_md(context.get(), digest_algorithm(hash)) == 1 &&
            EVP_PKEY_sign(context.get(), nullptr, &size, digest.view().data(), digest.view().size()) == 1,
        "preparing a signature");
  Bytes out(size);
  check(EVP_PKEY_sign(context.get(), out.data(), &size, digest.view().data(), digest.view().size()) == 1, "signing");
  out.resize(size);
  return out;
}

/// RFC 5656 §3.1.2 from DER.
Bytes ssh_ecdsa_value(const Bytes& der) {
  const unsigned char* at = der.data();
  ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  check(signature != nullptr, "DER");
  Writer out;
  for (const BIGNUM* number : {ECDSA_SIG_get0_r(signature), ECDSA_SIG_get0_s(signature)}) {
    Bytes magnitude(static_cast<std::size_t>(BN_num_bytes(number)));
    BN_bn2bin(number, magnitude.data());
    out.mpint(magnitude);
  }
  ECDSA_SIG_free(signature);
  return out.take();
}

Bytes signature_blob(std::string_view algorithm, ByteView value) {
  Writer out;
  out.string(algorithm).string(value);
  return out.take();
}

/// flags, key handle, reserved
Bytes token_fields() {
  Writer out;
  out.u8(user_presence).string("a key handle of the test's token").string("");
  return out.take();
}

}  // namespace

TestKey TestKey::from_fields(KeyKind kind, ByteView public_fields, ByteView secret_fields) {
  Writer fields;
  fields.raw(public_fields);
  if (is_sk(kind)) fields.string(application);
  TestKey out;
  Reader in(fields.bytes());
  out.public_key_ = PublicKey::read_plain_fields(kind, in);
  out.secret_fields_ = is_sk(kind) ? token_fields() : to_bytes(secret_fields);
  return out;
}

TestKey TestKey::make_ed25519(KeyKind kind) {
  std::array<std::uint8_t, crypto_sign_PUBLICKEYBYTES> point;
  Bytes secret(crypto_sign_SECRETKEYBYTES);
  crypto_sign_keypair(point.data(), secret.data());
  Writer public_fields;
  public_fields.string(point);
  Writer secret_fields;
  secret_fields.string(secret);
  TestKey out = from_fields(kind, public_fields.bytes(), secret_fields.bytes());
  out.ed25519_ = secret;
  return out;
}

TestKey TestKey::make_ecdsa(KeyKind kind) {
  const std::shared_ptr<EVP_PKEY> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", ecdsa_group(kind)), EVP_PKEY_free);
  check(key != nullptr, "EC");
  Bytes point(traits(kind).point_bytes);
  std::size_t size = 0;
  check(EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &size) == 1 &&
            size == point.size() && point[0] == 4,
        "EC point");
  Writer public_fields;
  public_fields.string(traits(kind).curve).string(point);
  const Bytes d = number_parameter(key.get(), OSSL_PKEY_PARAM_PRIV_KEY);
  Writer secret_fields;
  secret_fields.mpint(d);
  TestKey out = from_fields(kind, public_fields.bytes(), secret_fields.bytes());
  out.openssl_ = key;
  out.ecdsa_d_ = d;
  return out;
}

TestKey TestKey::from_rsa(const RsaNumbers& numbers) {
  Writer public_fields;
  public_fields.mpint(numbers.n).mpint(numbers.e);
  Writer secret_fields;
  secret_fields.mpint(numbers.d).mpint(numbers.iqmp).mpint(numbers.p).mpint(numbers.q);
  TestKey out = from_fields(KeyKind::rsa, public_fields.bytes(), secret_fields.bytes());
  out.openssl_ = openssl_rsa(numbers);
  out.rsa_ = numbers;
  return out;
}

TestKey TestKey::make(KeyKind kind) {
  if (kind == KeyKind::rsa) return from_rsa(RsaNumbers::random(2048));
  if (kind == KeyKind::ed25519 || kind == KeyKind::sk_ed25519) return make_ed25519(kind);
  return make_ecdsa(kind);
}

const TestKey& TestKey::any(KeyKind kind) {
  static std::map<KeyKind, TestKey> keys;
  const auto found = keys.find(kind);
  return found != keys.end() ? found->second : keys.emplace(kind, make(kind)).first->second;
}

PrivateKey TestKey::private_key() const { return {public_key_, SecretBytes(ByteView(secret_fields_))}; }

TestKey TestKey::with_certificate(ByteView certificate) const {
  TestKey out = *this;
  out.public_key_ = PublicKey::parse(certificate);
  return out;
}

Bytes TestKey::sign(ByteView data, std::string_view rsa_algorithm) const {
  if (is_sk(kind())) return sign_as_token(data);
  if (kind() == KeyKind::rsa) return signature_blob(rsa_algorithm, sign_rsa(data, rsa_algorithm));
  const std::string_view name = traits(kind()).name;
  return signature_blob(name, kind() == KeyKind::ed25519 ? sign_ed25519(data) : sign_ecdsa(data));
}

Bytes TestKey::sign_rsa(ByteView data, std::string_view algorithm) const {
  const Hash hash = algorithm == "rsa-sha2-512"   ? Hash::sha512
                    : algorithm == "rsa-sha2-256" ? Hash::sha256
                                                  : Hash::sha1;
  return sign_digest(openssl_.get(), hash, data);
}

Bytes TestKey::sign_ecdsa(ByteView data) const {
  return ssh_ecdsa_value(sign_digest(openssl_.get(), ecdsa_hash(kind()), data));
}

Bytes TestKey::sign_ed25519(ByteView data) const {
  Bytes out(crypto_sign_BYTES);
  crypto_sign_detached(out.data(), nullptr, data.data(), data.size(), ed25519_.data());
  return out;
}

/// PROTOCOL.u2f, "SSH U2F signatures".
Bytes TestKey::sign_as_token(ByteView data) const {
  constexpr std::uint32_t counter = 7;
  Writer signed_data;
  signed_data.raw(Digest(Hash::sha256, as_bytes(application)).view()).u8(user_presence).u32(counter);
  signed_data.raw(Digest(Hash::sha256, data).view());
  const Bytes value =
      kind() == KeyKind::sk_ed25519 ? sign_ed25519(signed_data.bytes()) : sign_ecdsa(signed_data.bytes());
  Writer out;
  out.string(traits(kind()).name).string(value).u8(user_presence).u32(counter);
  return out.take();
}

std::vector<TestKey::Secret> TestKey::secrets() const {
  if (is_sk(kind())) return {};
  if (kind() == KeyKind::rsa) {
    return {{"RSA d", rsa_.d},
            {"RSA p", rsa_.p},
            {"RSA q", rsa_.q},
            {"RSA iqmp", rsa_.iqmp},
            {"RSA dmp1", remainder(rsa_.d, plus(rsa_.p, -1))},
            {"RSA dmq1", remainder(rsa_.d, plus(rsa_.q, -1))}};
  }
  if (is_ecdsa(kind())) return {{"ECDSA d", ecdsa_d_}};
  // RFC 8032 §5.1.5: the scalar, clamped or not, and the prefix that the nonces come from.
  const Bytes seed(ed25519_.begin(), ed25519_.begin() + crypto_sign_SEEDBYTES);
  const Digest expanded(Hash::sha512, seed);
  Bytes scalar = to_bytes(expanded.view().first(32));
  Bytes clamped = scalar;
  clamped[0] &= 248;
  clamped[31] = static_cast<std::uint8_t>((clamped[31] & 127) | 64);
  return {{"Ed25519 seed", seed},
          {"Ed25519 scalar", scalar},
          {"Ed25519 clamped scalar", clamped},
          {"Ed25519 prefix", to_bytes(expanded.view().subspan(32))}};
}

}  // namespace fob
