#include "protocol/key_file/openssh_cipher.h"

#include <sodium.h>

#include <array>

namespace fob::openssh {
namespace {

constexpr std::size_t gcm_tag_bytes = 16;
constexpr std::size_t chacha_key_bytes = crypto_stream_chacha20_KEYBYTES;

/// As cipher.c has them.
constexpr std::array ciphers{
    FileCipher{"none", nullptr, 0, 0, 8, 0},
    FileCipher{"aes256-ctr", "AES-256-CTR", 32, 16, 16, 0},
    FileCipher{"aes192-ctr", "AES-192-CTR", 24, 16, 16, 0},
    FileCipher{"aes128-ctr", "AES-128-CTR", 16, 16, 16, 0},
    FileCipher{"aes256-cbc", "AES-256-CBC", 32, 16, 16, 0},
    FileCipher{"aes192-cbc", "AES-192-CBC", 24, 16, 16, 0},
    FileCipher{"aes128-cbc", "AES-128-CBC", 16, 16, 16, 0},
    FileCipher{"3des-cbc", "DES-EDE3-CBC", 24, 8, 8, 0},
    FileCipher{"aes256-gcm@openssh.com", "AES-256-GCM", 32, 12, 16, gcm_tag_bytes},
    FileCipher{"aes128-gcm@openssh.com", "AES-128-GCM", 16, 12, 16, gcm_tag_bytes},
    // Two keys, of which the second encrypts packet lengths, and so nothing here.
    FileCipher{"chacha20-poly1305@openssh.com", nullptr, 2 * chacha_key_bytes, 0, 8, crypto_onetimeauth_BYTES},
};

/// PROTOCOL.chacha20poly1305: what packet it is; there is one only.
constexpr std::array<std::uint8_t, crypto_stream_chacha20_NONCEBYTES> sequence_number{};

/// Block 0 of the key stream has Poly1305's key.
SecretBytes tag_key_of(const SecretBytes& key) {
  SecretBytes out(crypto_onetimeauth_KEYBYTES);
  crypto_stream_chacha20(out.data(), out.size(), sequence_number.data(), key.data());
  return out;
}

/// Encrypts or decrypts, from block 1 of the key stream on.
Bytes xor_chacha20(const SecretBytes& key, ByteView contents) {
  Bytes out(contents.size());
  crypto_stream_chacha20_xor_ic(out.data(), contents.data(), contents.size(), sequence_number.data(), 1, key.data());
  return out;
}

Sealed encrypt_chacha20_poly1305(const SecretBytes& key, ByteView contents) {
  Sealed out{xor_chacha20(key, contents), Bytes(crypto_onetimeauth_BYTES)};
  crypto_onetimeauth(out.tag.data(), out.data.data(), out.data.size(), tag_key_of(key).data());
  return out;
}

Bytes decrypt_chacha20_poly1305(const SecretBytes& key, ByteView contents, ByteView tag) {
  if (crypto_onetimeauth_verify(tag.data(), contents.data(), contents.size(), tag_key_of(key).data()) != 0) {
    throw WrongPassphrase();
  }
  return xor_chacha20(key, contents);
}

Cipher openssl_cipher(const FileCipher& cipher, const SecretBytes& key_and_iv) {
  return {cipher.openssl_name, key_and_iv.view().first(cipher.key_bytes), key_and_iv.view().subspan(cipher.key_bytes)};
}

}  // namespace

const FileCipher* find_cipher(std::string_view name) {
  for (const FileCipher& cipher : ciphers) {
    if (cipher.name == name) return &cipher;
  }
  return nullptr;
}

const FileCipher& plain_cipher() { return ciphers[0]; }
const FileCipher& written_cipher() { return ciphers[1]; }

Bytes decrypt_contents(const FileCipher& cipher, const SecretBytes& key_and_iv, ByteView contents, ByteView tag) {
  if (cipher.openssl_name == nullptr) return decrypt_chacha20_poly1305(key_and_iv, contents, tag);
  const Cipher with = openssl_cipher(cipher, key_and_iv);
  return tag.empty() ? decrypt(with, contents) : decrypt_tagged(with, contents, tag);
}

Sealed encrypt_contents(const FileCipher& cipher, const SecretBytes& key_and_iv, ByteView contents) {
  if (cipher.openssl_name == nullptr) return encrypt_chacha20_poly1305(key_and_iv, contents);
  const Cipher with = openssl_cipher(cipher, key_and_iv);
  if (cipher.tag_bytes != 0) return encrypt_tagged(with, contents);
  return {encrypt(with, contents), {}};
}

}  // namespace fob::openssh
