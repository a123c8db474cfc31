#include "agent/ready_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include <array>
#include <string>

#include "protocol/big_number.h"
#include "protocol/composite.h"
#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/limits.h"

namespace fob {
namespace {

struct Deleter {
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
  void operator()(OSSL_PARAM* params) const { OSSL_PARAM_free(params); }
};

/// d mod (prime - 1)
BigNumber crt_exponent(const BigNumber& d, const BigNumber& prime) {
  BigNumber out = big_number();
  if (BN_mod(out.get(), d.get(), minus_one(prime).get(), big_number_context().get()) != 1) {
    throw_openssl_error("loading an RSA key");
  }
  return out;
}

/// A parameter list under construction; numbers must outlive build().
class Params {
 public:
  Params() : builder_(OSSL_PARAM_BLD_new()) {}
  Params& add(const char* name, const BigNumber& value) {
    ok_ = ok_ && value && OSSL_PARAM_BLD_push_BN(builder_.get(), name, value.get()) == 1;
    return *this;
  }
  Params& add(const char* name, const char* value) {
    ok_ = ok_ && OSSL_PARAM_BLD_push_utf8_string(builder_.get(), name, value, 0) == 1;
    return *this;
  }
  Params& add(const char* name, ByteView value) {
    ok_ = ok_ && OSSL_PARAM_BLD_push_octet_string(builder_.get(), name, value.data(), value.size()) == 1;
    return *this;
  }
  EvpKey build(const char* type) const {
    const std::unique_ptr<OSSL_PARAM, Deleter> params(ok_ ? OSSL_PARAM_BLD_to_param(builder_.get()) : nullptr);
    const EvpContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* key = nullptr;
    if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, params.get()) != 1) {
      throw_openssl_error("loading a private key");
    }
    return EvpKey(key);
  }

 private:
  std::unique_ptr<OSSL_PARAM_BLD, Deleter> builder_;
  bool ok_ = builder_ != nullptr;
};

EvpKey rsa_private_key(const PublicKey& key, const SecretBytes& secret) {
  Reader in(secret.view());
  const BigNumber d = big_number(in.mpint());
  const BigNumber iqmp = big_number(in.mpint());
  const BigNumber p = big_number(in.mpint());
  const BigNumber q = big_number(in.mpint());
  const BigNumber n = big_number(key.rsa_n);
  const BigNumber e = big_number(key.rsa_e);
  const BigNumber dmp1 = crt_exponent(d, p);
  const BigNumber dmq1 = crt_exponent(d, q);
  return Params()
      .add(OSSL_PKEY_PARAM_RSA_N, n)
      .add(OSSL_PKEY_PARAM_RSA_E, e)
      .add(OSSL_PKEY_PARAM_RSA_D, d)
      .add(OSSL_PKEY_PARAM_RSA_FACTOR1, p)
      .add(OSSL_PKEY_PARAM_RSA_FACTOR2, q)
      .add(OSSL_PKEY_PARAM_RSA_EXPONENT1, dmp1)
      .add(OSSL_PKEY_PARAM_RSA_EXPONENT2, dmq1)
      .add(OSSL_PKEY_PARAM_RSA_COEFFICIENT1, iqmp)
      .build("RSA");
}

EvpKey ecdsa_private_key(const PublicKey& key, const SecretBytes& secret) {
  Reader in(secret.view());
  const BigNumber d = big_number(in.mpint());
  return Params()
      .add(OSSL_PKEY_PARAM_GROUP_NAME, ecdsa_group(key.kind))
      .add(OSSL_PKEY_PARAM_PUB_KEY, key.point)
      .add(OSSL_PKEY_PARAM_PRIV_KEY, d)
      .build("EC");
}

EvpContext signing_context(const EvpKey& key, Hash hash) {
  EvpContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (!context || EVP_PKEY_sign_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_signature_md(context.get(), digest_algorithm(hash)) != 1) {
    throw_openssl_error("preparing to sign");
  }
  return context;
}

std::size_t sign_with(EVP_PKEY_CTX* context, const Digest& digest, std::span<std::uint8_t> out) {
  std::size_t size = out.size();
  if (context == nullptr ||
      EVP_PKEY_sign(context, out.data(), &size, digest.view().data(), digest.view().size()) != 1) {
    throw_openssl_error("signing");
  }
  return size;
}

/// Signs with a copy of a prepared context: nothing is fetched, and threads do not meet.
std::size_t sign_with_copy(const EvpContext& prepared, const Digest& digest, std::span<std::uint8_t> out) {
  return sign_with(EvpContext(EVP_PKEY_CTX_dup(prepared.get())).get(), digest, out);
}

Bytes signature_blob(std::string_view algorithm, ByteView value) {
  Writer out;
  out.reserve(8 + algorithm.size() + value.size());
  out.string(algorithm).string(value);
  return out.take();
}

class ReadyRsa final : public ReadyKey {
 public:
  ReadyRsa(const PublicKey& key, const SecretBytes& secret)
      : key_(rsa_private_key(key, secret)),
        sha1_(signing_context(key_, Hash::sha1)),
        sha256_(signing_context(key_, Hash::sha256)),
        sha512_(signing_context(key_, Hash::sha512)) {}

