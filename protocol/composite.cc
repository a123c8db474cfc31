#include "protocol/composite.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <sodium.h>

#include <array>
#include <string_view>

#include "protocol/error.h"
#include "protocol/evp.h"

namespace fob {
namespace {

constexpr std::size_t seed_bytes = 32;
constexpr char mldsa_name[] = "ML-DSA-44";
/// Domain separator, and the context string of the ML-DSA half.
constexpr std::string_view prefix = "CompositeAlgorithmSignatures2025";
constexpr std::string_view label = "COMPSIG-MLDSA44-Ed25519-SHA512";

/// M' = prefix || label || length of the (empty) context || SHA-512(M)
Bytes message_representative(ByteView data) {
  Writer out;
  out.raw(as_bytes(prefix)).raw(as_bytes(label)).u8(0).raw(Digest(Hash::sha512, data).view());
  return out.take();
}

EvpKey mldsa_key(const char* parameter, int selection, ByteView value) {
  if (!has_composite()) {
    throw Error(Errc::unsupported, "ssh-mldsa44-ed25519@openssh.com needs OpenSSL 3.5 or newer, for ML-DSA");
  }
  std::array params{OSSL_PARAM_construct_octet_string(parameter, const_cast<std::uint8_t*>(value.data()), value.size()),
                    OSSL_PARAM_construct_end()};
  const EvpContext context(EVP_PKEY_CTX_new_from_name(nullptr, mldsa_name, nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, selection, params.data()) != 1) {
    ERR_clear_error();
    throw Error(Errc::invalid_key, "not a valid ML-DSA-44 key");
  }
  return EvpKey(key);
}

/// OSSL_PKEY_PARAM_ML_DSA_SEED, which older headers do not name.
EvpKey mldsa_private_key(const SecretBytes& seeds) {
  return mldsa_key("seed", EVP_PKEY_KEYPAIR, seeds.view().first(seed_bytes));
}

struct Ed25519Pair {
  explicit Ed25519Pair(const SecretBytes& seeds) : secret_key(crypto_sign_SECRETKEYBYTES) {
    crypto_sign_seed_keypair(public_key.data(), secret_key.data(), seeds.data() + seed_bytes);
  }
  std::array<std::uint8_t, ed25519_public_bytes> public_key{};
  SecretBytes secret_key;
};

struct SignatureDeleter {
  void operator()(EVP_SIGNATURE* algorithm) const { EVP_SIGNATURE_free(algorithm); }
};

/// A context that signs or verifies messages (not digests) with `label` as the ML-DSA context string.
EvpContext mldsa_context(EVP_PKEY* key, bool sign) {
  EvpContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
#if OPENSSL_VERSION_NUMBER >= 0x30400000L
  const std::unique_ptr<EVP_SIGNATURE, SignatureDeleter> algorithm(EVP_SIGNATURE_fetch(nullptr, mldsa_name, nullptr));
  std::array params{OSSL_PARAM_construct_octet_string("context-string", const_cast<char*>(label.data()), label.size()),
                    OSSL_PARAM_construct_end()};
  if (algorithm && context &&
      (sign ? EVP_PKEY_sign_message_init(context.get(), algorithm.get(), params.data())
            : EVP_PKEY_verify_message_init(context.get(), algorithm.get(), params.data())) == 1) {
    return context;
  }
#else
  static_cast<void>(sign);
#endif
  throw_openssl_error("preparing ML-DSA-44");
}

}  // namespace

bool has_composite() {
#if OPENSSL_VERSION_NUMBER >= 0x30500000L
  static const bool found = [] {
    const std::unique_ptr<EVP_SIGNATURE, SignatureDeleter> algorithm(EVP_SIGNATURE_fetch(nullptr, mldsa_name, nullptr));
    ERR_clear_error();
    return algorithm != nullptr;
  }();
  return found;
#else
  return false;
#endif
}

void verify_composite(ByteView public_key, ByteView signature, ByteView data) {
  const EvpKey key = mldsa_key(OSSL_PKEY_PARAM_PUB_KEY, EVP_PKEY_PUBLIC_KEY, public_key.first(mldsa44_public_bytes));
  const Bytes message = message_representative(data);
  const EvpContext context = mldsa_context(key.get(), false);
  const bool sized = signature.size() == mldsa44_signature_bytes + ed25519_signature_bytes;
  const bool verifies =
      sized &&
      EVP_PKEY_verify(context.get(), signature.data(), mldsa44_signature_bytes, message.data(), message.size()) == 1 &&
      crypto_sign_verify_detached(signature.data() + mldsa44_signature_bytes, message.data(), message.size(),
                                  public_key.data() + mldsa44_public_bytes) == 0;
  ERR_clear_error();
  if (!verifies) throw Error(Errc::bad_signature, "signature does not verify");
}

Bytes composite_public_key(const SecretBytes& seeds) {
  const EvpKey key = mldsa_private_key(seeds);
  Bytes out(mldsa44_public_bytes);
  std::size_t size = 0;
  if (EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PUB_KEY, out.data(), out.size(), &size) != 1 ||
      size != out.size()) {
    throw_openssl_error("reading an ML-DSA-44 public key");
  }
  const Ed25519Pair ed25519(seeds);
  out.insert(out.end(), ed25519.public_key.begin(), ed25519.public_key.end());
  return out;
}

Bytes sign_composite(const SecretBytes& seeds, ByteView data) {
  const EvpKey key = mldsa_private_key(seeds);
  const Bytes message = message_representative(data);
  const EvpContext context = mldsa_context(key.get(), true);
  Bytes out(mldsa44_signature_bytes + ed25519_signature_bytes);
  std::size_t size = mldsa44_signature_bytes;
  if (EVP_PKEY_sign(context.get(), out.data(), &size, message.data(), message.size()) != 1 ||
      size != mldsa44_signature_bytes) {
    throw_openssl_error("signing with ML-DSA-44");
  }
  const Ed25519Pair ed25519(seeds);
  crypto_sign_detached(out.data() + mldsa44_signature_bytes, nullptr, message.data(), message.size(),
                       ed25519.secret_key.data());
  return out;
}

}  // namespace fob
