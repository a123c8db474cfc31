#include "protocol/verify.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <sodium.h>

#include <string>

#include "protocol/composite.h"
#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/limits.h"
#include "protocol/signature.h"

namespace fob {
namespace {

[[noreturn]] void throw_bad_signature() { throw Error(Errc::bad_signature, "signature does not verify"); }

[[noreturn]] void throw_mismatch(std::string_view algorithm, const PublicKey& key) {
  throw Error(Errc::bad_signature,
              "signature of type " + std::string(algorithm) + " for a key of type " + std::string(key.type_name()));
}

void verify_digest(const EvpKey& key, Hash hash, ByteView signature, ByteView digest) {
  const EvpContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (!context || EVP_PKEY_verify_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_signature_md(context.get(), digest_algorithm(hash)) != 1) {
    throw_openssl_error("verifying a signature");
  }
  const int result = EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(), digest.size());
  ERR_clear_error();
  if (result != 1) throw_bad_signature();
}

void verify_rsa(const PublicKey& key, const Signature& signature, ByteView data) {
  Hash hash = Hash::sha1;
  if (signature.algorithm == "rsa-sha2-256") {
    hash = Hash::sha256;
  } else if (signature.algorithm == "rsa-sha2-512") {
    hash = Hash::sha512;
  } else if (signature.algorithm != "ssh-rsa") {
    throw_mismatch(signature.algorithm, key);
  }
  // Old signers drop leading zeros (RFC 8332 §3 forbids it, OpenSSH accepts it); OpenSSL wants the full length.
  const std::size_t modulus_bytes = key.rsa_n.size();
  if (signature.value.empty() || signature.value.size() > modulus_bytes) throw_bad_signature();
  Bytes padded(modulus_bytes - signature.value.size());
  padded.insert(padded.end(), signature.value.begin(), signature.value.end());
  verify_digest(evp_public_key(key), hash, padded, Digest(hash, data).view());
}

/// SEQUENCE { INTEGER r, INTEGER s } from the two mpints of an SSH signature.
Bytes der_signature(ByteView value, std::size_t field_bytes) {
  Reader in(value);
  const ByteView r = in.mpint();
  const ByteView s = in.mpint();
  in.done();
  if (r.size() > field_bytes || s.size() > field_bytes) throw_bad_signature();
  Writer body;
  for (const ByteView number : {r, s}) {
    // The contents of an mpint are those of a DER INTEGER, but zero, which is one octet.
    const bool sign_octet = number.empty() || (number[0] & 0x80) != 0;
    body.u8(0x02).u8(static_cast<std::uint8_t>(number.size() + (sign_octet ? 1 : 0)));
    if (sign_octet) body.u8(0);
    body.raw(number);
  }
  const std::size_t length = body.bytes().size();
  Writer out;
  out.u8(0x30);
  if (length >= 0x80) out.u8(0x81);
  out.u8(static_cast<std::uint8_t>(length)).raw(body.bytes());
  return out.take();
}

void verify_ecdsa(const PublicKey& key, ByteView value, ByteView data) {
  const std::size_t field_bytes = (traits(key.kind).bits + 7) / 8;
  const Hash hash = ecdsa_hash(key.kind);
  verify_digest(evp_public_key(key), hash, der_signature(value, field_bytes), Digest(hash, data).view());
}

void verify_ed25519(ByteView point, ByteView value, ByteView data) {
  if (value.size() != ed25519_signature_bytes ||
      crypto_sign_verify_detached(value.data(), data.data(), data.size(), point.data()) != 0) {
    throw_bad_signature();
  }
}

/// The clientData of a webauthn signature must begin as the browser writes it for this challenge and origin
/// (PROTOCOL.u2f); what follows is ignored. Returns its digest.
Digest check_webauthn(const Signature& signature, ByteView data) {
  const Signature::Webauthn& webauthn = *signature.webauthn;
  const bool has_attested_data = (signature.sk->flags & 0x40) != 0;
  const bool has_extensions = (signature.sk->flags & 0x80) != 0;
  if (webauthn.origin.find('"') != std::string_view::npos || has_attested_data ||
      has_extensions == webauthn.extensions.empty()) {
    throw_bad_signature();
  }
  const int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string challenge(sodium_base64_encoded_len(data.size(), variant), '\0');
  sodium_bin2base64(challenge.data(), challenge.size(), data.data(), data.size(), variant);
  challenge.pop_back();  // the terminating NUL
  const std::string expected =
      R"({"type":"webauthn.get","challenge":")" + challenge + R"(","origin":")" + std::string(webauthn.origin) + '"';
  if (!as_text(webauthn.client_data).starts_with(expected)) throw_bad_signature();
  return Digest(Hash::sha256, webauthn.client_data);
}

void verify_sk(const PublicKey& key, const Signature& signature, ByteView data) {
  const bool webauthn = signature.webauthn.has_value();
  if (webauthn ? key.kind != KeyKind::sk_ecdsa_p256 : signature.algorithm != traits(key.kind).name) {
    throw_mismatch(signature.algorithm, key);
  }
  const Digest message = webauthn ? check_webauthn(signature, data) : Digest(Hash::sha256, data);
  Writer signed_data;
  signed_data.raw(Digest(Hash::sha256, as_bytes(key.application)).view());
  signed_data.u8(signature.sk->flags).u32(signature.sk->counter);
  if (webauthn) signed_data.raw(signature.webauthn->extensions);
  signed_data.raw(message.view());
  if (key.kind == KeyKind::sk_ed25519) {
    verify_ed25519(key.point, signature.value, signed_data.bytes());
  } else {
    verify_ecdsa(key, signature.value, signed_data.bytes());
  }
}

}  // namespace

void verify_signature(const PublicKey& key, ByteView signature_blob, ByteView data) {
  const Signature signature = Signature::parse(signature_blob);
  if (key.kind == KeyKind::rsa) return verify_rsa(key, signature, data);
  if (is_sk(key.kind)) return verify_sk(key, signature, data);
  if (signature.algorithm != traits(key.kind).name) throw_mismatch(signature.algorithm, key);
  if (key.kind == KeyKind::ed25519) return verify_ed25519(key.point, signature.value, data);
  if (key.kind == KeyKind::mldsa44_ed25519) return verify_composite(key.point, signature.value, data);
  verify_ecdsa(key, signature.value, data);
}

void verify_certificate(const PublicKey& certificate) {
  const Certificate& body = *certificate.certificate;
  const PublicKey authority = PublicKey::parse_plain(body.signature_key);
  verify_signature(authority, body.signature, ByteView(certificate.blob).first(body.signed_bytes));
}

}  // namespace fob