  Bytes sign(ByteView data, std::uint32_t flags) const override {
    if ((flags & SignRequest::flag_rsa_sha2_256) != 0) return sign_as("rsa-sha2-256", Hash::sha256, sha256_, data);
    if ((flags & SignRequest::flag_rsa_sha2_512) != 0) return sign_as("rsa-sha2-512", Hash::sha512, sha512_, data);
    return sign_as("ssh-rsa", Hash::sha1, sha1_, data);
  }

 private:
  Bytes sign_as(std::string_view algorithm, Hash hash, const EvpContext& prepared, ByteView data) const {
    const Digest digest(hash, data);
    Bytes value(limits::rsa_max_bits / 8);
    value.resize(sign_with_copy(prepared, digest, value));
    check_with_public_key(hash, digest, value);
    return signature_blob(algorithm, value);
  }

  /// One wrong CRT half in a signature tells the factors (Boneh, DeMillo, Lipton 1997).
  void check_with_public_key(Hash hash, const Digest& digest, ByteView value) const {
    const EvpContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
    if (!context || EVP_PKEY_verify_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context.get(), digest_algorithm(hash)) != 1) {
      throw_openssl_error("checking a signature");
    }
    if (EVP_PKEY_verify(context.get(), value.data(), value.size(), digest.view().data(), digest.view().size()) != 1) {
      ERR_clear_error();
      throw Error(Errc::system, "an RSA signature came out wrong and was discarded: memory or processor fault?");
    }
  }

  EvpKey key_;
  EvpContext sha1_;
  EvpContext sha256_;
  EvpContext sha512_;
};

class ReadyEcdsa final : public ReadyKey {
 public:
  ReadyEcdsa(const PublicKey& key, const SecretBytes& secret)
      : kind_(key.kind), key_(ecdsa_private_key(key, secret)), prepared_(signing_context(key_, ecdsa_hash(kind_))) {}

  Bytes sign(ByteView data, std::uint32_t) const override {
    std::array<std::uint8_t, 160> der{};
    const Digest digest(ecdsa_hash(kind_), data);
    // A fast kind signs on one thread only, so it needs no copy.
    const std::size_t size =
        is_slow(kind_) ? sign_with_copy(prepared_, digest, der) : sign_with(prepared_.get(), digest, der);
    return signature_blob(traits(kind_).name, mpints_of(ByteView(der).first(size)));
  }

 private:
  /// mpint r, mpint s from SEQUENCE { INTEGER r, INTEGER s }: the contents of a positive DER INTEGER are those of an
  /// mpint, so only the framing changes.
  static Bytes mpints_of(ByteView der) {
    Reader in(der);
    in.u8();                       // SEQUENCE
    if (in.u8() == 0x81) in.u8();  // its length, in the long form for P-521
    Writer out;
    for (int i = 0; i < 2; ++i) {
      in.u8();  // INTEGER
      const std::size_t size = in.u8();
      out.string(in.raw(size));
    }
    in.done();
    return out.take();
  }

  KeyKind kind_;
  EvpKey key_;
  EvpContext prepared_;
};

class ReadyEd25519 final : public ReadyKey {
 public:
  explicit ReadyEd25519(const SecretBytes& secret) : secret_key_(Reader(secret.view()).string()) {}

  Bytes sign(ByteView data, std::uint32_t) const override {
    std::array<std::uint8_t, crypto_sign_BYTES> value{};
    crypto_sign_detached(value.data(), nullptr, data.data(), data.size(), secret_key_.data());
    return signature_blob(traits(KeyKind::ed25519).name, value);
  }

 private:
  SecretBytes secret_key_;
};

class ReadyComposite final : public ReadyKey {
 public:
  explicit ReadyComposite(const SecretBytes& secret) : seeds_(Reader(secret.view()).string()) {}

  Bytes sign(ByteView data, std::uint32_t) const override {
    return signature_blob(traits(KeyKind::mldsa44_ed25519).name, sign_composite(seeds_, data));
  }

 private:
  SecretBytes seeds_;
};

}  // namespace

std::shared_ptr<const ReadyKey> ReadyKey::make(const PublicKey& key, const SecretBytes& secret) {
  if (key.kind == KeyKind::rsa) return std::make_shared<ReadyRsa>(key, secret);
  if (is_ecdsa(key.kind)) return std::make_shared<ReadyEcdsa>(key, secret);
  if (key.kind == KeyKind::ed25519) return std::make_shared<ReadyEd25519>(secret);
  if (key.kind == KeyKind::mldsa44_ed25519) return std::make_shared<ReadyComposite>(secret);
  throw Error(Errc::unsupported, "signing with keys on FIDO2 tokens is not built in yet");
}

bool ReadyKey::is_slow(KeyKind kind) { return kind != KeyKind::ed25519 && kind != KeyKind::ecdsa_p256; }

}  // namespace fob
