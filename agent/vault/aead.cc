#include "agent/vault/aead.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <sodium.h>

#include <array>
#include <memory>

#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/limits.h"

namespace fob {
namespace {

constexpr int nonce_bytes = 12;
constexpr int tag_bytes = 16;

struct Deleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Deleter>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, Deleter>;

/// Fetched once; lives as long as the process.
const EVP_CIPHER* aes_256_gcm() {
  static const EVP_CIPHER* const fetched = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  if (fetched == nullptr) throw_openssl_error("AES-256-GCM");
  return fetched;
}

EVP_KDF* hkdf_algorithm() {
  static EVP_KDF* const fetched = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  if (fetched == nullptr) throw_openssl_error("HKDF");
  return fetched;
}

void check_key(const SecretBytes& key) {
  if (key.size() != aead_key_bytes) {
    throw Error(Errc::system, "a key of " + std::to_string(key.size()) + " bytes for AES-256-GCM, wanted 32");
  }
}

/// EVP's lengths are int.
int as_int(std::size_t size) {
  if (size <= limits::stored_value_bytes) return static_cast<int>(size);
  throw Error(Errc::too_large, std::to_string(size) + " bytes in one piece of the vault, at most " +
                                   std::to_string(limits::stored_value_bytes) + " allowed");
}

}  // namespace

Bytes aead_seal(const SecretBytes& key, ByteView secret, ByteView associated) {
  check_key(key);
  Bytes out(aead_overhead_bytes + secret.size());
  randombytes_buf(out.data(), nonce_bytes);
  const CipherContext context(EVP_CIPHER_CTX_new());
  int done = 0;
  if (!context || EVP_EncryptInit_ex2(context.get(), aes_256_gcm(), key.data(), out.data(), nullptr) != 1 ||
      EVP_EncryptUpdate(context.get(), nullptr, &done, associated.data(), as_int(associated.size())) != 1 ||
      EVP_EncryptUpdate(context.get(), out.data() + nonce_bytes, &done, secret.data(), as_int(secret.size())) != 1 ||
      EVP_EncryptFinal_ex(context.get(), out.data() + nonce_bytes + secret.size(), &done) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes, out.data() + nonce_bytes + secret.size()) !=
          1) {
    throw_openssl_error("encrypting for the vault");
  }
  return out;
}

std::optional<SecretBytes> aead_open(const SecretBytes& key, ByteView sealed, ByteView associated) {
  check_key(key);
  if (sealed.size() < aead_overhead_bytes) return std::nullopt;
  const ByteView ciphertext = sealed.subspan(nonce_bytes, sealed.size() - aead_overhead_bytes);
  Bytes tag = to_bytes(sealed.last(tag_bytes));
  SecretBytes out(ciphertext.size());
  const CipherContext context(EVP_CIPHER_CTX_new());
  int done = 0;
  if (!context || EVP_DecryptInit_ex2(context.get(), aes_256_gcm(), key.data(), sealed.data(), nullptr) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, tag_bytes, tag.data()) != 1 ||
      EVP_DecryptUpdate(context.get(), nullptr, &done, associated.data(), as_int(associated.size())) != 1 ||
      EVP_DecryptUpdate(context.get(), out.data(), &done, ciphertext.data(), as_int(ciphertext.size())) != 1) {
    throw_openssl_error("decrypting for the vault");
  }
  std::array<std::uint8_t, tag_bytes> rest{};
  if (EVP_DecryptFinal_ex(context.get(), rest.data(), &done) == 1) return out;
  ERR_clear_error();
  return std::nullopt;
}

SecretBytes hkdf(ByteView secret, ByteView info) {
  SecretBytes out(aead_key_bytes);
  const KdfContext context(EVP_KDF_CTX_new(hkdf_algorithm()));
  // OSSL_PARAM has no const form; EVP_KDF_derive only reads.
  const std::array params{
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, const_cast<char*>("SHA256"), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, const_cast<std::uint8_t*>(secret.data()), secret.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, const_cast<std::uint8_t*>(info.data()), info.size()),
      OSSL_PARAM_construct_end()};
  if (!context || EVP_KDF_derive(context.get(), out.data(), out.size(), params.data()) != 1) {
    throw_openssl_error("deriving a key of the vault's");
  }
  return out;
}

}  // namespace fob
