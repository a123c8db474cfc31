#include "protocol/evp.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include <string>

#include "protocol/error.h"

namespace fob {
namespace {

struct ParamDeleter {
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
  void operator()(OSSL_PARAM* params) const { OSSL_PARAM_free(params); }
  void operator()(BIGNUM* number) const { BN_free(number); }
};

EvpKey key_from_params(const char* type, OSSL_PARAM* params) {
  const EvpContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
    ERR_clear_error();
    throw Error(Errc::invalid_key, std::string("not a valid ") + type + " public key");
  }
  return EvpKey(key);
}

EvpKey rsa_public_key(const PublicKey& key) {
  using Number = std::unique_ptr<BIGNUM, ParamDeleter>;
  const Number n(BN_bin2bn(key.rsa_n.data(), static_cast<int>(key.rsa_n.size()), nullptr));
  const Number e(BN_bin2bn(key.rsa_e.data(), static_cast<int>(key.rsa_e.size()), nullptr));
  const std::unique_ptr<OSSL_PARAM_BLD, ParamDeleter> builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    throw_openssl_error("building an RSA key");
  }
  const std::unique_ptr<OSSL_PARAM, ParamDeleter> params(OSSL_PARAM_BLD_to_param(builder.get()));
  return key_from_params("RSA", params.get());
}

EvpKey ecdsa_public_key(const PublicKey& key) {
  // OSSL_PARAM has no const form; EVP_PKEY_fromdata only reads.
  std::array params{
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, const_cast<char*>(ecdsa_group(key.kind)), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, const_cast<std::uint8_t*>(key.point.data()),
                                        key.point.size()),
      OSSL_PARAM_construct_end()};
  return key_from_params("EC", params.data());
}

}  // namespace

const EVP_MD* digest_algorithm(Hash hash) {
  static const auto fetched = [] {
    std::array<EVP_MD*, hash_names.size()> out{};
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = EVP_MD_fetch(nullptr, hash_names[i].data(), nullptr);
    return out;
  }();
  const EVP_MD* found = fetched[static_cast<std::size_t>(hash)];
  if (found == nullptr) throw Error(Errc::unsupported, "OpenSSL here has no " + std::string(name_of(hash)));
  return found;
}

Digest::Digest(Hash hash, ByteView data) {
  unsigned size = 0;
  if (EVP_Digest(data.data(), data.size(), value_.data(), &size, digest_algorithm(hash), nullptr) != 1) {
    throw_openssl_error("computing a digest");
  }
  size_ = size;
}

DigestStream::DigestStream(Hash hash) : context_(EVP_MD_CTX_new()) {
  if (!context_ || EVP_DigestInit_ex(context_.get(), digest_algorithm(hash), nullptr) != 1) {
    throw_openssl_error("computing a digest");
  }
}

void DigestStream::add(ByteView data) {
  if (EVP_DigestUpdate(context_.get(), data.data(), data.size()) != 1) throw_openssl_error("computing a digest");
}

Bytes DigestStream::finish() {
  Bytes out(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  if (EVP_DigestFinal_ex(context_.get(), out.data(), &size) != 1) throw_openssl_error("computing a digest");
  out.resize(size);
  return out;
}

Hash ecdsa_hash(KeyKind kind) {
  if (kind == KeyKind::ecdsa_p384) return Hash::sha384;
  return kind == KeyKind::ecdsa_p521 ? Hash::sha512 : Hash::sha256;
}

const char* ecdsa_group(KeyKind kind) {
  if (kind == KeyKind::ecdsa_p384) return "secp384r1";
  return kind == KeyKind::ecdsa_p521 ? "secp521r1" : "prime256v1";
}

EvpKey evp_public_key(const PublicKey& key) {
  return key.kind == KeyKind::rsa ? rsa_public_key(key) : ecdsa_public_key(key);
}

void throw_openssl_error(const char* what) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  throw Error(Errc::system, std::string(what) + ": " + (reason != nullptr ? reason : "unknown OpenSSL error"));
}

}  // namespace fob
