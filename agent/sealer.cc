#include "agent/sealer.h"

#include <sodium.h>

#include "protocol/error.h"

namespace fob {
namespace {

constexpr std::size_t nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;

}  // namespace

Sealer::Sealer() : key_(crypto_aead_xchacha20poly1305_ietf_KEYBYTES) {
  crypto_aead_xchacha20poly1305_ietf_keygen(key_.data());
}

Bytes Sealer::seal(const SecretBytes& secret, ByteView associated) const {
  Bytes out(nonce_bytes + secret.size() + tag_bytes);
  randombytes_buf(out.data(), nonce_bytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + nonce_bytes, nullptr, secret.data(), secret.size(),
                                             associated.data(), associated.size(), nullptr, out.data(), key_.data());
  return out;
}

SecretBytes Sealer::open(ByteView sealed, ByteView associated) const {
  if (sealed.size() < nonce_bytes + tag_bytes) throw Error(Errc::system, "a sealed key in memory is too short");
  SecretBytes out(sealed.size() - nonce_bytes - tag_bytes);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(out.data(), nullptr, nullptr, sealed.data() + nonce_bytes,
                                                 sealed.size() - nonce_bytes, associated.data(), associated.size(),
                                                 sealed.data(), key_.data()) != 0) {
    throw Error(Errc::system, "a sealed key in memory was changed");
  }
  return out;
}

}  // namespace fob
