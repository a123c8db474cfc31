#include "tests/unit/tokens/sealed.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include <stdexcept>

#include "protocol/evp.h"
#include "tokens/random.h"

namespace fob::test {
namespace {

constexpr std::size_t secret_bytes = 32;
constexpr std::size_t most_bytes = 2048;

void require(bool done) {
  if (!done) throw std::runtime_error("OpenSSL does not seal");
}

Sealed seal_for_rsa(EVP_PKEY* key) {
  const Bytes secret = random_bytes(secret_bytes);
  const EvpContext context(EVP_PKEY_CTX_new(key, nullptr));
  Bytes sealed(most_bytes);
  std::size_t size = sealed.size();
  require(context && EVP_PKEY_encrypt_init(context.get()) == 1 &&
          EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) == 1 &&
          EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), EVP_sha1()) == 1 &&
          EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), EVP_sha1()) == 1 &&
          EVP_PKEY_encrypt(context.get(), sealed.data(), &size, secret.data(), secret.size()) == 1);
  sealed.resize(size);
  return {std::move(sealed), std::string(as_text(secret))};
}

Sealed seal_for_point(EVP_PKEY* key, KeyKind kind) {
  const EvpKey ephemeral(EVP_EC_gen(ecdsa_group(kind)));
  const EvpContext context(EVP_PKEY_CTX_new(ephemeral.get(), nullptr));
  Bytes point(most_bytes);
  std::size_t point_size = 0;
  std::string secret(most_bytes, '\0');
  std::size_t secret_size = secret.size();
  require(ephemeral && context &&
          EVP_PKEY_get_octet_string_param(ephemeral.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(),
                                          &point_size) == 1 &&
          EVP_PKEY_derive_init(context.get()) == 1 && EVP_PKEY_derive_set_peer(context.get(), key) == 1 &&
          EVP_PKEY_derive(context.get(), reinterpret_cast<std::uint8_t*>(secret.data()), &secret_size) == 1);
  point.resize(point_size);
  secret.resize(secret_size);
  return {std::move(point), std::move(secret)};
}

}  // namespace

Sealed seal_for(const PublicKey& key) {
  const EvpKey evp = evp_public_key(key);
  return key.kind == KeyKind::rsa ? seal_for_rsa(evp.get()) : seal_for_point(evp.get(), key.kind);
}

}  // namespace fob::test
