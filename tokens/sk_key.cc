#include "tokens/sk_key.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <memory>

#include "protocol/error.h"
#include "protocol/evp.h"

namespace fob {
namespace {

constexpr std::size_t coordinate_bytes = 32;
constexpr std::uint8_t uncompressed_point = 4;
constexpr std::uint8_t flag_user_present = 0x01;  // of authenticator data, CTAP 2.1 §6.1, WebAuthn §6.1
constexpr std::uint8_t flag_user_verified = 0x04;

struct EcdsaSignatureDeleter {
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};

Bytes magnitude(const BIGNUM* number) {
  Bytes out(static_cast<std::size_t>(BN_num_bytes(number)));
  BN_bn2bin(number, out.data());
  return out;
}

/// From the DER form that FIDO has (WebAuthn §6.5.5).
Bytes ecdsa_signature(KeyKind kind, ByteView der, Signature::Sk sk) {
  const unsigned char* at = der.data();
  const std::unique_ptr<ECDSA_SIG, EcdsaSignatureDeleter> parsed(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!parsed || at != der.data() + der.size()) {
    ERR_clear_error();
    throw Error(Errc::bad_signature, "the token's signature is not one of ECDSA");
  }
  const Bytes r = magnitude(ECDSA_SIG_get0_r(parsed.get()));
  const Bytes s = magnitude(ECDSA_SIG_get0_s(parsed.get()));
  return sk_signature(kind, {r, s}, sk);
}

void check_flags(std::uint8_t wanted, std::uint8_t got) {
  if ((wanted & sk_flags::user_presence_required) != 0 && (got & flag_user_present) == 0) {
    throw Error(Errc::bad_signature, "the token signed without a touch, though the key wants one");
  }
  if ((wanted & sk_flags::user_verification_required) != 0 && (got & flag_user_verified) == 0) {
    throw Error(Errc::bad_signature, "the token signed without PIN or fingerprint, though the key wants one");
  }
}

}  // namespace

Bytes sk_signature(KeyKind kind, SkSignatureNumbers numbers, Signature::Sk sk) {
  const auto [r, s] = numbers;
  const bool is_ed25519 = kind == KeyKind::sk_ed25519;
  const bool fits = is_ed25519 ? r.size() == ed25519_signature_bytes && s.empty()
                               : !r.empty() && !s.empty() && std::max(r.size(), s.size()) <= coordinate_bytes;
  if (!fits) throw Error(Errc::bad_signature, "the token's signature has a wrong length");
  const Bytes both = Writer().mpint(r).mpint(s).take();
  Signature out;
  out.algorithm = traits(kind).name;
  out.value = is_ed25519 ? r : ByteView(both);
  out.sk = sk;
  return out.write();
}

Bytes sk_signature(const KeyRef& key, const fido_assert_t& assertion) {
  if (fido_assert_count(&assertion) == 0) throw Error(Errc::bad_signature, "the token gave no signature");
  const ByteView signature(fido_assert_sig_ptr(&assertion, 0), fido_assert_sig_len(&assertion, 0));
  const Signature::Sk sk{fido_assert_flags(&assertion, 0), fido_assert_sigcount(&assertion, 0)};
  check_flags(key.flags, sk.flags);
  return key.kind == KeyKind::sk_ed25519 ? sk_signature(key.kind, {signature, {}}, sk)
                                         : ecdsa_signature(key.kind, signature, sk);
}

PublicKey sk_public_key(KeyKind kind, ByteView point, const std::string& application) {
  if (point.size() != traits(kind).point_bytes) throw Error(Errc::invalid_key, "the token's key has a wrong length");
  Writer out;
  out.string(traits(kind).name);
  if (!traits(kind).curve.empty()) out.string(traits(kind).curve);
  PublicKey key = PublicKey::parse_plain(out.string(point).string(application).bytes());
  if (kind == KeyKind::sk_ecdsa_p256) evp_public_key(key);  // refuses a point that is not on the curve
  return key;
}

PublicKey sk_public_key(KeyKind kind, const fido_cred_t& credential, const std::string& application) {
  const ByteView raw(fido_cred_pubkey_ptr(&credential), fido_cred_pubkey_len(&credential));
  if (kind == KeyKind::sk_ed25519) return sk_public_key(kind, raw, application);
  Bytes point{uncompressed_point};
  point.insert(point.end(), raw.begin(), raw.end());
  return sk_public_key(kind, point, application);
}

}  // namespace fob
