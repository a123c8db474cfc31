#pragma once

#include <openssl/evp.h>

#include <array>
#include <memory>

#include "protocol/hash.h"
#include "protocol/public_key.h"

namespace fob {

struct EvpDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using EvpKey = std::unique_ptr<EVP_PKEY, EvpDeleter>;
using EvpContext = std::unique_ptr<EVP_PKEY_CTX, EvpDeleter>;

/// OpenSSL's digest, fetched once; lives as long as the process.
const EVP_MD* digest_algorithm(Hash hash);

/// A digest value of up to 64 bytes, without allocation.
class Digest {
 public:
  Digest(Hash hash, ByteView data);
  ByteView view() const { return {value_.data(), size_}; }

 private:
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> value_;
  std::size_t size_ = 0;
};

/// A digest of what comes in pieces.
class DigestStream {
 public:
  explicit DigestStream(Hash hash);
  void add(ByteView data);
  /// Once, at the end.
  Bytes finish();

 private:
  std::unique_ptr<EVP_MD_CTX, EvpDeleter> context_;
};

/// The digest that goes with an ECDSA key (RFC 5656 §6.2.1); P-256 for sk keys.
Hash ecdsa_hash(KeyKind kind);
/// OpenSSL's name of the key's curve, "prime256v1".
const char* ecdsa_group(KeyKind kind);

/// The RSA or ECDSA public key as OpenSSL has it. Throws invalid_key where OpenSSL refuses it, as for a point that
/// is not on its curve.
EvpKey evp_public_key(const PublicKey& key);

/// Throws Error{Errc::system} "`what`: …" with OpenSSL's reason, and clears its error queue.
[[noreturn]] void throw_openssl_error(const char* what);

}  // namespace fob
