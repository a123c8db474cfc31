// The keyslot of a PKCS#11 token: what is public of RSAES-OAEP and ECDH. The token does the private half.
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include <algorithm>

#include "agent/vault/aead.h"
#include "agent/vault/keyslot.h"
#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/limits.h"
#include "protocol/pkcs11_info.h"

namespace fob {
namespace {

/// What is encrypted to an RSA key.
constexpr std::size_t rsa_secret_bytes = 32;

/// Of the secret that `key` opens.
std::size_t secret_bytes(const PublicKey& key) {
  return key.kind == KeyKind::rsa ? rsa_secret_bytes : (traits(key.kind).point_bytes - 1) / 2;
}

/// Of an RSA ciphertext or an uncompressed point.
std::size_t sealed_bytes(const PublicKey& key) {
  return key.kind == KeyKind::rsa ? key.rsa_n.size() : traits(key.kind).point_bytes;
}

void check_kind(const PublicKey& key) {
  if (key.kind == KeyKind::rsa || is_ecdsa(key.kind)) return;
  throw Error(Errc::unsupported, "a key of type " + key.display_type() + " cannot open the vault: RSA and ECDSA can");
}

/// RSAES-OAEP with SHA-1 and MGF1 with SHA-1 (RFC 8017 §7.1), without label: what every token with OAEP knows.
Bytes encrypt(const PublicKey& key, const SecretBytes& secret) {
  const EvpKey rsa = evp_public_key(key);
  const EvpContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, rsa.get(), nullptr));
  Bytes out(sealed_bytes(key));
  std::size_t size = out.size();
  if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), digest_algorithm(Hash::sha1)) != 1 ||
      EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), digest_algorithm(Hash::sha1)) != 1 ||
      EVP_PKEY_encrypt(context.get(), out.data(), &size, secret.data(), secret.size()) != 1 || size != out.size()) {
    throw_openssl_error("encrypting to a token's RSA key");
  }
  return out;
}

/// A key of its curve that is used once.
EvpKey ephemeral_key(KeyKind kind) {
  const EvpContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_keygen_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_group_name(context.get(), ecdsa_group(kind)) != 1 ||
      EVP_PKEY_generate(context.get(), &key) != 1) {
    throw_openssl_error("making a key for ECDH");
  }
  return EvpKey(key);
}

Bytes point_of(EVP_PKEY* key, std::size_t size) {
  Bytes out(size);
  std::size_t written = 0;
  if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, out.data(), out.size(), &written) != 1 ||
      written != size) {
    throw_openssl_error("writing an ECDH point");
  }
  return out;
}

/// The x coordinate of the point that both keys lead to (SEC 1 §3.3.1).
SecretBytes agree(EVP_PKEY* own, const PublicKey& other) {
  const EvpKey peer = evp_public_key(other);
  const EvpContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, own, nullptr));
  SecretBytes out(secret_bytes(other));
  std::size_t size = out.size();
  if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
      EVP_PKEY_derive(context.get(), out.data(), &size) != 1 || size != out.size()) {
    throw_openssl_error("agreeing on a secret with a token's key");
  }
  return out;
}

void check_rsa_size(const PublicKey& key) {
  const unsigned most = limits::sealed_secret_bytes * 8;
  if (key.bits() >= limits::keyslot_rsa_min_bits && key.bits() <= most) return;
  throw Error(Errc::unsupported, "an RSA key of " + std::to_string(key.bits()) + " bits cannot open the vault, " +
                                     std::to_string(limits::keyslot_rsa_min_bits) + " to " + std::to_string(most) +
                                     " are allowed");
}

}  // namespace

Pkcs11Parameters Pkcs11Parameters::read(ByteView parameters) {
  Reader in(parameters);
  Pkcs11Parameters out;
  out.module = in.text(limits::path_bytes);
  if (out.module.empty() || out.module[0] != '/') throw Error(Errc::malformed, "a keyslot without a module's path");
  out.uri = in.text(limits::uri_bytes);
  check_pkcs11_uri(out.uri);
  out.public_key = PublicKey::parse_plain(in.string(limits::stored_keyslot_bytes));
  check_kind(out.public_key);
  out.sealed = to_bytes(in.string(limits::sealed_secret_bytes));
  if (out.sealed.size() != sealed_bytes(out.public_key)) {
    throw Error(Errc::malformed,
                "a keyslot's secret of " + std::to_string(out.sealed.size()) + " bytes does not fit its key");
  }
  in.done();
  return out;
}

Bytes Pkcs11Parameters::write() const {
  Writer out;
  out.string(module).string(uri).string(public_key.blob).string(sealed);
  return out.take();
}

SecretBytes Pkcs11Parameters::key(const SecretBytes& opened) const {
  const std::size_t wanted = secret_bytes(public_key);
  if (opened.empty() || opened.size() > wanted) {
    throw Error(Errc::malformed,
                "a token's secret of " + std::to_string(opened.size()) + " bytes, wanted " + std::to_string(wanted));
  }
  // Some tokens give an x coordinate as a number, without the zeros that it may begin with.
  SecretBytes secret(wanted);
  std::copy_n(opened.data(), opened.size(), secret.data() + wanted - opened.size());
  Writer info;
  info.string("fob pkcs11 slot 1").string(public_key.blob).string(sealed);
  return hkdf(secret.view(), info.bytes());
}

SecretBytes Pkcs11Parameters::seal_new() {
  check_kind(public_key);
  if (public_key.kind == KeyKind::rsa) {
    check_rsa_size(public_key);
    SecretBytes secret(rsa_secret_bytes);
    randombytes_buf(secret.data(), secret.size());
    sealed = encrypt(public_key, secret);
    return secret;
  }
  const EvpKey own = ephemeral_key(public_key.kind);
  sealed = point_of(own.get(), sealed_bytes(public_key));
  return agree(own.get(), public_key);
}

}  // namespace fob
