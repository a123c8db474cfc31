#include "tests/virtual/crypto.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "tests/virtual/ctap.h"

namespace fob::virt {
namespace {

struct CipherDeleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

Bytes aes(ByteView key, ByteView iv, ByteView data, int encrypt) {
  if (data.size() % 16 != 0 || iv.size() != 16 || key.size() != 32) throw CtapError{Code::invalid_parameter};
  const std::unique_ptr<EVP_CIPHER_CTX, CipherDeleter> context(EVP_CIPHER_CTX_new());
  Bytes out(data.size() + 16);
  int size = 0;
  if (!context || EVP_CipherInit_ex2(context.get(), EVP_aes_256_cbc(), key.data(), iv.data(), encrypt, nullptr) != 1 ||
      EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1 ||
      EVP_CipherUpdate(context.get(), out.data(), &size, data.data(), static_cast<int>(data.size())) != 1) {
    throw_openssl_error("AES");
  }
  out.resize(static_cast<std::size_t>(size));
  return out;
}

}  // namespace

Bytes random_bytes(std::size_t count) {
  Bytes out(count);
  if (RAND_bytes(out.data(), static_cast<int>(count)) != 1) throw_openssl_error("random numbers");
  return out;
}

Bytes concat(std::initializer_list<ByteView> parts) {
  Bytes out;
  for (const ByteView part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes sha256(ByteView data) { return to_bytes(Digest(Hash::sha256, data).view()); }

Bytes hmac_sha256(ByteView key, ByteView data) {
  Bytes out(32);
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), out.data(), &size) ==
      nullptr) {
    throw_openssl_error("HMAC");
  }
  return out;
}

Bytes aes_encrypt(ByteView key, ByteView iv, ByteView data) { return aes(key, iv, data, 1); }
Bytes aes_decrypt(ByteView key, ByteView iv, ByteView data) { return aes(key, iv, data, 0); }

bool constant_time_equal(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace fob::virt
